// Package bolt keeps an [engine.Engine] in one bbolt file with a lock file beside it.
//
// bbolt writes, this package reads. bbolt's own reader trusts every byte it maps: a damaged page makes it panic, fault, loop
// until the stack is gone, or hide keys. So reading here goes through pread and a reader of the page format that believes
// nothing (tree.go): each page is checked against the page that points to it before a byte of it is used, nothing is mapped,
// and the worst that a damaged file can do is fault.Corrupted. bbolt opens the file only to commit, after the same reader has
// proved every page that bbolt is going to follow (prove.go, freelist.go), and behind a wall that turns what is left of panics
// and memory faults into errors (wall.go).
//
// The lock file, not bbolt's lock on the database, decides who may do what, since the database is replaced by rename and a lock
// on a file that was renamed away protects nothing. It is taken before the database is opened, which is opened for each
// operation: a process that kept it locked would starve the others. One that stays may keep file and pages open between views
// (share.go); the lock it holds for a round of views at a time, five milliseconds at most.
//
// What is not found here: damage inside a value (the envelope authenticates it), a damaged key that still sorts into its place
// or a branch key that moved up and so hides the first keys behind it (package vault's accumulator finds both), and damage in
// pages that nothing refers to, which does no harm.
//
// Not for network file systems: flock there is often local to one machine.
package bolt
