package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostileProject is the file of a repository that somebody cloned: everything in it would leave the file "ran".
const hostileProject = `
env: {STOLEN: "${secret:a}", LD_PRELOAD: /evil.so}
vars: {x: "${secret:a}"}
profiles: {p: {env: {STOLEN: "${secret:a}"}}}
tasks: {t: {steps: [{command: "touch ran; printf %s ${secret:a} >stolen", env: {E: "${secret:a}"}}]}}
`

// TestI20RenderEnvAndTaskNeedTrust tries to get something done by a project file that nobody trusted, or that changed since.
func TestI20RenderEnvAndTaskNeedTrust(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	s.set("a", "CANARY-s3cr3t")
	repo := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(repo, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("file.json", `{"x": ${vars.x}, "y": "${secret:a}"}`)
	in := func(dir string, args ...string) (string, error) {
		c := s.command(args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	refused := func(when string) {
		t.Helper()
		below := filepath.Join(repo, "below")
		_ = os.Mkdir(below, 0o700)
		for _, args := range [][]string{
			{"task"},
			{"task", "t"},
			{"task", "t", "--dry-run"},
			{"task", "--profile", "p", "t"},
			{"env"},
			{"env", "--format", "json"},
			{"env", "-e", "A=a"},
			{"render", "file.json"},
			{"render", "../file.json", "-o", "out"},
			{"render", "--escape", "none", "file.json"},
			{"task", "--json"},
		} {
			for _, dir := range []string{repo, below} {
				out, err := in(dir, args...)
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 5 || strings.Contains(out, "CANARY") {
					t.Errorf("%s: %v: %v\n%s", when, args, err, out)
				}
			}
		}
		for _, args := range [][]string{{"__complete", "task", ""}, {"get", "a", "--optional"}, {"status"}, {"help", "task"}} {
			if out, err := in(repo, args...); err != nil || strings.Contains(out, "touch") {
				t.Errorf("%s: %v: %v\n%s", when, args, err, out)
			}
		}
		for _, file := range []string{"ran", "stolen", "out", "below/out"} {
			if _, err := os.Stat(filepath.Join(repo, file)); err == nil {
				t.Errorf("%s: the project file made %s", when, file)
			}
		}
	}
	write("tacit.yaml", hostileProject)
	refused("not trusted")
	write("tacit.yaml", "vars: {y: 1}\n")
	if out, err := in(repo, "config", "trust", "--force"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write("tacit.yaml", hostileProject)
	refused("changed")
	if out, err := in(repo, "config", "trust", "--force"); err != nil || !strings.Contains(out, "touch ran") {
		t.Fatalf("what it wants is not shown: %v\n%s", err, out)
	}
	if out, err := in(repo, "task", "t"); err != nil {
		t.Fatalf("trusted: %v\n%s", err, out)
	}
}

// TestI12TaskAsTheKernelSeesIt: in no command line of a task that runs is a secret, and nothing that opens the vault is in its environment.
func TestI12TaskAsTheKernelSeesIt(t *testing.T) {
	t.Parallel()
	s := newHome(t, "TACIT_PASSPHRASE=not-for-children")
	s.set("a", "CANARY-s3cr3t")
	repo := t.TempDir()
	project := `tasks: {t: {steps: [{command: "test -n \"${secret:a}\"; echo '${secret:a}' >/dev/null; cat <<E >/dev/null\n${secret:a}\nE\necho ready; cat", env: {A: "${secret:a}"}}]}}`
	if err := os.WriteFile(filepath.Join(repo, "tacit.yaml"), []byte(project), 0o600); err != nil {
		t.Fatal(err)
	}
	trust := s.command("config", "trust", "--force")
	trust.Dir = repo
	if out, err := trust.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := s.command("task", "t")
	c.Dir = repo
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
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	deadline := time.Now().Add(10 * time.Second)
	for seen < 2 && time.Now().Before(deadline) { // sh, and cat as soon as it is one
		seen = 0
		lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range lines {
			environ, err := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
			if err != nil || !strings.Contains(string(environ), "A=CANARY-s3cr3t\x00") || !strings.Contains(string(environ), "TACIT_DIR="+homeOf(s)) {
				continue
			}
			seen++
			if strings.Contains(string(environ), "not-for-children") {
				t.Errorf("%s has the passphrase", file)
			}
			if line, err := os.ReadFile(file); err != nil || strings.Contains(string(line), "CANARY") {
				t.Errorf("%s: %q, %v", file, line, err)
			}
		}
	}
	if seen < 2 {
		t.Errorf("%d processes of the task were seen", seen)
	}
	_ = in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// homeOf is where the vault of a home is.
func homeOf(s *tacitHome) string {
	for _, e := range s.env {
		if dir, ok := strings.CutPrefix(e, "TACIT_DIR="); ok {
			return dir
		}
	}
	return ""
}

// TestTaskEndsAtASignal: a signal that reaches tacit reaches the step, whose end is ours, and no step follows.
func TestTaskEndsAtASignal(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	repo := t.TempDir()
	project := "tasks: {t: {steps: [{command: \"trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done\"}, {command: echo never}]}}"
	if err := os.WriteFile(filepath.Join(repo, "tacit.yaml"), []byte(project), 0o600); err != nil {
		t.Fatal(err)
	}
	trust := s.command("config", "trust", "--force")
	trust.Dir = repo
	if out, err := trust.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := s.command("task", "t")
	c.Dir = repo
	var out strings.Builder
	ready := make(chan struct{})
	c.Stdout = writerFunc(func(b []byte) (int, error) {
		out.Write(b)
		if out.String() == "ready\n" {
			close(ready)
		}
		return len(b), nil
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-ready
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != 9 || !strings.Contains(out.String(), "got it") {
		t.Errorf("%v: %s", err, out.String())
	}
	if strings.Contains(out.String(), "never") {
		t.Errorf("the next step ran: %s", out.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestEnvOnTerminal: what is printed where others may look on is said to be.
func TestEnvOnTerminal(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	s.set("a", "value-1234")
	shown, err := s.onTerminal("", "env", "-e", "A=a")
	if err != nil || !strings.Contains(shown, "export A='value-1234'") || !strings.Contains(shown, "in plain text on your screen") {
		t.Errorf("%v: %s", err, shown)
	}
	out, err := s.command("env", "-e", "A=a").CombinedOutput()
	if err != nil || string(out) != "export A='value-1234'\n" {
		t.Errorf("%v: %s", err, out)
	}
}
