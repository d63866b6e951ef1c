package cli

import (
	"context"
	"io"
	"time"

	"tacit/internal/fault"
	"tacit/internal/handoff"
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

	WorkFactor int // log2 of scrypt's cost for new slots; 0 is what ships. Only tests set it
}

// Main runs the command line and returns the exit status: that of fault.Code.Exit, or of the child of `run`.
func Main(ctx context.Context, w World) int {
	if len(w.Args) > 0 && w.Args[0] == handoff.SessionCommand {
		return handoff.Session(w.Args[1:])
	}
	a := newApp(w)
	defer a.close()
	err := a.run(ctx)
	if flushed := a.out.flush(); err == nil && flushed != nil {
		err = fault.Wrap(fault.Failed, errCause(flushed), "write to standard output")
	}
	return a.out.failure(err)
}
