//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// session is tacit at a terminal, with somebody who waits for a prompt before typing.
type session struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File // the master side

	mu     sync.Mutex
	screen bytes.Buffer
	more   chan struct{}
}

func startSession(t *testing.T, dir string, args ...string) *session {
	t.Helper()
	cmd := exec.Command("tacit", args...)
	cmd.Env = append(os.Environ(), "TACIT_DIR="+dir, "TACIT_PASSPHRASE=", "TERM=xterm")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return watch(t, cmd, tty)
}

// watch reads what a command at a terminal shows.
func watch(t *testing.T, cmd *exec.Cmd, tty *os.File) *session {
	t.Helper()
	s := &session{t: t, cmd: cmd, tty: tty, more: make(chan struct{}, 1)}
	t.Cleanup(func() { _ = tty.Close(); _ = s.cmd.Process.Kill() })
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := tty.Read(b)
			s.mu.Lock()
			s.screen.Write(b[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// expect waits until text stands on the screen.
func (s *session) expect(text string) {
	s.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		screen := s.screen.String()
		s.mu.Unlock()
		if strings.Contains(screen, text) {
			return
		}
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("no %q on the screen:\n%s", text, screen)
		}
	}
}

func (s *session) typeIn(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// echoes reports whether the terminal shows what is typed.
func (s *session) echoes() bool {
	s.t.Helper()
	stty := exec.Command("stty", "-a")
	stty.Stdin = s.tty
	out, err := stty.CombinedOutput()
	if err != nil {
		s.t.Fatalf("stty: %v: %s", err, out)
	}
	return slices.Contains(strings.Fields(string(out)), "echo")
}

// expectHidden waits until text stands on the screen and what is typed does not show any more.
func (s *session) expectHidden(text string) {
	s.t.Helper()
	s.expect(text)
	for limit := time.Now().Add(20 * time.Second); s.echoes(); {
		if time.Now().After(limit) {
			s.t.Fatal("what is typed at a hidden prompt shows")
		}
	}
}

func TestInterruptedPromptGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, sig := range map[string]func(s *session){
		"ctrl-c":  func(s *session) { s.typeIn("half a passphrase\x03") },
		"sigterm": func(s *session) { _ = s.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		s := startSession(t, dir, "init", "--passphrase")
		s.expectHidden("New passphrase: ")
		sig(s)
		_ = s.cmd.Wait()
		if code := s.cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("%s: exit %d", name, code)
		}
		if !s.echoes() {
			t.Errorf("%s: the terminal stays without echo", name)
		}
		s.mu.Lock()
		if strings.Contains(s.screen.String(), "half") {
			t.Errorf("%s: the passphrase is on the screen: %q", name, s.screen.String())
		}
		s.mu.Unlock()
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("an interrupted init left %v", left)
	}
}
