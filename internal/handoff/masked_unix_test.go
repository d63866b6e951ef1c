//go:build unix

package handoff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"tacit/internal/secret"
)

// The secrets of these tests. Their environment variables are GIVEN, GIVEN2 and GIVEN3.
const (
	canary = "c4n4ry/s3cr3t+value=="
	lines  = "-----BEGIN KEY-----\nZmlyc3QgbGluZQ\nc2Vjb25kIGxpbmU\n-----END KEY-----\n"
	short  = "k3y\nof\nsix\n" // lines that are no secret alone
)

// runMasked is the program "masked": it runs argv with secrets, masked.
func runMasked(argv []string) int {
	var variables []Variable
	for name, value := range map[string]string{"GIVEN": canary, "GIVEN2": lines, "GIVEN3": short} {
		v := secret.New([]byte(value))
		variables = append(variables, Variable{Name: name, Value: v, Of: name, Holds: []Secret{{name, v}}})
	}
	p := Program{Argv: argv}
	p.Mask, _ = Masks(variables)
	var err error
	if p.Path, err = Find(argv[0]); err == nil {
		p.Env, err = Add(Strip(os.Environ()), variables)
	}
	exit := 99
	if err == nil {
		exit, err = p.Run()
		if leak := goleak.Find(goleak.IgnoreTopFunction("os/signal.signal_recv")); leak != nil {
			fmt.Fprintln(os.Stderr, leak)
			return 98
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "masked:", err)
		var start *StartError
		if errors.As(err, &start) {
			return start.Exit
		}
	}
	return exit
}

// masked returns a command that runs argv masked.
func masked(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"masked"}, argv...), Env: append(os.Environ(), "TERM=xterm")}
}

// I14: whatever a program does with its secrets through pipes, they do not show; and its two outputs stay two.
func TestI14Pipes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, script, stdout, stderr string }{
		{"plain", `echo "a $GIVEN b"; echo "e $GIVEN" >&2`, "a *** b\n", "e ***\n"},
		{"byte by byte", `printf "%s\n" "x${GIVEN}y" | fold -w1 | while IFS= read -r c; do printf %s "$c"; done`, "x***y", ""},
		{"base64", `printf %s "$GIVEN" | base64 -w0`, "***", ""},
		{"base64 in the middle", `printf %s "zz$GIVEN" | base64 -w0`, "enp***", ""},
		{"hex", `printf %s "$GIVEN" | od -An -v -tx1 | tr -d ' \n'`, "***", ""},
		{"in colour", `printf '\033[31m%s\033[0m' "$GIVEN"`, "\x1b[31m***\x1b[0m", ""},
		{"every line of a key", `echo "$GIVEN2" | sed 's/^/> /'`, "> ***\n> ***\n> ***\n> ***\n> \n", ""},
		{"JSON", `printf '{"k":"%s"}' "$(printf %s "$GIVEN" | sed 's,/,\\/,g')"`, `{"k":"***"}`, ""},
		{"URL", `printf %s "$GIVEN" | sed 's,/,%2F,; s,+,%2B,; s,=,%3D,g'`, "***", ""},
		{"to the same file", `echo one; echo two >&2; echo three`, "one\nthree\n", "two\n"},
		{"nothing", `:`, "", ""},
		{"binary", `printf '\000\377%s\000' "$GIVEN"`, "\x00\xff***\x00", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := masked(t, "sh", "-c", tt.script)
			var stdout, stderr bytes.Buffer
			c.Stdout, c.Stderr = &stdout, &stderr
			if err := c.Run(); err != nil {
				t.Error(err)
			}
			if stdout.String() != tt.stdout || stderr.String() != tt.stderr {
				t.Errorf("stdout %q, want %q; stderr %q, want %q", stdout.String(), tt.stdout, stderr.String(), tt.stderr)
			}
		})
	}
}

// I14: nor does a secret show of which the program printed only a part before its end; but the first letters may be anything.
func TestI14CutOff(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		`printf %s "$GIVEN" | head -c 20`:               "***",
		`printf %s "$GIVEN" | head -c 12`:               "***",
		`printf %s "$GIVEN2" | head -c 44`:              "***",
		`printf %s "$GIVEN" | base64 -w0 | head -c 25`:  "***",
		`printf %s "$GIVEN" | head -c 16; kill -9 $$`:   "***",
		`printf %s "$GIVEN" | head -c 16; sleep 30 &`:   "***",
		`printf 'an acc'`:                               "an acc",
		`printf %s "$GIVEN" | head -c 3; printf ' is'`:  "c4n is",
		`printf %s "$GIVEN" | head -c 16; printf ' is'`: canary[:16] + " is",
	} {
		c := masked(t, "sh", "-c", script)
		if out, _ := c.Output(); string(out) != want {
			t.Errorf("%s: %q, not %q", script, out, want)
		}
	}
}

// I14: however slowly a secret comes, no more than its first bytes show.
func TestI14SlowPrinting(t *testing.T) {
	t.Parallel()
	c := masked(t, "sh", "-c", `for part in x c 4 n 4 r y/s3cr3t+val; do printf %s "$part"; sleep 0.1; done; printf 'ue==\n'`)
	out, err := c.Output()
	if err != nil || !strings.HasSuffix(string(out), "***\n") || len(out) > len("xc4n***\n") {
		t.Errorf("%q, %v", out, err)
	}
}

// A prompt shows although a secret may begin with its last letter.
func TestPromptsShow(t *testing.T) {
	t.Parallel()
	c := masked(t, "sh", "-c", `printf 'Continue? c'; read answer; echo "[$answer]"`)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	prompt := make([]byte, len("Continue? c"))
	if _, err := io.ReadFull(out, prompt); err != nil || string(prompt) != "Continue? c" {
		t.Errorf("%q, %v", prompt, err)
	}
	fmt.Fprintln(in, "yes")
	rest, err := io.ReadAll(out)
	if string(rest) != "[yes]\n" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// So it does at a terminal.
func TestPromptsShowAtATerminal(t *testing.T) {
	t.Parallel()
	s := onScreen(t, masked(t, "sh", "-c", `printf 'Continue? c'; read answer; echo "[$answer]"`))
	s.expect("Continue? c")
	s.keys("yes\n")
	s.expect("[yes]")
	if exit := s.ends(); exit != 0 {
		t.Errorf("status %d", exit)
	}
}

// What is started masked ends as it ends alone.
func TestMaskedStatus(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"exit 0": 0, "exit 7": 7, "exit 255": 255, "kill -TERM $$": 143, "kill -KILL $$": 137, "kill -SEGV $$": 139, "exit 130": 130,
		"echo out; exit 3": 3, "exec 1>&- 2>&-; exit 4": 4,
	} {
		c := masked(t, "sh", "-c", script)
		out, _ := c.CombinedOutput()
		if got := c.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: status %d, want %d: %s", script, got, want, out)
		}
	}
	if c := masked(t, "/no/such/file"); c.Run() == nil || c.ProcessState.ExitCode() != 127 {
		t.Errorf("a missing program: %v", c.ProcessState)
	}
}

// A signal that is sent to tacit alone reaches the program, which decides what it means.
func TestMaskedSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		c := masked(t, "sh", "-c", `trap 'echo caught; exit 9' TERM HUP USR1 USR2; echo ready; while :; do sleep 0.01; done`)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(out, make([]byte, 6))
		_ = c.Process.Signal(sig)
		rest, _ := io.ReadAll(out)
		_ = c.Wait()
		if string(rest) != "caught\n" || c.ProcessState.ExitCode() != 9 {
			t.Errorf("%v: %q, %v", sig, rest, c.ProcessState)
		}
	}
}

// A signal that tacit was started to ignore is ignored by the program too.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	outer := func() *exec.Cmd {
		c := exec.Command("bash", "-c", `trap '' HUP; exec -a masked "$EXE" sh -c 'kill -HUP $PPID; sleep 0.2; kill -HUP $$; echo alive; exit 4'`)
		c.Env = append(os.Environ(), "EXE="+exe)
		return c
	}
	c := outer()
	if out, _ := c.Output(); string(out) != "alive\n" || c.ProcessState.ExitCode() != 4 {
		t.Errorf("%q, %v", out, c.ProcessState)
	}
	s := onScreen(t, outer())
	s.expect("alive")
	if exit := s.ends(); exit != 4 {
		t.Errorf("at a terminal: status %d", exit)
	}
}

// SIGINT that is sent to tacit in the background reaches the program: the terminal sends it none.
func TestInterruptOfAJobInTheBackground(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("bash", "--norc", "-c", `set -m
		(exec -a masked "$EXE" sh -c 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.01; done') >"$LOG" &
		while ! grep -q ready "$LOG"; do sleep 0.01; done
		kill -INT $!; wait $!; echo "status $? $(cat "$LOG")"`)
	shell.Env = append(os.Environ(), "EXE="+exe, "LOG="+t.TempDir()+"/log")
	s := onScreen(t, shell)
	s.expect("status 9 ready\r\ncaught")
}

// A reader that goes away ends the program, as it would without tacit.
func TestMaskedOutputThatNobodyReads(t *testing.T) {
	t.Parallel()
	c := masked(t, "sh", "-c", "trap '' TERM; yes; exit 5")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 10))
	_ = out.Close()
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 5 {
		t.Errorf("%v", c.ProcessState)
	}
}

// What the program leaves behind does not keep tacit.
func TestMaskedDoesNotWaitForTheBackground(t *testing.T) {
	t.Parallel()
	began := time.Now()
	c := masked(t, "sh", "-c", "sleep 30 & echo done")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = w
	err = c.Run()
	_ = w.Close()
	out, _ := io.ReadAll(r)
	if err != nil || string(out) != "done\n" || time.Since(began) > 20*time.Second {
		t.Errorf("%q, %v after %v", out, err, time.Since(began))
	}
}

// Nor does it when that goes on to print, little or much.
func TestMaskedDoesNotListenForEver(t *testing.T) {
	t.Parallel()
	for _, pause := range []string{":", "sleep 0.02"} {
		c := masked(t, "sh", "-c", "(while echo more; do "+pause+"; done) 2>/dev/null & echo done; exit 3")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Stdout = w
		go func() { _, _ = io.Copy(io.Discard, r) }()
		began := time.Now()
		_ = c.Run()
		if c.ProcessState.ExitCode() != 3 || time.Since(began) > patience+15*time.Second {
			t.Errorf("%s: %v after %v", pause, c.ProcessState, time.Since(began))
		}
		_ = w.Close()
	}
}

// Nor does it at a terminal, where what was left behind ignores that the terminal is gone.
func TestMaskedDoesNotWaitForTheBackgroundAtATerminal(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := onScreen(t, masked(t, "sh", "-c", "sleep 30 & echo done; exit 4"))
	if exit := s.ends(); exit != 4 || time.Since(began) > 20*time.Second {
		t.Errorf("status %d after %v", exit, time.Since(began))
	}
	s.expect("done")
	if !s.cooked() {
		t.Error("the terminal was not given back")
	}
}

// What is left of the output when the program has ended does not keep tacit from being ended.
func TestMaskedEndsWhileItWrites(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		c := masked(t, "sh", "-c", "head -c 200000 /dev/zero; echo ended >&2; exit 3")
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close() // and nobody reads it before
		defer out.Close()
		c.Stdout = out
		stderr, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(stderr, make([]byte, len("ended\n")))
		gone := make(chan struct{})
		go func() { defer close(gone); _ = c.Wait() }()
		again, limit := time.NewTicker(100*time.Millisecond), time.After(20*time.Second)
		for { // until it comes after the program's end
			select {
			case <-again.C:
				_ = c.Process.Signal(sig)
				continue
			case <-limit:
				t.Fatalf("%v: it waits", sig)
			case <-gone:
			}
			break
		}
	}
}

// At a terminal Ctrl-C does that, however much still comes of what the program left behind.
func TestMaskedIsInterruptedWhileItWritesToATerminal(t *testing.T) {
	t.Parallel()
	s := onScreen(t, masked(t, "sh", "-c", `trap '' HUP; (while echo more; do :; done) & echo begun; exit 3`))
	s.expect("begun")
	for began := time.Now(); ; s.keys("\x03") {
		select {
		case <-s.gone:
			_ = s.ends()
			if time.Since(began) > patience-time.Second {
				t.Error("it was not interrupted")
			}
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Nothing of what a program printed is lost when it ends, however slow the reader is.
func TestMaskedOutputForASlowReader(t *testing.T) {
	t.Parallel()
	const size = 250_000 // more than a pipe without us would hold
	c := masked(t, "head", "-c", fmt.Sprint(size), "/dev/zero")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(patience + 2*time.Second) // this is what the reader is
	b, err := io.ReadAll(out)
	if len(b) != size || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// When tacit is killed, so is the program.
func TestMaskedEndsWithTacit(t *testing.T) {
	t.Parallel()
	if endsWithUs() == nil {
		t.Skip("this system tells no child that its parent is gone")
	}
	c := masked(t, "sh", "-c", "echo $$; exec sleep 60")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	for limit := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil && !isZombie(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the program lives on")
		}
	}
}

func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || bytes.Contains(b, []byte(") Z "))
}

// screen is a terminal at which a command runs.
type screen struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
	gone chan struct{}
}

func onScreen(t *testing.T, c *exec.Cmd) *screen {
	t.Helper()
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 30, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, cmd: c, tty: tty, more: make(chan struct{}, 1), gone: make(chan struct{})}
	t.Cleanup(func() { _ = tty.Close(); _ = c.Process.Kill() })
	go func() {
		defer close(s.gone)
		b := make([]byte, 1024)
		for {
			n, err := tty.Read(b)
			s.mu.Lock()
			s.text.Write(b[:n])
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

func (s *screen) shows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) expect(text string) {
	s.t.Helper()
	s.expectTimes(1, text)
}

// expectTimes waits until text was shown so often.
func (s *screen) expectTimes(n int, text string) {
	s.t.Helper()
	for limit := time.After(20 * time.Second); strings.Count(s.shows(), text) < n; {
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("no %q on the screen:\n%q", text, s.shows())
		}
	}
}

func (s *screen) keys(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the command, checks that the terminal is as it was, and returns the status.
func (s *screen) ends() int {
	s.t.Helper()
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// cooked reports whether the terminal is as a shell leaves it.
func (s *screen) cooked() bool {
	s.t.Helper()
	out, err := (&exec.Cmd{Path: "/usr/bin/stty", Args: []string{"stty", "-a"}, Stdin: s.tty}).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	words := strings.Fields(string(out))
	return slices.Contains(words, "echo") && slices.Contains(words, "icanon") && slices.Contains(words, "isig")
}

// I14 at a terminal: the program has one, with its size, and what it prints is masked, also what it prints to /dev/tty.
func TestI14Terminal(t *testing.T) {
	t.Parallel()
	s := onScreen(t, masked(t, "sh", "-c", `test -t 0 && test -t 1 && test -t 2 && echo "tty $(stty size)"
		echo "out $GIVEN"; echo "err $GIVEN" >&2; echo "tty $GIVEN" >/dev/tty; echo "in $GIVEN" >&0; echo "short $GIVEN3 lines"; printf '\033[3%dm%s\033[0m\n' 1 "$GIVEN"
		read line; echo "read $line"; read hidden; exit 7`))
	s.expect("tty 30 100")
	s.expect("\x1b[31m***\x1b[0m")
	s.keys("hello\n")
	s.expect("read hello")
	s.keys("\x04") // the end of the input
	if exit := s.ends(); exit != 7 {
		t.Errorf("status %d", exit)
	}
	for _, want := range []string{"out ***", "err ***", "tty ***", "in ***", "short *** lines"} {
		s.expect(want)
	}
	if strings.Contains(s.shows(), canary) || strings.Contains(s.shows(), "k3y") {
		t.Errorf("the secret is on the screen: %q", s.shows())
	}
	if !s.cooked() {
		t.Error("the terminal was not given back")
	}
}

func TestTerminalResize(t *testing.T) {
	t.Parallel()
	s := onScreen(t, masked(t, "sh", "-c", `trap 'echo "now $(stty size)"' WINCH; echo ready; while :; do sleep 0.01; done`))
	s.expect("ready")
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 41, Cols: 123}); err != nil {
		t.Fatal(err)
	}
	s.expect("now 41 123")
	s.keys("\x03")
	if exit := s.ends(); exit != 130 {
		t.Errorf("Ctrl-C: status %d", exit)
	}
	if !s.cooked() {
		t.Error("the terminal was not given back")
	}
}

// However it ends, the terminal is given back.
func TestTerminalIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(s *screen)
		exit int
	}{
		{"ctrl-c", func(s *screen) { s.keys("\x03") }, 130},
		{"ctrl-backslash", func(s *screen) { s.keys("\x1c") }, 131},
		{"sigterm", func(s *screen) { _ = s.cmd.Process.Signal(syscall.SIGTERM) }, 143},
		{"sighup", func(s *screen) { _ = s.cmd.Process.Signal(syscall.SIGHUP) }, 129},
		{"sigint", func(s *screen) { _ = s.cmd.Process.Signal(syscall.SIGINT) }, 130},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := onScreen(t, masked(t, "sh", "-c", "stty -echo; echo ready; exec sleep 60"))
			s.expect("ready")
			tt.end(s)
			if exit := s.ends(); exit != tt.exit {
				t.Errorf("status %d, want %d", exit, tt.exit)
			}
			if !s.cooked() {
				t.Error("the terminal was not given back")
			}
		})
	}
	s := onScreen(t, masked(t, "/bin/sh/no"))
	if exit := s.ends(); exit == 0 {
		t.Error("what is not there ran")
	}
	if !s.cooked() {
		t.Error("the terminal was not given back")
	}
}

// Ctrl-Z stops the program and tacit, as one job of the shell; fg lets both go on.
func TestTerminalJobControl(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("bash", "--norc", "--noprofile", "-i")
	shell.Env = append(os.Environ(), "PS1=prompt> ", "EXE="+exe, "TERM=xterm", "HISTFILE=")
	s := onScreen(t, shell)
	s.expect("prompt> ")
	s.keys(`(exec -a masked "$EXE" sh -c 'echo "pid $GIVEN"; read a; echo "got $a"; read b; exit 6')` + "\n")
	s.expect("pid ***")
	s.keys("\x1a")
	s.expect("Stopped")
	s.keys("echo in the shell $((40+2)); fg\n")
	s.expect("in the shell 42")
	s.keys("one\n")
	s.expect("got one")
	s.keys("two\n")
	s.expectTimes(3, "prompt> ")
	s.keys("echo status $?\n")
	s.expect("status 6")
	// In the background it leaves the terminal alone, and shows what it prints.
	s.keys(`(exec -a masked "$EXE" sh -c 'sleep 0.2; echo "back $GIVEN"') & ` + "\n")
	s.keys("echo still here $((1+1))\n")
	s.expect("still here 2")
	s.expect("back ***")
	s.keys("wait; exit\n")
	_ = s.ends()
	if strings.Contains(s.shows(), canary) {
		t.Errorf("the secret is on the screen: %q", s.shows())
	}
}

// Only what was a terminal is one; and standard input is handed over itself, so that what is not read stays for the next. Keys are taken
// only from when the program wants them: until then they are for others in the pipeline.
func TestTerminalInPipelines(t *testing.T) {
	t.Parallel()
	shell := exec.Command("bash", "--norc", "-c", `
		(exec -a masked "$EXE" sh -c 'test -t 1 && test -t 2 && ! test -t 0 && echo "both $(stty size <&2) $GIVEN"; read a; echo "a $a"') < <(echo one; echo two)
		(exec -a masked "$EXE" sh -c 'test -t 2 && ! test -t 1 && test -t 0 && echo "only err $GIVEN" >&2; echo "piped $GIVEN"') | cat
		(exec -a masked "$EXE" sh -c 'test -t 1 && ! test -t 2 && echo "out $GIVEN"; echo "log $GIVEN" >&2') 2>"$LOG"; echo "log: $(cat "$LOG")"
		(exec -a masked "$EXE" sh -c 'read a </dev/tty; echo "key $a $GIVEN"; stty -F /dev/tty size; echo "tty $GIVEN" >/dev/tty') <"$EXE"
		echo ready; { read k; echo "$k"; } | (exec -a masked "$EXE" sh -c 'read a; echo "through $a $GIVEN"')
		printf 'one\ntwo\n' >"$LOG"; { (exec -a masked "$EXE" sh -c 'read a; echo "first $a"'); read b; echo "then $b"; } <"$LOG"`)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell.Env = append(os.Environ(), "EXE="+exe, "TERM=xterm", "LOG="+t.TempDir()+"/log")
	s := onScreen(t, shell)
	s.expect("log: log ***\r\n")
	s.keys("one\n")
	s.expect("key one ***\r\n30 100\r\ntty ***\r\n")
	s.expect("ready")
	s.keys("two\n")
	s.expect("through two ***\r\n")
	_ = s.ends()
	for _, want := range []string{"both 30 100 ***\r\n", "a one\r\n", "only err ***\r\n", "piped ***\r\n", "out ***\r\n", "log: log ***\r\n", "first one\r\n", "then two\r\n"} {
		s.expect(want)
	}
}

func TestMasksNamesTheShort(t *testing.T) {
	t.Parallel()
	hold := func(name, value string) Variable {
		return Variable{Name: name, Holds: []Secret{{name, secret.New([]byte(value))}}}
	}
	p, short := Masks([]Variable{hold("a", "123"), hold("b", "ab\n\n"), hold("c", "long enough")})
	if p == nil || !slices.Equal(short, []string{"a", "b"}) {
		t.Errorf("%v, %v", p != nil, short)
	}
	if p, _ := Masks([]Variable{hold("a", "123")}); p != nil {
		t.Error("nothing to mask is something")
	}
	if p, short := Masks(nil); p != nil || short != nil {
		t.Error("nothing is something")
	}
}
