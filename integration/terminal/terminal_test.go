// Package terminal_test drives real full-screen programs through tacit run, in a real terminal emulator (tmux): what they show is masked,
// and they notice nothing else of it.
package terminal_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The value of the secret that every program here has on its screen, and what stands in its place.
const (
	value  = "c4n4ry-b3hind-th3-m4sk"
	masked = "***"
)

// A home is a vault with one secret, and the programs.
type home struct{ dir string }

var theHome = sync.OnceValues(func() (*home, error) {
	dir, err := os.MkdirTemp("", "tacit-terminal")
	if err != nil {
		return nil, err
	}
	h := &home{dir}
	if err := os.WriteFile(filepath.Join(dir, "rc"), []byte("PS1='shell> '\n"), 0o600); err != nil {
		return h, err
	}
	for _, build := range [][]string{{filepath.Join("..", ".."), "tacit", "./cmd/tacit"}, {".", "tui", "./tui"}} {
		c := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, build[1]), build[2])
		c.Dir, c.Env = build[0], append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return h, fmt.Errorf("go build %s: %w\n%s", build[2], err, out)
		}
	}
	c := exec.Command(filepath.Join(dir, "tacit"), "set", "db.password", "-q")
	c.Env, c.Stdin = h.environ(), strings.NewReader(value)
	if out, err := c.CombinedOutput(); err != nil {
		return h, fmt.Errorf("tacit set: %w\n%s", err, out)
	}
	return h, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if h, _ := theHome(); h != nil {
		_ = os.RemoveAll(h.dir)
	}
	os.Exit(code)
}

func (h *home) environ() []string {
	return []string{
		"HOME=" + h.dir, "PATH=" + h.dir + ":" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8", "HISTFILE=", "TACIT_NO_AGENT=1",
	}
}

// A pane is a shell in a terminal emulator.
type pane struct {
	t      *testing.T
	h      *home
	socket string
}

func newPane(t *testing.T) *pane {
	t.Helper()
	h, err := theHome()
	if err != nil {
		t.Fatal(err)
	}
	p := &pane{t, h, filepath.Join(t.TempDir(), "tmux")}
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "bash --noprofile --rcfile "+filepath.Join(h.dir, "rc"))
	t.Cleanup(func() { _ = p.command("kill-server").Run() })
	p.expect("shell>")
	return p
}

func (p *pane) command(args ...string) *exec.Cmd {
	c := exec.Command("tmux", append([]string{"-S", p.socket}, args...)...)
	c.Env, c.Dir = p.h.environ(), p.h.dir
	return c
}

func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	out, err := p.command(args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// screen is what the terminal shows. The secret never does.
func (p *pane) screen() string {
	p.t.Helper()
	s := p.tmux("capture-pane", "-p")
	if strings.Contains(s, value) {
		p.t.Fatalf("the secret is on the screen:\n%s", s)
	}
	return s
}

// expect waits until text is on the screen.
func (p *pane) expect(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q", text), func(screen string) bool { return strings.Contains(screen, text) })
}

func (p *pane) until(what string, holds func(screen string) bool) {
	p.t.Helper()
	for limit := time.Now().Add(30 * time.Second); !holds(p.screen()); {
		if time.Now().After(limit) {
			p.t.Fatalf("waited in vain for %s:\n%s", what, strings.TrimSpace(p.screen()))
		}
	}
}

// keys types: words such as C-z and Enter are keys.
func (p *pane) keys(keys ...string) {
	p.t.Helper()
	p.tmux(append([]string{"send-keys"}, keys...)...)
}

// line types a line.
func (p *pane) line(text string) {
	p.t.Helper()
	p.tmux("send-keys", "-l", text)
	p.keys("Enter")
}

func (p *pane) resize(width, height int) {
	p.t.Helper()
	p.tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
}

// intact checks that the shell has its terminal back: it echoes, edits lines and lets itself be interrupted.
func (p *pane) intact() {
	p.t.Helper()
	p.line("clear; stty -a | tr ' ' '\\n' | grep -cxE 'icanon|echo|isig|opost'")
	p.until("4 modes", func(s string) bool { return strings.Contains(s, "\n4\n") || strings.HasPrefix(s, "4\n") })
}

// ended waits until the shell is there again, and checks with which status the program ended. (Of a line with a program that was stopped,
// bash does not do the rest.)
func (p *pane) ended(status int) {
	p.t.Helper()
	p.until("the shell", func(s string) bool { return strings.HasSuffix(strings.TrimSpace(s), "shell>") })
	p.line("s=$?; clear; echo status $s")
	p.expect(fmt.Sprintf("status %d\n", status))
}

func TestVim(t *testing.T) {
	t.Parallel()
	p := newPane(t)
	p.line("tacit run -e PW=db.password -- vim -u NONE -N --cmd 'set noswapfile viminfo='")
	p.expect("~")
	p.line(":put ='value ' . $PW")
	p.expect("value " + masked)
	p.line(":put ='size ' . &columns . 'x' . &lines")
	p.expect("size 100x30")
	p.resize(80, 20)
	// It draws itself anew by itself; what it is asked next it answers by its new size.
	p.until("the new size", func(string) bool {
		p.line(":put ='now ' . &columns . 'x' . &lines")
		return strings.Contains(p.screen(), "now 80x20")
	})
	// The value, once more after everything was drawn again.
	p.keys("C-l")
	p.expect("value " + masked)
	p.keys("C-z")
	p.expect("Stopped")
	p.line("clear; fg")
	p.expect("value " + masked)
	p.line(":cq 5")
	p.ended(5)
	p.intact()
}

func TestLess(t *testing.T) {
	t.Parallel()
	p := newPane(t)
	// It reads its text from a pipe and its keys from /dev/tty, as pagers do.
	p.line(`tacit run -e PW=db.password -- sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "line $i: $PW"; done | less -S'; echo status $?`)
	p.expect("line 29: " + masked)
	p.keys("Space")
	p.expect("line 58: " + masked)
	p.resize(90, 41)
	p.expect("line 69: " + masked)
	p.line("/line 150:")
	p.expect("line 150: " + masked)
	p.keys("q")
	p.expect("status 0")
	// In a pipeline, where another program has the terminal's keys.
	p.line(`clear; tacit run -e PW=db.password -- sh -c 'seq 300 | sed "s/\$/ $PW/"' | less; echo status $?`)
	p.expect("40 " + masked)
	p.keys("G")
	p.expect("300 " + masked)
	p.keys("q")
	p.expect("status 0")
	// The other way round: its text from a pipe, its screen through tacit.
	p.line(`clear; seq 500 600 | tacit run -e PW=db.password -- less; echo status $?`)
	p.expect("539")
	p.keys("G")
	p.expect("600")
	p.keys("q")
	p.expect("status 0")
	p.intact()
}

func TestBubbletea(t *testing.T) {
	t.Parallel()
	p := newPane(t)
	p.line("tacit run -e PW=db.password -- tui")
	p.expect("size 100x30")
	p.expect("value " + masked)
	p.keys("a", "b", "c")
	p.expect("keys [abc]")
	p.resize(70, 25)
	p.expect("size 70x25")
	p.expect("value " + masked)
	p.keys("C-z")
	p.expect("Stopped")
	p.resize(66, 22)
	p.line("clear; fg")
	p.expect("size 66x22")
	p.expect("value " + masked)
	p.keys("d")
	p.expect("keys [abcd]")
	p.keys("q")
	p.ended(7)
	p.intact()
}

// A shell with job control of its own, and a program in it that is interrupted.
func TestShell(t *testing.T) {
	t.Parallel()
	p := newPane(t)
	p.line("tacit run -e PW=db.password -- bash --norc --noprofile -i; echo status $?")
	p.expect("bash-")
	p.line("echo value $PW")
	p.expect("value " + masked)
	p.line("(echo begun $((6*6)); exec sleep 600)")
	p.expect("begun 36") // so it is in the foreground
	p.keys("C-z")
	p.expect("Stopped")
	p.line("jobs; kill %1; echo in the $((6*7))")
	p.expect("in the 42")
	p.line("(echo begun $((6*8)); exec sleep 600)")
	p.expect("begun 48")
	p.keys("C-c")
	p.line("echo still $((6*7)) here")
	p.expect("still 42 here")
	p.line("exit 9")
	p.expect("status 9")
	p.intact()
}

// A progress bar, which is written over and over, in colour, on standard error.
func TestProgress(t *testing.T) {
	t.Parallel()
	p := newPane(t)
	p.line(`tacit run -e PW=db.password -- sh -c 'test -t 2 || exit 1; for i in 1 2 3 4 5; do printf "\r\033[32m%d/5\033[0m %s" $i "$PW" >&2; done; echo >&2; exit 3' ; echo status $?`)
	p.expect("status 3")
	p.expect("5/5 " + masked)
	p.intact()
}
