package handoff

import (
	"errors"
	"os"
	"os/exec"
)

// Run runs the program at path (see [Find]) as a child with this process's streams, until it ends. It returns the child's exit status,
// 128 and the signal's number when a signal ended it, or a [*StartError]. Signals that are sent to this process alone are passed on.
//
// [Become] is better where nothing has to outlive the program.
func Run(path string, argv, env []string) (exit int, err error) {
	c := &exec.Cmd{Path: path, Args: argv, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	relay := newRelay()
	defer relay.stop()
	if err := c.Start(); err != nil {
		return 0, startError(ExitNotExecutable, "run %s: %v", argv[0], errCause(err))
	}
	relay.to(c.Process)
	err = c.Wait()
	var status *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &status):
		return exitOf(status), nil
	}
	return 0, startError(ExitNotExecutable, "run %s: %v", argv[0], err)
}

func errCause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
