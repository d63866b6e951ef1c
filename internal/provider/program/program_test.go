//go:build unix

package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sh(t *testing.T, script string, env ...string) *Program {
	t.Helper()
	if env == nil {
		env = []string{"PATH=/usr/bin:/bin"}
	}
	return &Program{
		Provider: "shop", Argv: []string{"sh", "-c", script}, MaxOutput: 1 << 10,
		World: provider.World{Debug: func(string, ...any) {}, ChildEnvironment: func(context.Context) ([]string, error) { return env, nil }},
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script, stdin string
		out                 string
		exit                int
	}{
		{"in and out", "cat", "hello", "hello", 0},
		{"does not read", "echo x", strings.Repeat("y", 1<<20), "x\n", 0},
		{"status", "exit 7", "", "", 7},
		{"signal", "kill -9 $$", "", "", -1},
		{"environment", "echo $V $HOME", "", "\n", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := sh(t, test.script).Run(t.Context(), []byte(test.stdin))
			if err != nil || string(r.Stdout) != test.out || r.Exit != test.exit {
				t.Errorf("got %q, %d, %v", r.Stdout, r.Exit, err)
			}
		})
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		p    *Program
		want string
	}{
		{"an open pipe", sh(t, "sleep 5 & echo x"), "keeps its output open"},
		{"too much", sh(t, "yes"), "printed more than 1024 bytes"},
		{"no such program", &Program{Provider: "shop", Argv: []string{"no-such-program-here"}, World: sh(t, "").World}, "no-such-program-here does not run"},
		{"no such file", &Program{Provider: "shop", Argv: []string{"/no/such/file"}, World: sh(t, "").World}, "file does not run"},
		{"not in the working directory", &Program{Provider: "shop", Argv: []string{"program.go"}, World: sh(t, "", "PATH=.:").World}, "program.go does not run"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := test.p.Run(t.Context(), nil)
			if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// What the program started ends with it when the time is over, and a pipe that it holds keeps nobody waiting.
func TestTheWholeGroupEndsWithTheContext(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := sh(t, "sleep 600 & echo $! >"+pidFile+".new; mv "+pidFile+".new "+pidFile+"; wait")
	done := make(chan error, 1)
	go func() {
		_, err := p.Run(ctx, nil)
		done <- err
	}()
	var pid int
	for pid == 0 {
		b, _ := os.ReadFile(pidFile)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	cancel()
	if err := <-done; !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	for begin := time.Now(); alive(pid); {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("what it started lives on")
		}
	}
}

// alive reports whether a process runs. One that ended and that nobody has asked about does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestThereIsNoTerminal(t *testing.T) {
	t.Parallel()
	r, err := sh(t, "test ! -t 0 && ! true </dev/tty").Run(t.Context(), nil)
	if err != nil || r.Exit != 0 {
		t.Errorf("%d, %v, %s", r.Exit, err, r.Stderr)
	}
}

func TestDetail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{" two\nlines\t and more \r\n", "two lines and more"},
		{"\x1b[31mred\x07\x00", `\x1b[31mred\a\x00`},
		{"\xff\u202e", "\ufffd\\u202e"},
		{"the password is hunter2secret!", "the password is ***!"},
		{"and in base64 " + "aHVudGVyMnNlY3JldA==", "and in base64 ***"},
		{strings.Repeat("x", 400), strings.Repeat("x", 300) + "…"},
	} {
		if got := Detail([]byte(test.text), []byte("hunter2secret")); got != test.want {
			t.Errorf("%q became %q, want %q", test.text, got, test.want)
		}
	}
}
