//go:build unix

package handoff

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// onTerminal is a program on a terminal of its own, and the real one, between which everything is passed on.
type onTerminal struct {
	real   *os.File // ours
	master *os.File // the other side of the program's

	leader  *exec.Cmd // of the program's session
	control *os.File  // to the leader
	said    chan message
	signals chan os.Signal
	pid     int // of the program; 0: it has not started

	keys *keys
	was  *term.State // how the real terminal was, while it is raw; nil: it is not
}

// backgroundCheck is how often a job in the background looks whether it was brought to the foreground: not every shell says so.
const backgroundCheck = 200 * time.Millisecond

// suspendTime is how long a process that has asked to be stopped waits for that. It is not stopped if there is nobody who could let it go on.
const suspendTime = 250 * time.Millisecond

// runOnTerminal is Run for a program that reads from a terminal and writes to one.
func (p Program) runOnTerminal() (exit int, err error) {
	master, slave, err := pty.Open()
	if err != nil {
		return 0, p.startFailed(err)
	}
	defer master.Close()
	defer slave.Close()
	o := &outputs{of: p}
	t := &onTerminal{real: os.Stdin, master: master, said: make(chan message), signals: make(chan os.Signal, 16)}
	if err := t.alike(slave); err != nil {
		return 0, p.startFailed(err)
	}
	own := func(*os.File) (here, theirs *os.File, err error) { return master, slave, nil }
	if _, err = o.pass(os.Stdout, own); err != nil {
		return 0, p.startFailed(err)
	}
	stderr := slave
	if !isTerminal(os.Stderr) {
		if stderr, err = o.pass(os.Stderr, openPipe); err != nil {
			return 0, p.startFailed(err)
		}
	}
	signal.Notify(t.signals, append(passedOn, syscall.SIGPIPE, syscall.SIGWINCH)...)
	defer signal.Stop(t.signals)
	if err := t.lead(p, slave, stderr); err != nil {
		o.abandon()
		return 0, err
	}
	t.keys = readKeys(t.real, t.master)
	t.attach() // before the first line is shown, whose end would be made twice else
	defer t.detach()
	o.started()
	exit = t.until()
	t.keys.stop()
	return exit, o.ended()
}

// alike makes the program's terminal what the real one is.
func (t *onTerminal) alike(slave *os.File) error {
	state, err := term.GetState(int(t.real.Fd()))
	if err == nil {
		err = term.Restore(int(slave.Fd()), state)
	}
	if err == nil {
		err = pty.InheritSize(t.real, t.master)
	}
	return err
}

// lead starts the leader of the session, which starts the program.
func (t *onTerminal) lead(p Program, slave, stderr *os.File) error {
	exe, err := os.Executable()
	if err != nil {
		return p.startFailed(err)
	}
	ours, theirs, err := socketpair()
	if err != nil {
		return p.startFailed(err)
	}
	const control = 3 // the first of ExtraFiles
	t.control = ours
	t.leader = &exec.Cmd{
		Path: exe, Args: append([]string{os.Args[0], SessionCommand, strconv.Itoa(control), p.Path}, p.Argv...), Env: p.Env, Dir: p.Dir,
		Stdin: slave, Stdout: slave, Stderr: stderr, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	}
	err = t.leader.Start()
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return p.startFailed(err)
	}
	first, err := receive(ours)
	if err == nil && first.kind == started {
		t.pid = first.n
		go t.listen()
		return nil
	}
	_ = ours.Close()
	_ = t.leader.Wait()
	if err == nil && first.kind == failed {
		return p.failure(syscall.Errno(first.n))
	}
	return startError(ExitNotExecutable, "run %s: the leader of its session ended", p.Argv[0])
}

// listen hears what the leader says, until it is gone.
func (t *onTerminal) listen() {
	defer close(t.said)
	for {
		m, err := receive(t.control)
		if err != nil {
			return
		}
		t.said <- m
	}
}

// until passes on keys, sizes and signals until the program has ended, and returns its exit status.
func (t *onTerminal) until() (exit int) {
	exit = 128 + int(syscall.SIGKILL) // what a program gets whose leader was killed
	look := time.NewTicker(backgroundCheck)
	defer look.Stop()
	for {
		select {
		case m, ok := <-t.said:
			switch {
			case !ok:
				_ = syscall.Kill(t.pid, syscall.SIGTERM) // nothing, if it has ended
				_ = t.control.Close()
				_ = t.leader.Wait()
				return exit
			case m.kind == exited:
				exit = m.n
			case m.kind == stopped:
				t.suspend()
			}
		case s := <-t.signals:
			t.signal(s)
		case <-look.C:
			if t.was == nil {
				t.attach()
			}
		}
	}
}

// signal does what a signal to this process asks for.
func (t *onTerminal) signal(s os.Signal) {
	switch s {
	case syscall.SIGPIPE: // an error of the stream
	case syscall.SIGWINCH:
		_ = pty.InheritSize(t.real, t.master) // which tells the program
	case syscall.SIGCONT:
		t.attach()
		_ = message{kind: goOn}.send(t.control)
	default:
		_ = syscall.Kill(t.pid, s.(syscall.Signal))
	}
}

// attach takes the real terminal's keys, if it is ours to take: we may be a job in the background.
func (t *onTerminal) attach() {
	fd := int(t.real.Fd())
	if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || group != unix.Getpgrp() {
		return
	}
	_ = pty.InheritSize(t.real, t.master)
	if t.was == nil {
		was, err := term.MakeRaw(fd)
		if err != nil {
			return
		}
		t.was = was
	} else {
		_, _ = term.MakeRaw(fd) // somebody may have set it meanwhile, while we were stopped
	}
	t.keys.take(true)
}

// detach gives the real terminal back as it was.
func (t *onTerminal) detach() {
	t.keys.take(false)
	if t.was != nil {
		_ = term.Restore(int(t.real.Fd()), t.was)
		t.was = nil
	}
}

// suspend stops this process, and everybody in its job, because the program was; and goes on when it may.
func (t *onTerminal) suspend() {
	t.detach()
	// Of SIGTSTP the runtime knows nothing, so it does what it does to any program: Go cannot give that back once it was notified of it.
	_ = syscall.Kill(0, syscall.SIGTSTP)
	for wait := time.After(suspendTime); wait != nil; {
		select {
		case s := <-t.signals:
			if s == syscall.SIGCONT {
				wait = nil
				break
			}
			t.signal(s)
		case <-wait:
			wait = nil
		}
	}
	t.attach()
	_ = message{kind: goOn}.send(t.control)
}

// socketpair returns two ends of a connection. Neither is inherited unless it is given.
func socketpair() (a, b *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control"), nil
}
