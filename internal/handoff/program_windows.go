package handoff

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

// Names of variables are the same on Windows whatever their case.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

// Become runs the program at path (see [Find]) with this process's streams and returns its exit status, or a [*StartError].
// Windows sends Ctrl-C to every process of the console, so this one only has to outlive the child.
func Become(path string, argv, env []string) (exit int, err error) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	c := exec.Cmd{Path: path, Args: argv, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err = c.Run()
	var status *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &status):
		return status.ExitCode(), nil
	}
	return 0, startError(ExitNotExecutable, "run %s: %v", argv[0], err)
}
