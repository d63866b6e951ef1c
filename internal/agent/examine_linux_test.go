package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
)

// TestExamine puts one thing after the other wrong, and each is named.
func TestExamine(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	dir, err := os.MkdirTemp("", "tacit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	shared := Shared{Path: filepath.Join(dir, "shared.sock"), Group: os.Getgid()}
	c, _ := h.start(func(o *Options) { o.Shared = shared })
	linger, config := filepath.Join(dir, "linger"), filepath.Join(dir, "config.yaml")
	examine := func(change func(*Examination)) map[string]string {
		t.Helper()
		r, err := c.AgentStatus(t.Context())
		e := Examination{Layout: h.layout(), Version: "test", Now: time.Now(), Report: r, Err: err, Shared: shared, Config: config, Linger: linger}
		if change != nil {
			change(&e)
		}
		found := map[string]string{}
		for _, f := range e.Examine() {
			found[f.Check] = f.Status + ": " + f.Detail
			if f.Status != "ok" && f.Status != "skip" && f.Fix == nil && f.Check != "agent" {
				t.Errorf("%s has no way out", f.Check)
			}
		}
		return found
	}
	want := func(what string, found map[string]string, check, status string, others int) {
		t.Helper()
		if !strings.HasPrefix(found[check], status) {
			t.Errorf("%s: %s is %q", what, check, found[check])
		}
		bad := 0
		for _, f := range found {
			if !strings.HasPrefix(f, "ok") {
				bad++
			}
		}
		if bad != others {
			t.Errorf("%s: %v", what, found)
		}
	}

	if found := examine(func(e *Examination) { e.Err = ErrNotRunning }); len(found) != 1 || found["agent"] != "skip: none is running" {
		t.Errorf("without one: %v", found)
	}
	want("an answer that is none", examine(func(e *Examination) { e.Err = fault.New(fault.Denied, "somebody else listens") }), "agent", "warn: somebody else", 1)
	want("locked", examine(nil), "agent.lock", "ok: the vault is locked", 0)
	h.unlock(c)
	want("unlocked", examine(nil), "agent.lock", "ok: the vault locks at", 0)
	want("another version", examine(func(e *Examination) { e.Version = "2" }), "agent", "warn: runs, pid", 1)
	want("for long", examine(func(e *Examination) { e.Now = e.Now.Add(-48 * time.Hour) }), "agent.lock", "note", 1)
	want("of another group", examine(func(e *Examination) { e.Shared.Group++ }), "agent.shared_socket", "fail: belongs to the group", 1)
	want("none shared", examine(func(e *Examination) { e.Shared = Shared{} }), "agent.socket", "ok", 0)

	set := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	set(h.layout().Socket, 0o666)
	want("a socket for all", examine(nil), "agent.socket", "fail: has the mode 0666", 1)
	set(h.layout().Socket, 0o600)
	set(shared.Path, 0o666)
	want("a shared socket for all", examine(nil), "agent.shared_socket", "fail: has the mode 0666", 1)
	set(shared.Path, sharedMode)
	set(dir, 0o777)
	want("a directory for all", examine(nil), "agent.shared_socket", "fail: others may write", 1)
	set(dir, 0o755)

	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(linger)
	want("lingering", examine(nil), "agent.linger", "note", 1)
	if err := os.Remove(linger); err != nil {
		t.Fatal(err)
	}
	write(config)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(config, later, later); err != nil {
		t.Fatal(err)
	}
	want("a newer file", examine(nil), "agent.config", "note: was changed", 1)
	said := "line 3: nonsense"
	want("a broken file", examine(func(e *Examination) { e.Report.ConfigError = &said }), "agent.config", "warn", 1)

	if err := os.Rename(shared.Path, shared.Path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(config), os.Rename(shared.Path+".old", dir+"/elsewhere")); err != nil {
		t.Fatal(err)
	}
	want("a socket that is gone", examine(nil), "agent.shared_socket", "warn: is not there", 1)
	write(shared.Path)
	want("no socket", examine(nil), "agent.shared_socket", "fail: is not a socket", 1)
	_ = os.Remove(shared.Path)
}
