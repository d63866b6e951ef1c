package cli

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// errNoTerminal is the answer when there is nobody to ask.
var errNoTerminal = errors.New("there is no terminal to ask on")

// terminal is the controlling terminal. Prompts use it whatever the streams of the process are, so that a pipe into or out of
// tacit carries data only.
type terminal struct{ in, out *os.File }

// openTerminal opens the controlling terminal, or returns errNoTerminal.
func openTerminal() (*terminal, error) {
	in, out, err := terminalFiles()
	if err != nil {
		return nil, errNoTerminal
	}
	return &terminal{in, out}, nil
}

func (t *terminal) close() {
	_ = t.in.Close()
	if t.out != t.in {
		_ = t.out.Close()
	}
}

// hidden asks for a line that is not shown. Ctrl-C gives the terminal its echo back and returns [interrupted]; Ctrl-D at the
// beginning returns io.EOF.
func (t *terminal) hidden(prompt string) (secret.Value, error) {
	state, err := term.GetState(int(t.in.Fd()))
	if err != nil {
		return secret.Value{}, errNoTerminal
	}
	type answer struct {
		line []byte
		err  error
	}
	got := make(chan answer, 1)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	_, _ = io.WriteString(t.out, visible(prompt))
	go func() {
		line, err := term.ReadPassword(int(t.in.Fd()))
		got <- answer{line, err}
	}()
	select {
	case <-signals:
		_ = term.Restore(int(t.in.Fd()), state)
		_, _ = io.WriteString(t.out, "\n")
		return secret.Value{}, interrupted
	case a := <-got:
		_, _ = io.WriteString(t.out, "\n")
		return secret.New(a.line), a.err
	}
}

// line asks for a line that is shown, and returns it without its end.
func (t *terminal) line(prompt string) (string, error) {
	_, _ = io.WriteString(t.out, visible(prompt))
	// One byte at a time: what comes after the line belongs to the next prompt.
	var b strings.Builder
	r := bufio.NewReaderSize(oneByte{t.in}, 16)
	for {
		c, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return strings.TrimRight(b.String(), "\r"), nil
		}
		b.WriteByte(c)
	}
}

// print writes to the terminal itself: what the user must see once and no file may hold.
func (t *terminal) print(text string) { _, _ = io.WriteString(t.out, text) }

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// confirm asks whether to go on with something that cannot be undone. With force it does not ask; without a terminal it
// refuses, naming --force.
func (a *app) confirm(force bool, question string) error {
	if force {
		return nil
	}
	t, err := openTerminal()
	if err != nil {
		return fault.New(fault.Usage, "%s there is no terminal to ask on", question).WithFix("add --force to do it without being asked")
	}
	defer t.close()
	answer, err := t.line(question + " [y/N] ")
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Wrap(fault.Failed, err, "read the answer")
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fault.New(fault.Failed, "not confirmed: nothing was changed")
}
