package cli

import (
	"context"
	"io"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

// World is everything that a run of the program touches: nothing else of the process does it read or write,
// but the files and the terminal.
type World struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // NAME=value; the first of two equal names counts, as in package os
	Now     func() time.Time
	Random  io.Reader
	Version string // of the program: "1.0.0"

	// Open returns the keeper of a vault on this machine. It touches no file; the keeper's calls do.
	Open func(OpenRequest) (Vault, error)
}

// OpenRequest says which vault to open, and how to ask for what opens it.
type OpenRequest struct {
	Layout  paths.Layout
	Getenv  func(string) string
	Now     func() time.Time
	Random  io.Reader
	Version string
	Command string // what is being done, for whoever waits for the vault meanwhile: "tacit set"

	// Ask asks for a passphrase on the terminal, naming what it is for. fault.Locked when there is no terminal.
	Ask func(prompt string) (secret.Value, error)
}

// Main runs the command line and returns the exit status: that of fault.Code.Exit, or of the child of `run`.
func Main(ctx context.Context, w World) int {
	a := newApp(w)
	defer a.close()
	err := a.run(ctx)
	if flushed := a.out.flush(); err == nil && flushed != nil {
		err = fault.Wrap(fault.Failed, flushed, "write to standard output")
	}
	return a.out.failure(err)
}
