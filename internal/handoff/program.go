package handoff

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"

	"tacit/internal/fault"
	"tacit/internal/mask"
)

// A Program is a program to start.
type Program struct {
	Path string   // see [Find]
	Argv []string // the first is what was typed
	Env  []string

	Stdin *os.File // nil: ours
	Dir   string   // where it works; empty: where we do

	// Mask returns what hides secrets in what it prints, and in what its children do: see [Masks]. nil: nothing is hidden, and its output
	// is ours.
	Mask func() *mask.Patterns
	// More is for a program that gets secrets while it runs: it returns what hides all that it has got by now, and is asked before anything is
	// passed on. nil: it gets none.
	More func() *mask.Patterns
}

// Run runs the program as a child until it ends, and returns its exit status, 128 and the signal's number when a signal ended it. Signals
// that are sent to this process alone are passed on. Where there is nothing for us to do meanwhile, [Program.Become] is better.
//
// The error is a [*StartError] if it did not start, else it is about its output, which was not written to its end.
func (p Program) Run() (exit int, err error) {
	if p.Mask == nil && p.More == nil {
		return p.runPlain()
	}
	if p.Mask != nil {
		go p.Mask() // while the program starts
	}
	return p.runMasked()
}

func (p Program) stdin() *os.File {
	if p.Stdin != nil {
		return p.Stdin
	}
	return os.Stdin
}

// command is the program as package os/exec starts it. It takes names from Argv and looks nothing up.
func (p Program) command() *exec.Cmd {
	return &exec.Cmd{Path: p.Path, Args: p.Argv, Env: p.Env, Dir: p.Dir, Stdin: p.stdin(), Stdout: os.Stdout, Stderr: os.Stderr}
}

// startFailed says why a program was not started, as a shell would.
func (p Program) startFailed(err error) error { return p.failure(errCause(err)) }

func errCause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// The exit statuses of a program that could not be started, as shells have them (POSIX.1-2024, XCU 2.8.2).
const (
	ExitNotExecutable = 126
	ExitNotFound      = 127
)

// StartError says that a program could not be started, and with which status tacit exits for it.
type StartError struct {
	Exit  int
	Fault *fault.Error
}

func (e *StartError) Error() string { return e.Fault.Error() }

func (e *StartError) Unwrap() error { return e.Fault }

func startError(exit int, format string, args ...any) *StartError {
	return &StartError{exit, fault.New(fault.Failed, format, args...)}
}

// Find returns the path of the program that name means: name itself when it holds a separator, else the first executable of
// that name in PATH. The current directory is searched only where it is written out. The error is a [*StartError].
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrDot):
		e := startError(ExitNotExecutable, "run %s: it was found only through a relative entry of PATH", name)
		e.Fault = e.Fault.WithFix("name it with its directory: ./%s", name)
		return "", e
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", startError(ExitNotFound, "run %s: command not found", name)
	case errors.Is(err, fs.ErrPermission):
		return "", startError(ExitNotExecutable, "run %s: permission denied", name)
	}
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err
	}
	return "", startError(ExitNotExecutable, "run %s: %v", name, err)
}
