//go:build unix

package handoff

import (
	"errors"
	"syscall"
)

func sameName(a, b string) bool { return a == b }

// Become replaces this process by the program, so that the child's exit status, signals, terminal, open files and process id are its own,
// with nothing of tacit in between and nothing of it left in memory. It returns only when it fails, with a [*StartError]. Everything that
// must be durable must be so before it is called. It is not for a program with a Mask, More, Stdin or Dir.
//
// The exit status is returned only on Windows, where a process cannot be replaced.
func (p Program) Become() (exit int, err error) {
	err = syscall.Exec(p.Path, p.Argv, p.Env)
	if errors.Is(err, syscall.ENOEXEC) {
		s := p.byShell()
		err = syscall.Exec(s.Path, s.Argv, s.Env)
	}
	return 0, p.failure(err)
}

// byShell is a script without a first line that names its interpreter: POSIX says that execvp gives it to the shell.
func (p Program) byShell() Program {
	p.Path, p.Argv = "/bin/sh", append([]string{"/bin/sh", p.Path}, p.Argv[1:]...)
	return p
}

// failure says why execve failed.
func (p Program) failure(err error) *StartError {
	switch {
	case errors.Is(err, syscall.ENOENT):
		// The file was there a moment ago: it is its interpreter or loader that is missing.
		return startError(ExitNotFound, "run %s: its interpreter is missing", p.Argv[0])
	case errors.Is(err, syscall.E2BIG):
		return startError(ExitNotExecutable, "run %s: arguments and environment are larger than the system allows", p.Argv[0])
	}
	return startError(ExitNotExecutable, "run %s: %v", p.Argv[0], err)
}
