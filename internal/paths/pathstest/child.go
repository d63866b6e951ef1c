// Package pathstest runs a part of a test in a process of its own: as another user, because root passes every check of modes,
// or to be killed.
package pathstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"tacit/internal/fault"
)

// UID is the user that [AsUser] becomes when the test runs as root: nobody in particular.
const UID = 65501

const (
	childVariable = "TACIT_TEST_CHILD"
	userVariable  = "TACIT_TEST_UID"
)

// Main is for TestMain: it runs the child that this process was started as, or else the tests.
func Main(m *testing.M, children map[string]func(args []string) error) {
	name := os.Getenv(childVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	err := runChild(children[name], os.Args[1:])
	_ = json.NewEncoder(os.Stderr).Encode(resultOf(err))
	os.Exit(0)
}

func runChild(child func(args []string) error, args []string) error {
	if uid := os.Getenv(userVariable); uid != "" {
		n, err := strconv.Atoi(uid)
		if err != nil {
			return err
		}
		if err := become(n); err != nil {
			return err
		}
	}
	return child(args)
}

// Result is how a child ended.
type Result struct {
	Code    fault.Code // empty: no error
	Message string
	Fix     string
}

func resultOf(err error) Result {
	if err == nil {
		return Result{}
	}
	r := Result{Code: fault.CodeOf(err), Message: err.Error()}
	var e *fault.Error
	if errors.As(err, &e) {
		r.Fix = e.Fix
	}
	return r
}

// Command returns the command that runs a child of [Main] as the user of the test.
func Command(t testing.TB, child string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), childVariable+"="+child)
	return c
}

// AsUser runs a child to its end as a user that is not root, and returns how it ended. Its standard output is lost.
func AsUser(t testing.TB, child string, args ...string) Result {
	t.Helper()
	c := Command(t, child, args...)
	if os.Geteuid() == 0 {
		c.Env = append(c.Env, userVariable+"="+strconv.Itoa(UID))
	}
	var r Result
	stderr, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	err = json.NewDecoder(stderr).Decode(&r)
	if err = errors.Join(err, c.Wait()); err != nil {
		t.Fatal(fmt.Errorf("child %s: %w", child, err))
	}
	return r
}

// Dir returns a new directory of the user that [AsUser] becomes, below directories that let it in.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tacit-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, UID, UID); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
