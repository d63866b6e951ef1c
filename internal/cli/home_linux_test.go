package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// tacitHome is a home with a vault in it, and what a command there sees.
type tacitHome struct {
	t   *testing.T
	env []string
}

func newHome(t *testing.T, env ...string) *tacitHome {
	t.Helper()
	home := t.TempDir()
	return &tacitHome{t, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TERM=xterm", "GORACE=" + goRace, "TACIT_DIR=" + filepath.Join(home, "tacit")}, env...)}
}

func (s *tacitHome) command(args ...string) *exec.Cmd {
	c := exec.Command("tacit", args...)
	c.Env = s.env
	return c
}

// set keeps a value.
func (s *tacitHome) set(name, value string, args ...string) {
	s.t.Helper()
	c := s.command(append([]string{"set", name}, args...)...)
	c.Stdin = strings.NewReader(value)
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("set %s: %v\n%s", name, err, out)
	}
}

// onTerminal runs a command on a terminal of its own, types input, and returns what the terminal shows.
func (s *tacitHome) onTerminal(input string, args ...string) (string, error) {
	s.t.Helper()
	c := s.command(args...)
	tty, err := pty.Start(c)
	if err != nil {
		s.t.Fatal(err)
	}
	defer tty.Close()
	if _, err := io.WriteString(tty, input); err != nil {
		s.t.Fatal(err)
	}
	var shown bytes.Buffer
	_, _ = io.Copy(&shown, tty) // ends with EIO when the last process has closed the terminal
	return shown.String(), c.Wait()
}

func TestGetOnTerminal(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	s.set("a", "s3cr3t")
	if out, err := s.onTerminal("", "get", "a"); err != nil || out != "s3cr3t\r\n" {
		t.Errorf("%q, %v", out, err)
	}
	out, err := s.onTerminal("", "export")
	if exitCode(err) != "2" || !strings.Contains(out, "a backup is binary, and this is a terminal") {
		t.Errorf("%q, %v", out, err)
	}
}

// On a terminal an old form is named in its new one, once and without the value.
func TestHabitsOnTerminal(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	out, err := s.onTerminal("", "secrets", "create", "--name", "K", "--value", "CANARY-value", "--tags", "a,b")
	if err != nil || strings.Count(out, "the new form of this is: tacit set K --tag …") != 1 || strings.Contains(out, "CANARY") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := s.onTerminal("", "vault", "set", "K", "CANARY-value"); err != nil || strings.Contains(out, "CANARY") {
		t.Errorf("%q, %v", out, err)
	}
	// It also asks, though in a script it would not.
	if out, err := s.onTerminal("n\n", "vault", "rm", "K"); exitCode(err) != "1" || !strings.Contains(out, "remove K (global, 2 versions)? [y/N]") {
		t.Errorf("%q, %v", out, err)
	}
}

// The program has a terminal: what tells it is one, its size, and Ctrl-C, which it receives once. Its own if it is masked.
func TestRunKeepsTheTerminal(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	s.set("a", "s3cr3t")
	out, err := s.onTerminal("", "run", "-e", "A=a", "--", "sh", "-c", `test -t 0 && test -t 1 && test -t 2 && echo "all three $A"; exit 7`)
	if exitCode(err) != "7" || out != "all three ***\r\n" {
		t.Errorf("%q, %v", out, err)
	}
	runKeepsTheTerminal(t, s.command("run", "-e", "A=a", "--", "sh", "-c", interrupted))
	runKeepsTheTerminal(t, s.command("run", "--no-mask", "-e", "A=a", "--", "sh", "-c", interrupted))
}

const interrupted = `trap 'n=$((n+1)); echo "interrupt $n"' INT; echo ready; read x; read x; echo "bye $n"`

func runKeepsTheTerminal(t *testing.T, c *exec.Cmd) {
	t.Helper()
	tty, err := pty.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	var shown bytes.Buffer
	waitFor(t, tty, &shown, "ready")
	if _, err := tty.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	waitFor(t, tty, &shown, "interrupt 1")
	if _, err := io.WriteString(tty, "\n\n\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(&shown, tty)
	if err := c.Wait(); err != nil || !strings.Contains(shown.String(), "bye 1") || strings.Contains(shown.String(), "interrupt 2") {
		t.Errorf("%q, %v", shown.String(), err)
	}
}

// waitFor reads until text was shown.
func waitFor(t *testing.T, r io.Reader, shown *bytes.Buffer, text string) {
	t.Helper()
	b := make([]byte, 256)
	for !strings.Contains(shown.String(), text) {
		n, err := r.Read(b)
		shown.Write(b[:n])
		if err != nil {
			t.Fatalf("%v after %q", err, shown.String())
		}
	}
}

// I12: a real child of run, as the kernel shows it; with --no-mask it is the process that was started, so nothing of tacit is left.
func TestI12RunAsTheKernelSeesIt(t *testing.T) {
	t.Parallel()
	s := newHome(t, "TACIT_PASSPHRASE=not-for-children", "SURROUNDINGS=kept")
	s.set("a", "CANARY-s3cr3t")
	c := s.command("run", "--no-mask", "-e", "A=a", "--", "cat")
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
	fmt.Fprint(in, "ready")
	waitFor(t, out, &bytes.Buffer{}, "ready")
	proc := func(file string) string {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.Process.Pid, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := proc("cmdline"); got != "cat\x00" {
		t.Errorf("cmdline %q", got)
	}
	env := "\x00" + proc("environ")
	for variable, want := range map[string]bool{"\x00A=CANARY-s3cr3t\x00": true, "\x00SURROUNDINGS=kept\x00": true, "TACIT_PASSPHRASE": false, "not-for-children": false} {
		if strings.Contains(env, variable) != want {
			t.Errorf("%q in the environment: %v", variable, !want)
		}
	}
	// Of the vault's files none is open in it.
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.Process.Pid))
	if err != nil || len(fds) < 3 {
		t.Errorf("%d open files, %v", len(fds), err)
	}
	for _, fd := range fds {
		if file, err := os.Readlink(fd); err != nil || strings.Contains(file, "/tacit/") {
			t.Errorf("%s is open, %v", file, err)
		}
	}
	_ = in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// I01: whatever ends tacit while the editor is open, but SIGKILL, nothing of the value is left.
func TestI01EditLeavesNothingWhenInterrupted(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		runtimeDir, err := os.MkdirTemp("/dev/shm", "tacit-test-")
		if err != nil {
			t.Skip("there is no /dev/shm")
		}
		t.Cleanup(func() { _ = os.RemoveAll(runtimeDir) })
		note := filepath.Join(t.TempDir(), "note")
		editor := filepath.Join(t.TempDir(), "editor")
		if err := os.WriteFile(editor, []byte("#!/bin/sh\necho \"$1\" >\""+note+"\"\necho open\nexec sleep 60\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := newHome(t, "EDITOR="+editor, "XDG_RUNTIME_DIR="+runtimeDir)
		s.set("a", "s3cr3t")
		c := s.command("edit", "a")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, out, &bytes.Buffer{}, "open")
		name, err := os.ReadFile(note)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(strings.TrimSpace(string(name))); err != nil || string(b) != "s3cr3t" {
			t.Fatalf("the editor has %q, %v", b, err)
		}
		// Ctrl-C belongs to the editor.
		_ = c.Process.Signal(syscall.SIGINT)
		if err := c.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != 128+int(sig) {
			t.Errorf("%v: exit %d", sig, got)
		}
		left, err := os.ReadDir(runtimeDir)
		if err != nil || len(left) > 0 {
			t.Errorf("%v: %v is left, %v", sig, left, err)
		}
	}
}

// The clipboard of a real X server: the value is there, is cleared, and what somebody else copied meanwhile is not.
func TestCopyAndClear(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"xclip", "xsel"} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			need(t, tool)
			display := xserver(t)
			// Only one of the tools is to be found.
			bin := t.TempDir()
			for _, name := range []string{"tacit", tool} {
				path, err := exec.LookPath(name)
				if err == nil {
					err = os.Symlink(path, filepath.Join(bin, name))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			s := newHome(t, "DISPLAY="+display)
			s.env[0] = "PATH=" + bin
			s.set("a", "s3cr3t-CANARY")
			paste := map[string][]string{"xclip": {"-selection", "clipboard", "-out"}, "xsel": {"--clipboard", "--output"}}[tool]
			held := func() string {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				c := exec.CommandContext(ctx, tool, paste...)
				c.Env = s.env
				out, _ := c.Output()
				return string(out)
			}
			copied := func(after string) {
				t.Helper()
				out, err := s.command("get", "a", "--copy", "--clear-after", after).CombinedOutput()
				if err != nil || strings.Contains(string(out), "CANARY") {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			becomes := func(want string) {
				t.Helper()
				for deadline := time.Now().Add(30 * time.Second); held() != want; time.Sleep(20 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("pasted %q, want %q", held(), want)
					}
				}
			}
			copied("5s")
			becomes("s3cr3t-CANARY")
			becomes("")
			copied("5s")
			becomes("s3cr3t-CANARY")
			take := exec.Command(tool, map[string][]string{"xclip": {"-selection", "clipboard", "-in"}, "xsel": {"--clipboard", "--input"}}[tool]...)
			take.Env, take.Stdin = s.env, strings.NewReader("mine")
			if err := take.Run(); err != nil {
				t.Fatal(err)
			}
			becomes("mine")
			waitForClearing(t, display)
			becomes("mine")
		})
	}
}

// waitForClearing waits until no process that clears the clipboard of this display is left. None may show the value.
func waitForClearing(t *testing.T, display string) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		running := false
		all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range all {
			argv, err := os.ReadFile(file)
			env, err2 := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
			if errors.Join(err, err2) != nil || !bytes.Contains(argv, []byte("clipboard-clear")) || !bytes.Contains(env, []byte("DISPLAY="+display+"\x00")) {
				continue
			}
			running = true
			if bytes.Contains(argv, []byte("CANARY")) || bytes.Contains(env, []byte("CANARY")) {
				t.Fatal("the value is in an argument or the environment")
			}
		}
		if !running {
			return
		}
	}
	t.Fatal("the process that clears the clipboard did not end")
}

// xserver starts an X server without a screen and returns its DISPLAY.
func xserver(t *testing.T) string {
	t.Helper()
	need(t, "Xvfb")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "64x64x8", "-nolisten", "tcp", "-noreset") // a desktop always has another client
	c.ExtraFiles = []*os.File{w}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	_ = w.Close()
	var number int
	if _, err := fmt.Fscan(r, &number); err != nil {
		t.Fatalf("the X server did not come up: %v", err)
	}
	return fmt.Sprintf(":%d", number)
}
