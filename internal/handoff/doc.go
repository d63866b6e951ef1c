// Package handoff gives secrets to programs: it builds a child's environment and starts it.
//
// What it promises: a child sees the caller's environment without what opens the vault, plus exactly the variables that were
// asked for (I12); no secret is ever in an argument; nothing of a value is interpreted, expanded or split (I21).
// It reads no vault: the caller has resolved every reference before anything starts.
package handoff
