//go:build unix

package handoff

import (
	"errors"
	"syscall"
)

func sameName(a, b string) bool { return a == b }

// Become replaces this process by the program at path (see [Find]), so that the child's exit status, signals, terminal, open
// files and process id are its own, with nothing of tacit in between and nothing of it left in memory. argv[0] is what was
// typed. It returns only when it fails, with a [*StartError]. Everything that must be durable must be so before it is called.
//
// The exit status is returned only on Windows, where a process cannot be replaced.
func Become(path string, argv, env []string) (exit int, err error) {
	err = syscall.Exec(path, argv, env)
	if errors.Is(err, syscall.ENOEXEC) {
		// A script without a first line that names its interpreter: POSIX says that execvp gives it to the shell.
		err = syscall.Exec("/bin/sh", append([]string{"/bin/sh", path}, argv[1:]...), env)
	}
	switch {
	case errors.Is(err, syscall.ENOENT):
		// The file was there a moment ago: it is its interpreter or loader that is missing.
		return 0, startError(ExitNotFound, "run %s: its interpreter is missing", argv[0])
	case errors.Is(err, syscall.E2BIG):
		return 0, startError(ExitNotExecutable, "run %s: arguments and environment are larger than the system allows", argv[0])
	}
	return 0, startError(ExitNotExecutable, "run %s: %v", argv[0], err)
}
