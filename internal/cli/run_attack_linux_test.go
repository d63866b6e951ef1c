package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// odd are values that mean something to somebody: none may mean anything to tacit or to what it starts (I12, I21).
var odd = map[string]string{
	"reference": "${secret:other} tacit://other ${env.HOME}", "command": "$(touch pwned)`touch pwned`;touch pwned", "quotes": `it's "both" \' \"`,
	"lines": "first line\nsecond line\r\n\nTACIT_TOKEN=x", "escapes": "\x1b]0;title\x07\x1b[2Jclear\x1b[31m", "bytes": "\xff\xfe\x80 not UTF-8 \x01",
	"equals": "=A=B=", "dashes": "--no-mask", "percent": "%s%n%d", "large": strings.Repeat("0123456789abcde\n", 4096),
}

// I12, I21: whatever a value is, the program gets exactly that, through its environment and through a file, and nothing of it happens. I14: and what it
// prints of it does not show, neither as it is nor in base64.
func TestI12OddValues(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	s.set("other", "value of another one")
	for name, value := range odd {
		s.set(name, value, "--raw")
		dir := t.TempDir()
		args := []string{"run", "-e", "V=" + name, "--file-env", "F=" + name, "--"}
		run := func(script string) (stdout, stderr string) {
			c := s.command(append(args, "sh", "-c", script)...)
			var out, errs bytes.Buffer
			c.Dir, c.Stdout, c.Stderr = dir, &out, &errs
			if err := c.Run(); err != nil {
				t.Errorf("%s: %v: %s", name, err, errs.String())
			}
			return out.String(), errs.String()
		}
		run(`printf %s "$V" >by-env; cat "$F" >by-file`)
		for _, by := range []string{"by-env", "by-file"} {
			if got, err := os.ReadFile(filepath.Join(dir, by)); err != nil || string(got) != value {
				t.Errorf("%s %s: %.60q, %v", name, by, got, err)
			}
		}
		out, errs := run(`printf '<%s>' "$V"; cat "$F" >&2; base64 -w0 <"$F"`)
		if out != "<***>***" || errs != "***" {
			t.Errorf("%s: printed %.60q and %.60q", name, out, errs)
		}
		if files, _ := os.ReadDir(dir); len(files) != 2 {
			t.Errorf("%s: something ran: %v", name, files)
		}
	}
	// No environment holds a NUL; a file does.
	s.set("nul", "a\x00b\x00", "--raw")
	if out, err := s.command("run", "-e", "V=nul", "--", "true").CombinedOutput(); exitCode(err) != "2" {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := s.command("run", "--file-env", "F=nul", "--no-mask", "--", "sh", "-c", `cat "$F"`).Output(); err != nil || string(out) != "a\x00b\x00" {
		t.Errorf("%q, %v", out, err)
	}
}

// I12: while a program runs, no argument of any process holds a secret, nor does any environment but the program's own and that of the process
// that leads its session; and none of them has what opens the vault. Afterwards nothing of it all is left.
func TestI12ProcessesOfARun(t *testing.T) {
	t.Parallel()
	const value, phrase = "C4NARY-of-the-processes", "PHRASE-that-opens-nothing"
	s := newHome(t, "TACIT_PASSPHRASE="+phrase)
	s.set("a", value)
	for _, terminal := range []bool{false, true} {
		c := s.command("run", "-e", "A=a", "--file-env", "F=a", "--", "sh", "-c", `echo "$F"; cat; exit 6`)
		var in, out *os.File
		if terminal {
			tty, err := pty.Start(c)
			if err != nil {
				t.Fatal(err)
			}
			in, out = tty, tty
		} else {
			childIn, ourIn, _ := os.Pipe()
			ourOut, childOut, _ := os.Pipe()
			c.Stdin, c.Stdout, c.Stderr = childIn, childOut, childOut
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			_, _ = childIn.Close(), childOut.Close()
			in, out = ourIn, ourOut
		}
		var shown bytes.Buffer
		waitFor(t, out, &shown, "\n")
		fmt.Fprint(in, "go\n") // cat answers: the shell has started it
		if terminal {
			waitFor(t, out, &shown, "go\r\ngo") // the first is the terminal's
		} else {
			waitFor(t, out, &shown, "go")
		}
		family := descendants(t, c.Process.Pid)
		if want := 3 + map[bool]int{true: 1}[terminal]; len(family) != want {
			t.Errorf("terminal %v: %d processes, not %d: %v", terminal, len(family), want, family)
		}
		for pid, line := range everyCommandLine(t) {
			if strings.Contains(line, value) {
				t.Errorf("the arguments of %d hold the secret: %q", pid, line)
			}
		}
		for _, pid := range family {
			env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // of tacit itself nobody but root may see it
			if pid != c.Process.Pid && bytes.Contains(env, []byte(phrase)) {
				t.Errorf("the environment of %d has what opens the vault", pid)
			}
			if pid == c.Process.Pid && bytes.Contains(env, []byte(value)) {
				t.Errorf("the environment of tacit holds the secret")
			}
		}
		fmt.Fprint(in, "\x04")
		if !terminal {
			_ = in.Close()
		}
		for b := make([]byte, 256); ; {
			n, err := out.Read(b)
			shown.Write(b[:n])
			if err != nil {
				break
			}
		}
		if err := c.Wait(); exitCode(err) != "6" {
			t.Errorf("terminal %v: %v\n%s", terminal, err, shown.String())
		}
		path, _, _ := strings.Cut(shown.String(), "\n")
		if path = strings.TrimSpace(path); !strings.HasPrefix(path, "/") {
			t.Errorf("no path: %q", shown.String())
		}
		if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
		for _, pid := range family {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
				t.Errorf("terminal %v: process %d is left", terminal, pid)
			}
		}
		_ = out.Close()
	}
}

// descendants returns a process and those below it.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	all := []int{pid}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(b)) {
			var child int
			if _, err := fmt.Sscan(word, &child); err == nil {
				all = append(all, descendants(t, child)...)
			}
		}
	}
	return all
}

// everyCommandLine returns the arguments of every process of this machine.
func everyCommandLine(t *testing.T) map[int]string {
	t.Helper()
	all := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			var pid int
			_, _ = fmt.Sscanf(f, "/proc/%d/", &pid)
			all[pid] = string(b)
		}
	}
	return all
}

// I14: a program that prints in pieces, in colour and through its children is masked at a terminal as through a pipe; also the token of a sealed run.
func TestI14AtTheTerminal(t *testing.T) {
	t.Parallel()
	s := newHome(t)
	s.set("a", "C4NARY-at-the-terminal")
	s.set("OPENAI_API_KEY", "sk-C4NARY-that-stays")
	const script = `i=0; v=$A; while [ -n "$v" ]; do printf %s "${v%"${v#?}"}"; v=${v#?}; done; printf '\033[1;31m%s\033[0m' "$A"; (echo "$A") | cat; printf '%s' "$A" | base64 -w0; exit 5`
	out, err := s.onTerminal("", "run", "-e", "A=a", "--", "sh", "-c", script)
	if exitCode(err) != "5" || strings.Count(out, "***") != 4 && strings.Count(out, "***") != 3 || strings.Contains(out, "C4NARY") || strings.Contains(out, "QzROQVJZ") {
		t.Errorf("%q, %v", out, err)
	}
	out, err = s.onTerminal("", "run", "--sealed", "-e", "K=OPENAI_API_KEY", "-e", "A=a", "--", "sh", "-c", `echo "$OPENAI_API_KEY $A $OPENAI_BASE_URL"`)
	if err != nil || !strings.Contains(out, "*** *** http://127.0.0.1:") || strings.Contains(out, "tacit_") {
		t.Errorf("%q, %v", out, err)
	}
}
