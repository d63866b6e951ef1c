//go:build unix

package handoff

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// SessionCommand is the argument with which tacit starts itself as the leader of a program's session: see [Session].
const SessionCommand = "__session"

// What is said between tacit and the leader of a session: one byte and a number.
const (
	started = 'p' // the program runs, as the process n
	failed  = 'x' // it could not be started: errno n
	stopped = 's' // it was stopped by the signal n, as Ctrl-Z does
	exited  = 'e' // it ended with the status n, as a shell gives it
	goOn    = 'c' // to the leader: let it go on
	toFront = 'f' // to the leader: give it the terminal, and let it go on
)

// What the leader has beside the program's own files: the connection to tacit, and the program's terminal.
const (
	controlFD  = 3
	terminalFD = 4
)

type message struct {
	kind byte
	n    int
}

func (m message) send(to *os.File) error {
	_, err := to.Write(binary.BigEndian.AppendUint32([]byte{m.kind}, uint32(m.n)))
	return err
}

func receive(from *os.File) (message, error) {
	var b [5]byte
	_, err := io.ReadFull(from, b[:])
	return message{b[0], int(int32(binary.BigEndian.Uint32(b[1:])))}, err
}

// Session leads the session of a program that has a terminal of its own: tacit's main calls it when [SessionCommand] is the first
// argument, with those that follow, and exits with what it returns.
//
// The kernel lets Ctrl-Z stop a program only if its parent is in the same session and not in the same process group: somebody who could
// let it go on. This process is that parent, as a shell would be. It tells tacit what becomes of the program, and ends with it. It has
// the program's environment, and nothing else of tacit.
func Session(args []string) int {
	if len(args) < 3 {
		return ExitNotFound
	}
	syscall.CloseOnExec(controlFD)
	syscall.CloseOnExec(terminalFD)
	control := os.NewFile(controlFD, "control")
	runtime.LockOSThread() // what ends with its parent ends with this thread

	pid, err := Program{Path: args[1], Argv: args[2:], Env: os.Environ()}.inSession(args[0] == front)
	if err != nil {
		var errno syscall.Errno
		_ = errors.As(err, &errno)
		_ = message{failed, int(errno)}.send(control)
		return ExitNotExecutable
	}
	signal.Ignore(syscall.SIGTTOU, syscall.SIGTSTP, syscall.SIGTTIN)
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} { // the program's end should be theirs
		_ = f.Close()
	}
	_ = message{started, pid}.send(control)
	go obey(control, pid)
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return ExitNotExecutable
		case status.Stopped():
			_ = message{stopped, int(status.StopSignal())}.send(control)
		default:
			// What the program left in the background is not hung up: the foreground is ours when this session ends.
			bring(unix.Getpgrp())
			_ = message{exited, exitOf(status)}.send(control)
			return 0
		}
	}
}

// The first argument of [SessionCommand]: whether the program has the terminal from the beginning.
const (
	front = "front"
	back  = "back"
)

// bring gives a process group the terminal.
func bring(group int) { _ = unix.IoctlSetPointerInt(terminalFD, unix.TIOCSPGRP, group) }

// inSession starts the program in a process group of its own, which has the terminal if it is to be in front.
func (p Program) inSession(inFront bool) (pid int, err error) {
	attr := &os.ProcAttr{Env: p.Env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: endsWithUs()}
	if attr.Sys == nil {
		attr.Sys = &syscall.SysProcAttr{}
	}
	attr.Sys.Setpgid, attr.Sys.Foreground, attr.Sys.Ctty = true, inFront, terminalFD
	child, err := os.StartProcess(p.Path, p.Argv, attr)
	if errors.Is(err, syscall.ENOEXEC) {
		p = p.byShell()
		child, err = os.StartProcess(p.Path, p.Argv, attr)
	}
	if err != nil {
		return 0, err
	}
	pid = child.Pid
	return pid, child.Release() // it is waited for by its number, to see it stop too
}

// obey does what tacit says, and ends the program when tacit is gone.
func obey(control *os.File, pid int) {
	for {
		m, err := receive(control)
		if err != nil {
			_ = syscall.Kill(-pid, syscall.SIGHUP)
			_ = syscall.Kill(-pid, syscall.SIGTERM)
			_ = syscall.Kill(-pid, syscall.SIGCONT)
			return
		}
		if m.kind == toFront {
			bring(pid)
		}
		_ = syscall.Kill(-pid, syscall.SIGCONT)
	}
}
