//go:build unix

package onepassword

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

// opOnce is the fake of op, which is built once for all tests: they run it hundreds of times.
var opOnce struct {
	sync.Once
	path string
	err  error
}

func builtOp(t *testing.T) string {
	t.Helper()
	opOnce.Do(func() {
		dir, err := os.MkdirTemp("", "tacit-op-")
		if err != nil {
			opOnce.err = err
			return
		}
		opOnce.path = filepath.Join(dir, "op")
		if out, err := exec.Command("go", "build", "-o", opOnce.path, "./onepasswordfake/op").CombinedOutput(); err != nil {
			opOnce.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if opOnce.err != nil {
		t.Fatal(opOnce.err)
	}
	return opOnce.path
}

// TestMain removes what was built.
func TestMain(m *testing.M) {
	status := m.Run()
	if opOnce.path != "" {
		_ = os.RemoveAll(filepath.Dir(opOnce.path))
	}
	os.Exit(status)
}

// fakeOp returns a world in whose PATH there is op, and the directory of what that keeps.
func fakeOp(t *testing.T, w provider.World) (provider.World, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(builtOp(t), filepath.Join(dir, "op")); err != nil {
		t.Fatal(err)
	}
	w.ChildEnvironment = func(context.Context) ([]string, error) {
		return handoff.Strip([]string{"PATH=" + dir, "OP_FAKE=" + dir, "TACIT_PASSPHRASE=" + providertest.Canary}), nil
	}
	return w, dir
}

// The suite against a fake of op; I12: it refuses to work when a value is in its arguments or environment.
func TestI12CommandSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{
		Holds: holds,
		New: func(t *testing.T, w provider.World) providertest.Subject {
			w, dir := fakeOp(t, w)
			return providertest.Subject{
				Provider: made(t, w, "token", fakeToken, "vault", "Servers"),
				Secrets:  []string{fakeToken},
				Break: func(f providertest.Fault) {
					if err := os.WriteFile(filepath.Join(dir, "mode"), []byte(f), 0o600); err != nil {
						t.Error(err)
					}
				},
			}
		},
		Lacks: map[providertest.Fault]string{
			providertest.Throttled: "op says in words that there were too many requests, and not for how long",
			providertest.WrongName: "that an item is missing is what the list says; TestCommandAnswersAboutAnotherItem has the rest",
		},
	})
}

func TestCommandAnswersAboutAnotherItem(t *testing.T) {
	t.Parallel()
	w, dir := fakeOp(t, provider.World{})
	p := made(t, w, "token", fakeToken, "vault", "Servers")
	if _, err := p.Write(t.Context(), "key", secret.New([]byte("mine"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mode"), []byte(providertest.WrongName), 0o600); err != nil {
		t.Fatal(err)
	}
	if it, err := p.Read(t.Context(), "key", ""); !errors.Is(err, fault.Invalid) || it.Value.Len() > 0 {
		t.Errorf("Read: %v", err)
	}
	if _, err := p.Write(t.Context(), "key", secret.New([]byte("x"))); !errors.Is(err, fault.Invalid) {
		t.Errorf("Write: %v", err)
	}
}

func TestNoCommand(t *testing.T) {
	t.Parallel()
	_, err := made(t, provider.World{}, "vault", "Servers").Read(t.Context(), "key", "")
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "op does not run") {
		t.Error(err)
	}
}
