package provider

import (
	"context"
	"io"
	"time"

	"tacit/internal/secret"
	"tacit/internal/settings"
)

// A Provider is one store, configured and ready; making one asks the store nothing. Its methods may be called at once from several
// goroutines, and end with their context.
type Provider interface {
	// Read returns a version of a secret; the empty version is the current one. A secret that the store cannot hold, for its name, is not
	// found like any other: the next provider may have it. Errors: fault.NotFound, Denied, Unavailable, Expired,
	// Limited (the store said to come back later), Invalid (what is no name at all, or an answer that cannot be), Usage (configuration).
	Read(ctx context.Context, name, version string) (Item, error)
	// Write creates the secret or adds a version. fault.Invalid when the store cannot hold such a name or value; then nothing changed.
	Write(ctx context.Context, name string, value secret.Value) (Item, error)
	// List calls each with every secret that the store has for us, in no order, without values, until each returns an error.
	List(ctx context.Context, each func(Item) error) error
	// Delete removes the secret with every version, and says how many there were; 0 when the store does not say.
	Delete(ctx context.Context, name string) (versions int, err error)
	// Health asks the store whether it would answer us: nil, or why not, of the classes of Read. It reads no secret.
	Health(ctx context.Context) error
	// Traits says what the store can do. It never changes.
	Traits() Traits
	// Close gives connections back.
	io.Closer
}

// A Batch is a provider whose store answers for many secrets in one round trip. Answers stand in the order of asked.
type Batch interface {
	ReadMany(ctx context.Context, asked []Asked) []Answer
}

// A Versioner is a provider whose store keeps older versions.
type Versioner interface {
	// Versions returns the versions of a secret, newest first, without values.
	Versions(ctx context.Context, name string) ([]Item, error)
}

// Traits is what a store can do.
type Traits struct {
	Writable bool
	Versions bool // it keeps older versions, and the provider is a [Versioner]
	Remote   bool // it is asked over a network: answers may be cached, and --offline leaves it out
}

// An Item is one version of a secret in a store. What the store does not say is zero.
type Item struct {
	Name      string
	Version   string // the store's word for it: "3", "AWSCURRENT"'s id, a hash
	Value     secret.Value
	Tags      []string
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time
}

// Asked is one of many secrets to read.
type Asked struct{ Name, Version string }

// An Answer is what came back for one of them: an item or an error as of Read.
type Answer struct {
	Item Item
	Err  error
}

// Previous is the version before the current one, in stores that keep them.
const Previous = "previous"

// A Spec is a provider as configuration declares it.
type Spec struct {
	Name     string // what references and --provider call it
	Type     string // its kind: one of the table
	Priority int    // the chain asks the highest first
	Required bool   // health fails without it
	Timeout  time.Duration
	Origin   string          // built-in, user or project
	Settings *settings.Table // the keys of its kind
}

// A World is what a provider may know of the process that it runs in.
type World struct {
	Getenv func(string) string
	Now    func() time.Time
	Home   string // of the user; empty: there is none
	// ChildEnvironment is what a program that a provider starts may see of our environment, and what the kind env reads from: nothing
	// that opens the vault (I12). Where there is no vault, it is the rest all the same. nil: there is nothing to see at all.
	ChildEnvironment func(context.Context) ([]string, error)
	// Debug logs what happens, never a value. It is not nil.
	Debug func(message string, args ...any)
}

// Make makes a provider of one kind. It checks the settings, whose errors have class fault.Usage with file and line, and asks nothing.
type Make func(spec Spec, w World) (Provider, error)
