package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

func layoutAt(dir string, variables ...string) paths.Layout {
	return paths.New(func(k string) string {
		for _, v := range variables {
			if name, value, _ := strings.Cut(v, "="); name == k {
				return value
			}
		}
		return ""
	}, dir)
}

// The tests of places are not parallel: a child that another test has just forked has a copy of every lock in its hand until it is
// another program.

// Two agents for one vault cannot exist, nor two at one socket, however many start at once.
func TestOneAgent(t *testing.T) {
	dir := newHome(t).dir
	l := layoutAt(dir)
	for range 10 {
		var mu sync.Mutex
		var won []*place
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				p, err := claim(l)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, p)
				} else if !errors.Is(err, fault.Exists) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d agents", len(won))
		}
		if pid, held := holderOf(t, l); !held || pid != os.Getpid() {
			t.Errorf("the lock names %d, %v", pid, held)
		}
		won[0].leave()
		if _, held := holderOf(t, l); held {
			t.Error("held after it left")
		}
		if _, err := os.Lstat(l.Socket); err == nil {
			t.Error("the socket was left behind")
		}
	}
	run := filepath.Join(dir, "run")
	one, other := layoutAt(dir, "XDG_RUNTIME_DIR="+run), layoutAt(filepath.Join(dir, "other"), "XDG_RUNTIME_DIR="+run)
	p, err := claim(one)
	if err != nil {
		t.Fatal(err)
	}
	defer p.leave()
	if _, err := claim(other); !errors.Is(err, fault.Exists) || !strings.Contains(err.Error(), "another vault") {
		t.Errorf("two vaults at one socket: %v", err)
	}
	if _, err := claim(l); !errors.Is(err, fault.Exists) { // the same vault, another socket
		t.Errorf("two agents for one vault: %v", err)
	}
}

// An agent whose socket was removed or replaced is one that nobody can reach.
func TestAbandoned(t *testing.T) {
	l := layoutAt(newHome(t).dir)
	for what, change := range map[string]func() error{
		"removed": func() error { return os.Remove(l.Socket) },
		"replaced": func() error {
			return errors.Join(os.Remove(l.Socket), os.WriteFile(l.Socket, []byte("another"), 0o600))
		},
	} {
		p, err := claim(l)
		if err != nil {
			t.Fatal(err)
		}
		gone := make(chan bool, 1)
		go func() { gone <- p.abandoned(t.Context(), time.Millisecond) }()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if !<-gone {
			t.Errorf("%s, and it was not found", what)
		}
		p.leave()
		if _, err := os.Lstat(l.Socket); what == "replaced" && err != nil {
			t.Errorf("it took away what is not its own: %v", err)
		}
		_ = os.Remove(l.Socket)
	}
	p, err := claim(l)
	if err != nil {
		t.Fatal(err)
	}
	defer p.leave()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if p.abandoned(ctx, time.Millisecond) {
		t.Error("it gave up its own socket")
	}
}

func holderOf(t *testing.T, l paths.Layout) (int, bool) {
	t.Helper()
	held, pid, err := running(l)
	if err != nil {
		t.Fatal(err)
	}
	return pid, held
}

func TestSocketPlace(t *testing.T) {
	l := layoutAt(newHome(t).dir)
	if err := paths.EnsureDir(filepath.Dir(l.Socket)); err != nil {
		t.Fatal(err)
	}
	if err := Absent(l.Socket); !NotRunning(err) || !errors.Is(err, fault.Locked) {
		t.Error("a look at no socket:", err)
	}
	// A killed agent leaves its socket.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: l.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	if err := Absent(l.Socket); err != nil {
		t.Error("a look at a socket that nobody listens on:", err)
	}
	if _, err := Connect(l.Socket, "test", "").AgentStatus(t.Context()); !NotRunning(err) {
		t.Errorf("a stale socket: %v", err)
	}
	p, err := claim(l)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	info, err := os.Lstat(l.Socket)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	p.leave()

	// What is no socket is not removed.
	target := filepath.Join(filepath.Dir(l.Socket), "file")
	if err := os.WriteFile(target, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, l.Socket); err != nil {
		t.Fatal(err)
	}
	if _, err := claim(l); !errors.Is(err, fault.Permissions) {
		t.Errorf("a link in its place: %v", err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	_ = os.Remove(l.Socket)

	// Nor is a place taken where others can come in.
	if err := os.Chmod(filepath.Dir(l.Socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := claim(l); !errors.Is(err, fault.Permissions) {
		t.Errorf("a directory that others can enter: %v", err)
	}
	deep := filepath.Join(newHome(t).dir, strings.Repeat("long", 30))
	if _, err = claim(layoutAt(deep)); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a long path: %v", err)
	}
}
