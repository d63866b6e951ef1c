// Package handoff gives secrets to programs: it builds a child's environment and starts it.
//
// What it promises: a child sees the caller's environment without what opens the vault, plus exactly the variables that were
// asked for (I12); no secret is ever in an argument; nothing of a value is interpreted, expanded or split (I21).
// It reads no vault: the caller has resolved every reference before anything starts.
//
// It also writes values where programs look for them otherwise: into files ([Lay], a scanner for each [Kind]), into variables that
// somebody else sets ([WriteEnv]), and into the commands of tasks ([Command]). There, a value is escaped for the place where it lands,
// which the text around it alone decides; where no escape keeps it a text, it is refused.
package handoff
