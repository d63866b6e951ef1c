package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/demo"
)

// I01: whenever a signal comes, before the program starts, while it runs or after its end, the file with its secret does not stay.
func TestI01SignalsLeaveNoFile(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/dev/shm", "tacit-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := newHome(t, "XDG_RUNTIME_DIR="+dir, "TACIT_NO_AGENT=1")
	s.set("a", "a-secret-in-a-file")
	files := func() []string {
		found, _ := filepath.Glob(filepath.Join(dir, "tacit-*"))
		return found
	}
	before := len(files())
	for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTERM, syscall.SIGTERM, syscall.SIGTERM} {
		c := s.command("run", "--file-env", "F=a", "--", "sleep", "60")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		gone := make(chan struct{})
		go func() { defer close(gone); _ = c.Wait() }()
		for limit := time.Now().Add(20 * time.Second); len(files()) == before; {
			if time.Now().After(limit) {
				t.Fatal("there is no file")
			}
		}
		for end := time.Now().Add(time.Duration(i) * time.Millisecond); time.Now().Before(end); { // somewhere in its life
		}
		for again := time.NewTicker(time.Millisecond); ; {
			select {
			case <-again.C:
				_ = c.Process.Signal(sig)
				continue
			case <-gone:
			}
			break
		}
		if left := files(); len(left) != before {
			t.Fatalf("%v left %v", sig, left)
		}
	}
}

// A signal after which the program ends does not keep its token alive; and a token that cannot be revoked is named.
func TestSealedRunEndsItsToken(t *testing.T) {
	t.Parallel()
	u, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	file, err := u.ServiceFile("openai")
	if err != nil {
		t.Fatal(err)
	}
	s := newHome(t, "TACIT_NO_AGENT=1")
	add := s.command("service", "add", "-")
	add.Stdin = strings.NewReader(file)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.set("DEMO_OPENAI_KEY", "a-key-of-the-demo-0123456789")
	live := func() int {
		t.Helper()
		out, err := s.command("token", "list", "--json").Output()
		var all client.Tokens
		if err == nil {
			err = json.Unmarshal(out, &all)
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, token := range all.Tokens {
			if token.State == "active" {
				n++
			}
		}
		return n
	}
	for _, script := range []string{`kill -TERM $PPID; exec sleep 60`, `trap '' TERM; (while kill -TERM $PPID; do :; done) 2>/dev/null & exit 0`} {
		c := s.command("run", "--sealed", "-e", "KEY=DEMO_OPENAI_KEY", "--", "sh", "-c", script)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		_ = c.Run()
		if n := live(); n != 0 {
			t.Errorf("%s: %d tokens are left: %s", script, n, out.String())
		}
	}
	// The vault is gone when the program ends.
	c := s.command("run", "--sealed", "-e", "KEY=DEMO_OPENAI_KEY", "--", "sh", "-c", `mv "$HOME/tacit" "$HOME/away"; : >"$HOME/tacit"`)
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "tacit token revoke ") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestSealedRunInAWorkspace: a program that may use what is sealed in a workspace is there too, and what it asks with its token is asked
// there, also where the environment says so.
func TestSealedRunInAWorkspace(t *testing.T) {
	t.Parallel()
	u, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	file, err := u.ServiceFile("openai")
	if err != nil {
		t.Fatal(err)
	}
	s := newHome(t, "TACIT_NO_AGENT=1", "TACIT_WORKSPACE=W")
	add := s.command("service", "add", "-")
	add.Stdin = strings.NewReader(file)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.set("DEMO_OPENAI_KEY", "a-key-of-the-demo-0123456789")
	const ask = `curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $OPENAI_API_KEY" "$OPENAI_BASE_URL/models"`
	for workspace, want := range map[string]string{"W": "200", "V": "no such secret"} {
		c := s.command("run", "--sealed", "-e", "OPENAI_API_KEY=DEMO_OPENAI_KEY", "--workspace", workspace, "--", "sh", "-c", ask)
		if out, err := c.CombinedOutput(); !strings.Contains(string(out), want) || (err == nil) != (workspace == "W") {
			t.Errorf("in %s: %v: %s", workspace, err, out)
		}
	}
}
