// Package program runs a program that a provider asks: another tool, or one of the user's own. It decides what such a program sees and
// how long it may take, for every kind that starts one:
//
//   - no secret is in its arguments: what it must know goes over standard input (I12);
//   - its environment is [provider.World.ChildEnvironment] (I12);
//   - it has no terminal: whatever would ask a person fails instead of waiting;
//   - it ends with the context, and everything that it started with it;
//   - what it prints is bounded, and what it says on standard error is shown as one line, without the values that we know.
package program
