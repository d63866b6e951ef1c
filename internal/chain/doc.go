// Package chain is keeper.API over several providers: the vault, and stores that the process of the caller asks itself.
//
// What names a provider is asked of that one. What names none goes through the chain by priority, the highest first, and only "not
// found" moves on (I19): a store that says no, does not answer, or answers with something that cannot be read ends the walk with an
// error that names it, so that an outage of one store never turns into the value of another. What the vault refuses to somebody who
// is not its owner is "denied", whether it is there or not, and ends the walk too.
//
// Before a store is asked, the keeper of the vault decides and writes that down, and what became of it is written down before
// anything of it is shown (I16). A store is asked for all names at once where it can be, else for a few at a time; for one name once,
// however many want it; again, after a while that is different each time, when it did not answer or said to come back later, as long
// as its time allows.
package chain
