//go:build unix

package handoff

import (
	"os"
	"os/exec"
	"os/signal"
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

	wanted bool // the program uses its terminal: the real one's keys are for it
	plain  bool // we have told the program's terminal to leave line ends alone
	keys   *keys
	was    *term.State // how the real terminal was, while it is raw; nil: it is not
}

// backgroundCheck is how often a job in the background looks whether it was brought to the foreground: not every shell says so.
const backgroundCheck = 200 * time.Millisecond

// suspendTime is how long a process that has asked to be stopped waits for that. It is not stopped if there is nobody who could let it go on.
const suspendTime = 250 * time.Millisecond

// runOnTerminal is Run for a program that writes to a terminal. real is ours.
//
// The keys are taken at once if it reads from a terminal too. Else there may be somebody else in the pipeline who does; so it begins in
// the background of its own terminal, where the kernel stops it when it wants a key, and only then they are taken.
func (p Program) runOnTerminal(real *os.File) (exit int, err error) {
	master, slave, err := openPTY()
	if err != nil {
		return 0, p.startFailed(err)
	}
	defer master.Close()
	defer slave.Close()
	o := &outputs{of: p}
	t := &onTerminal{real: real, master: master, said: make(chan message), signals: make(chan os.Signal, 16)}
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
	signal.Notify(t.signals, append(heeded(), syscall.SIGPIPE, syscall.SIGWINCH)...)
	defer signal.Stop(t.signals)
	stdin := p.stdin()
	if isTerminal(stdin) {
		stdin, t.wanted = slave, t.inFront()
	}
	t.keys = readKeys(t.real, t.master)
	defer t.keys.stop()
	t.attach()
	defer t.detach()
	if err := t.lead(p, slave, stdin, stderr); err != nil {
		o.abandon()
		return 0, err
	}
	o.started()
	exit = t.until()
	t.keys.stop() // what is typed from now is not the program's
	t.interruptible()
	return exit, o.ended(t.signals)
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
	t.lineEnds(false)
	return err
}

// lead starts the leader of the session, which starts the program.
func (t *onTerminal) lead(p Program, slave, stdin, stderr *os.File) error {
	exe, err := os.Executable()
	if err != nil {
		return p.startFailed(err)
	}
	ours, theirs, err := socketpair()
	if err != nil {
		return p.startFailed(err)
	}
	where := back
	if t.wanted {
		where = front
	}
	t.control = ours
	t.leader = &exec.Cmd{
		Path: exe, Args: append([]string{os.Args[0], SessionCommand, where, p.Path}, p.Argv...), Env: p.Env, Dir: p.Dir,
		Stdin: stdin, Stdout: slave, Stderr: stderr, ExtraFiles: []*os.File{controlFD - 3: theirs, terminalFD - 3: slave},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: terminalFD},
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
				t.stopped(syscall.Signal(m.n))
			}
		case s := <-t.signals:
			t.signal(s)
		case <-look.C:
			if t.was == nil && t.wanted {
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
	case syscall.SIGINT, syscall.SIGQUIT: // while the keys are not the program's, Ctrl-C comes to us
		_ = syscall.Kill(-t.pid, s.(syscall.Signal))
	default:
		_ = syscall.Kill(t.pid, s.(syscall.Signal))
	}
}

// inFront reports whether we have the real terminal: we may be a job in the background, unless it controls no jobs of ours.
func (t *onTerminal) inFront() bool {
	group, err := unix.IoctlGetInt(int(t.real.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// attach takes the real terminal's keys, if they are wanted and ours to take.
func (t *onTerminal) attach() {
	if !t.wanted || !t.inFront() {
		return
	}
	t.lineEnds(true)
	fd := int(t.real.Fd())
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

// lineEnds says whether the program's terminal makes of a line end what terminals make of it. Only one of the two may: it while the real one
// is raw, else the real one. A program that has switched it off itself keeps it off.
func (t *onTerminal) lineEnds(theirs bool) {
	c, err := t.master.SyscallConn() // Fd would take the deadlines away
	if err != nil || theirs != t.plain {
		return
	}
	_ = c.Control(func(fd uintptr) {
		mode, err := unix.IoctlGetTermios(int(fd), getTermios)
		if err != nil || !theirs && mode.Oflag&unix.OPOST == 0 {
			return
		}
		mode.Oflag ^= unix.OPOST
		if unix.IoctlSetTermios(int(fd), setTermios, mode) == nil {
			t.plain = !theirs
		}
	})
}

// interruptible makes Ctrl-C and Ctrl-\ signals to us, while the rest of the output comes: nobody else reads them any more.
func (t *onTerminal) interruptible() {
	if t.was == nil || !t.inFront() {
		return
	}
	fd := int(t.real.Fd())
	if mode, err := unix.IoctlGetTermios(fd, getTermios); err == nil {
		mode.Lflag |= unix.ISIG
		_ = unix.IoctlSetTermios(fd, setTermios, mode)
	}
}

// detach gives the real terminal back as it was.
func (t *onTerminal) detach() {
	t.lineEnds(false)
	t.keys.take(false)
	if t.was != nil {
		_ = term.Restore(int(t.real.Fd()), t.was)
		t.was = nil
	}
}

// stopped does what the program's stop asks for: it wants the terminal, or it was told to stop.
func (t *onTerminal) stopped(by syscall.Signal) {
	next := message{kind: goOn}
	if by == syscall.SIGTTIN || by == syscall.SIGTTOU {
		next.kind = toFront
		t.wanted = true
	}
	if next.kind == goOn || !t.inFront() {
		t.suspend()
	}
	t.attach()
	_ = next.send(t.control)
}

// suspend stops this process, and everybody in its job, because the program was stopped; and returns when it goes on.
func (t *onTerminal) suspend() {
	t.detach()
	// Of SIGTSTP the runtime knows nothing, so it does what it does to any program: Go cannot give that back once it was notified of it.
	_ = syscall.Kill(0, syscall.SIGTSTP)
	for wait := time.After(suspendTime); ; {
		select {
		case s := <-t.signals:
			if s == syscall.SIGCONT {
				return
			}
			t.signal(s)
		case <-wait:
			return
		}
	}
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
