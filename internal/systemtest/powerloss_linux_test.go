package systemtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tacit/internal/engine/enginetest"
	"tacit/internal/engine/enginetest/disk"
)

// TestI05PowerLoss records what changes through keeper do to the disk, vault and log together, and cuts the power after each thing
// that was done. Whatever remains must open, hold everything that was acknowledged and the next change whole or not at all, and have
// in the log what is in the vault.
func TestI05PowerLoss(t *testing.T) {
	t.Parallel()
	share := 5 * enginetest.Slow // of all cuts one in so many is looked at
	if enginetest.Long() {
		share = 1
	}
	l := newLane(t, quickDir(t), 5)
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("i/%d", i))
	}
	l.ops = []op{
		{Kind: "set", Name: "a", Value: "value 1"},
		{Kind: "set", Name: "a", Value: "value 2"},
		{Kind: "rotate", Name: "a", Value: "value 3"},
		{Kind: "import", Names: many, Value: "value 4"}, // more in the log than an append looks at without a reason
		{Kind: "tag", Name: "i/2", To: "t"},
		{Kind: "rotate-root"},
		{Kind: "mv", Name: "i/1", To: "m"},
		{Kind: "purge", Name: "a", N: 1},
		{Kind: "restore"},
		{Kind: "set", Name: "a", Value: "value 5"},
		{Kind: "rm", Name: "a"},
	}
	start := files(t, l.home.dir)
	var in bytes.Buffer
	for _, o := range l.ops {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(b, '\n'))
	}
	c := enginetest.Child("change", l.home.dir, l.mark, l.backup, "0", "0")
	c.Stdin = &in
	events := disk.Record(t, l.home.dir, c)

	d, acknowledged, cuts, looked := disk.New(start), 0, 0, 0
	seen, r := map[[32]byte]bool{}, rand.New(rand.NewPCG(1, 1))
	for i, e := range events {
		if e.Call == "line" {
			if strings.HasPrefix(e.To, "done ") {
				acknowledged++
			}
			continue
		}
		d.Do(e)
		for _, s := range d.AfterPowerLoss() {
			cuts++
			sum := sumOf(s.Files, acknowledged)
			if seen[sum] {
				continue
			}
			seen[sum] = true
			if r.IntN(share) > 0 {
				continue
			}
			looked++
			if err := errorsOf(l, s.Files, acknowledged); err != nil {
				t.Fatalf("event %d (%v), %d changes acknowledged, %s: %v", i, e, acknowledged, s.What, err)
			}
		}
	}
	t.Logf("%d events, %d cuts, %d different, %d looked at", len(events), cuts, len(seen), looked)
	if acknowledged != len(l.ops) || looked < 50/enginetest.Slow {
		t.Errorf("%d changes of %d were recorded, %d cuts looked at", acknowledged, len(l.ops), looked)
	}
}

// errorsOf looks at a vault that a power loss left.
func errorsOf(l *lane, left map[string][]byte, acknowledged int) error {
	if err := putFiles(l.home.dir, left); err != nil {
		return err
	}
	as := *l
	return as.compare(&kill{killed: true, acknowledged: acknowledged})
}

// putFiles makes a directory that holds nothing but these files.
func putFiles(dir string, all map[string][]byte) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for name, content := range all {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(p, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// files returns the files below a directory, but for locks.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(p) == ".lock" {
			return err
		}
		all[p], err = os.ReadFile(filepath.Join(dir, p))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sumOf(files map[string][]byte, n int) [32]byte {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n", name, len(files[name]))
		h.Write(files[name])
	}
	fmt.Fprint(h, n)
	return [32]byte(h.Sum(nil))
}
