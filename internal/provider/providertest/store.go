package providertest

import (
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// Name is what the provider under test is called: the Name of its [provider.Spec]. Errors must name it.
const Name = "shop"

// Wait is the time of the Retry-After that a throttling store sends.
const Wait = 7 * time.Second

// A Store is a kind of provider, and what the suite has to know about what it speaks to.
type Store struct {
	// New starts an empty store, which ends with the test, and makes a provider of the name [Name] for it in this world.
	New func(t *testing.T, w provider.World) Subject
	// PageSize is how many secrets the store lists at once; 0: all. A small one keeps the test quick.
	PageSize int
	// Holds reports whether the store can hold such a value; nil: all from 1 byte to 64 KiB. Others must be refused.
	Holds func(value []byte) bool
	// HoldsName reports whether the store can hold a secret of this name; nil: all that package name allows. Others must be refused by
	// Write, and be not found by Read: they can still be in another provider of the chain.
	HoldsName func(name string) bool
	// Same reports whether two names stand for one place in the store (where case does not count, say); nil: never.
	Same func(a, b string) bool
	// Deleted is what a read of a secret that was deleted, and could be brought back, fails with; empty: fault.NotFound. A store that
	// knows the difference should say so: the chain would put another provider's value in its place.
	Deleted fault.Code
	// Lacks are the faults that cannot happen to this store, with the reason. A remote one has all that are not listed.
	Lacks map[Fault]string
}

// A Subject is one provider over one store.
type Subject struct {
	Provider provider.Provider
	// Put puts a secret into the store behind the provider's back; nil: the provider writes it itself. Read-only kinds need it.
	Put func(name string, value []byte)
	// Break makes the store misbehave from now on, whatever it is asked, and change nothing; [None] mends it. nil: nothing can go
	// wrong between us and it.
	Break func(f Fault)
	// SoftDelete deletes a secret so that the store could bring it back; nil: the store knows no such thing.
	SoftDelete func(name string)
	// Foreign puts something into the store that is no secret of ours and that List leaves out; nil: there is no such thing.
	Foreign func()
	// Secrets are tokens and keys that the provider presents to the store. They must appear in no error and no debug line.
	Secrets []string
}

// A Fault is a way in which a store misbehaves.
type Fault string

// The faults. Those of the last group come from a store that lies or that is not the store at all; none of them may look like "no
// such secret" (I19), and none may hand out a value.
const (
	None      Fault = ""
	Denied    Fault = "denied"    // 403: the token is good, and may not do this
	Expired   Fault = "expired"   // 401: the token is not good any more
	Throttled Fault = "throttled" // 429 with a Retry-After of Wait
	Failing   Fault = "failing"   // 500, with the canary and a terminal escape in its text
	Down      Fault = "down"      // nobody listens, or the connection ends before an answer
	Slow      Fault = "slow"      // no answer before the context ends

	Garbage   Fault = "garbage"    // 200, and then bytes that are not of the protocol at all
	Truncated Fault = "truncated"  // a right answer cut off in the middle
	Huge      Fault = "huge"       // an answer without end, or of 64 MiB at least
	WrongName Fault = "wrong name" // a well-formed answer about another secret, with the value Lie
	ProxyPage Fault = "proxy page" // 404, text/html: the page of something between us and the store
)

// Canary is in every value that the suite stores. A store that fails puts it into its messages: they must not be repeated as they are.
const Canary = "cAnArY-7rQz"

// Lie is the value of an answer about another secret.
const Lie = "lie-" + Canary

// Page is the body of [ProxyPage].
const Page = "<html><head><title>404 Not Found</title></head><body>" + Canary + "</body></html>"

// Noise is a body that no protocol has.
const Noise = "\x00\x1b[31m{]" + Canary + "\xff"
