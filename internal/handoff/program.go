package handoff

import (
	"errors"
	"io/fs"
	"os/exec"

	"tacit/internal/fault"
)

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
