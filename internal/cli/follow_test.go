package cli_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tacit/client"
)

// TestAuditFollow sees what another process does, while it does it.
func TestAuditFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tacit := func(args ...string) *exec.Cmd {
		cmd := exec.Command("tacit", args...)
		cmd.Env = append(os.Environ(), "TACIT_DIR="+filepath.Join(dir, "tacit"))
		return cmd
	}
	for _, args := range [][]string{{"init"}, {"generate", "first"}} {
		if out, err := tacit(args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	follow := tacit("audit", "--follow", "--json")
	stdout, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = follow.Process.Kill(); _ = follow.Wait() })

	lines := bufio.NewScanner(stdout)
	next := func(name string) {
		t.Helper()
		for lines.Scan() {
			if err := checkShape("record", lines.Bytes()); err != nil {
				t.Fatalf("%s: %v", lines.Bytes(), err)
			}
			var r client.AuditRecord
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Object.Name != nil && *r.Object.Name == name {
				return
			}
		}
		t.Fatalf("the log ended before anything about %s: %v", name, lines.Err())
	}
	next("first") // what was there
	if out, err := tacit("generate", "second").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	next("second") // what comes
}
