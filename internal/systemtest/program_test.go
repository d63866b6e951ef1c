package systemtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tacit/client"
)

// user is somebody who uses the program, without a terminal, in an environment of their own.
type user struct {
	t    *testing.T
	home string
	env  []string
	as   func(c *exec.Cmd) // changes how the program is started
}

func newUser(t *testing.T, env ...string) *user {
	t.Helper()
	home := filepath.Join(quickDir(t), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	return &user{t: t, home: home, env: env}
}

// dir is where the user's vault is.
func (u *user) dir() string { return filepath.Join(u.home, "vault") }

func (u *user) vault() string { return filepath.Join(u.dir(), "vault.db") }

// result is what a command did.
type result struct {
	out, err string
	exit     int
	took     time.Duration
}

// command returns the program with arguments, ready to start.
func (u *user) command(args ...string) *exec.Cmd {
	u.t.Helper()
	c := exec.Command(tacit(u.t), args...)
	c.Dir = u.home
	c.Env = append([]string{"HOME=" + u.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + u.home, "TACIT_DIR=" + u.dir()}, u.env...) // the last of equal names counts
	c.SysProcAttr = noTerminal()
	if u.as != nil {
		u.as(c)
	}
	return c
}

// run runs the program.
func (u *user) run(stdin string, args ...string) result {
	u.t.Helper()
	c := u.command(args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	begun := time.Now()
	err := c.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		u.t.Fatalf("tacit %v: %v", args, err)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode(), time.Since(begun)}
}

// ok runs the program, which must succeed, and returns its output.
func (u *user) ok(stdin string, args ...string) string {
	u.t.Helper()
	r := u.run(stdin, args...)
	if r.exit != 0 {
		u.t.Fatalf("tacit %v: exit %d: %s", args, r.exit, r.err)
	}
	return r.out
}

// control are the bytes that no message may hold.
var control = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f]`)

// fails runs the program, which must fail with the status, print nothing but one line that matches why, and then say a way out.
// It does so twice, the second time with --json. It returns the way out.
func (u *user) fails(exit int, code, why, stdin string, args ...string) (fix string) {
	u.t.Helper()
	r := u.run(stdin, args...)
	if r.exit != exit || r.out != "" {
		u.t.Errorf("tacit %v: exit %d, want %d; output %.80q; %s", args, r.exit, exit, r.out, r.err)
		return ""
	}
	lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
	if !strings.HasPrefix(lines[0], "tacit: ") || !regexp.MustCompile(why).MatchString(lines[0]) {
		u.t.Errorf("tacit %v: %q does not match %q", args, lines[0], why)
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[1], "  → ") {
		u.t.Errorf("tacit %v: not one line and a way out: %q", args, r.err)
	} else {
		fix = strings.TrimPrefix(lines[1], "  → ")
	}
	if control.MatchString(r.err) || strings.Contains(r.err, "goroutine") {
		u.t.Errorf("tacit %v: %q", args, r.err)
	}
	r = u.run(stdin, append([]string{"--json"}, args...)...)
	var p client.Problem
	if err := json.Unmarshal([]byte(r.err), &p); err != nil || strings.Count(r.err, "\n") != 1 || r.exit != exit ||
		p.Error.Exit != exit || p.Error.Code != code || p.Error.Fix == nil {
		u.t.Errorf("tacit --json %v: exit %d, want %s: %v, %s", args, r.exit, code, err, r.err)
	}
	return fix
}

// contents is everything that the user's vault holds.
func (u *user) contents() string {
	u.t.Helper()
	return u.ok("", "export", "--format", "json", "--values", "--force")
}

// intact checks that nothing was lost: the vault holds what it held, and all of it and its log are in order.
func (u *user) intact(want string) {
	u.t.Helper()
	if got := u.contents(); got != want {
		u.t.Errorf("the vault holds\n%s\nand held\n%s", got, want)
	}
	u.sound()
}

// sound checks that the log verifies and that doctor finds nothing wrong.
func (u *user) sound() {
	u.t.Helper()
	if r := u.run("", "audit", "verify"); r.exit != 0 {
		u.t.Errorf("audit verify: exit %d: %s%s", r.exit, r.out, r.err)
	}
	var d client.Doctor
	r := u.run("", "--json", "doctor")
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || d.Counts.Fail > 0 {
		u.t.Errorf("doctor: %v, %s%s", err, r.out, r.err)
	}
}

// withVault gives the user a vault with a key-file slot and some secrets, and returns what it holds.
func (u *user) withVault() string {
	u.t.Helper()
	u.ok("", "init")
	u.ok("the first value", "set", "a/one")
	u.ok("the second value", "set", "a/one")
	u.ok("another value", "set", "b/two", "--tag", "t", "--note", "a note")
	return u.contents()
}
