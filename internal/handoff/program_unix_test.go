//go:build unix

package handoff

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"tacit/internal/secret"
)

// The test program becomes another one when it is started under this name.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == SessionCommand {
		os.Exit(Session(os.Args[2:]))
	}
	if os.Args[0] == "masked" {
		os.Exit(runMasked(os.Args[1:]))
	}
	if os.Args[0] == "become" {
		env := Strip(os.Environ(), "SLOT_VARIABLE")
		if v := os.Getenv("GIVE"); v != "" {
			env, _ = Add(env, []Variable{{Name: "GIVEN", Value: secret.New([]byte(v)), Of: "given"}})
		}
		path, err := Find(os.Args[1])
		if err == nil {
			_, err = Program{Path: path, Argv: os.Args[1:], Env: env}.Become()
		}
		fmt.Fprintln(os.Stderr, err)
		var start *StartError
		if errors.As(err, &start) {
			os.Exit(start.Exit)
		}
		os.Exit(99)
	}
	os.Exit(m.Run())
}

// become returns a command that is this test program, about to become argv.
func become(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"become"}, argv...), Env: append(os.Environ(), "TACIT_PASSPHRASE=hunter2", "SLOT_VARIABLE=AGE-SECRET-KEY", "TACIT_TOKEN=t")}
}

func TestStatusOfTheChild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "exit 41", 0o644)
	script := write("script", "exit $1", 0o755)
	orphan := write("orphan", "#!/no/such/interpreter\n", 0o755)
	for _, tt := range []struct {
		name string
		argv []string
		want int
	}{
		{"success", []string{"true"}, 0},
		{"its own status", []string{"sh", "-c", "exit 7"}, 7},
		{"status 127 of its own", []string{"sh", "-c", "exit 127"}, 127},
		{"not found in PATH", []string{"no-such-command-here"}, 127},
		{"not found by path", []string{"/no/such/file"}, 127},
		{"not executable", []string{plain}, 126},
		{"a directory", []string{dir}, 126},
		{"a script without an interpreter", []string{script, "12"}, 12},
		{"a script with a missing one", []string{orphan}, 127},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := become(t, tt.argv...)
			out, _ := c.CombinedOutput()
			if got := c.ProcessState.ExitCode(); got != tt.want {
				t.Errorf("status %d, want %d: %s", got, tt.want, out)
			}
		})
	}
}

// A signal that is sent to what was started is received by the child itself, and its death is seen as it was.
func TestSignalsAreTheChilds(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1} {
		c := become(t, "sh", "-c", "echo ready; exec sleep 60")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 6))
		if err := c.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if w := c.ProcessState.Sys().(syscall.WaitStatus); !w.Signaled() || w.Signal() != sig {
			t.Errorf("%v: %v", sig, c.ProcessState)
		}
	}
}
