package bolt_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/engine/enginetest/disk"
	"tacit/internal/fault"
)

// lifeJob makes a vault and lets it live: PATH SEED REPLACE-EVERY STEPS.
func lifeJob(ctx context.Context, out io.Writer, args []string) error {
	if err := bolt.Create(ctx, args[0], bolt.Options{}, empty); err != nil {
		return err
	}
	fmt.Fprintln(out, "acknowledged", 0)
	h, steps, err := history(args[1:])
	if err != nil {
		return err
	}
	for range steps {
		n, err := h.Step(ctx, bolt.Open(args[0], bolt.Options{}))
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "acknowledged", n)
	}
	return nil
}

func history(args []string) (enginetest.History, int, error) {
	seed, err1 := strconv.ParseUint(args[0], 10, 64)
	every, err2 := strconv.Atoi(args[1])
	steps, err3 := strconv.Atoi(args[2])
	return enginetest.History{Seed: seed, ReplaceEvery: every}, steps, errors.Join(err1, err2, err3)
}

// TestI05PowerLoss records the life of a vault, with replacements, and cuts the power after each thing that was done to the
// disk. What was not synced by then is there; or all of it is lost; or one write of it is lost, or torn at a sector. Whatever
// remains must open, hold everything that was acknowledged and each other batch whole or not at all, and take a write.
func TestI05PowerLoss(t *testing.T) {
	t.Parallel()
	steps := 12
	if enginetest.Long() {
		steps = 60
	}
	dir := t.TempDir()
	events := disk.Record(t, dir, enginetest.Child("life", filepath.Join(dir, "vault.db"), "4", "5", strconv.Itoa(steps)))
	c := &cutter{t: t, dir: t.TempDir(), ledger: enginetest.Ledger{History: enginetest.History{Seed: 4, ReplaceEvery: 5}}, seen: map[string]bool{}}
	d := disk.New(nil)
	acknowledged := -1
	for i, e := range events {
		if e.Call == "line" {
			n, err := strconv.Atoi(strings.TrimPrefix(e.To, "acknowledged "))
			if err != nil || n != acknowledged+1 {
				t.Fatalf("line %q after %d", e.To, acknowledged)
			}
			acknowledged = n
			continue
		}
		d.Do(e)
		for _, s := range d.AfterPowerLoss("vault.db") {
			c.cut(fmt.Sprintf("event %d (%v), %s", i, e, s.What), s.Files["vault.db"], acknowledged)
		}
	}
	if acknowledged != steps {
		t.Fatalf("only %d of %d steps were recorded", acknowledged, steps)
	}
	t.Logf("%d events, %d cuts, %d different files; before creation was acknowledged %d times without a vault; at the acknowledged state %d, one further %d",
		len(events), c.cuts, len(c.seen), c.absent, c.at, c.further)
	if c.at == 0 || c.further == 0 || c.absent == 0 {
		t.Error("a kind of outcome never came up")
	}
}

// cutter looks at what a power loss left.
type cutter struct {
	t                         *testing.T
	dir                       string
	ledger                    enginetest.Ledger
	seen                      map[string]bool
	cuts, absent, at, further int
}

func (c *cutter) cut(what string, vault []byte, acknowledged int) {
	c.t.Helper()
	c.cuts++
	if vault == nil {
		c.absent++
		if acknowledged >= 0 {
			c.t.Fatalf("%s: the vault is gone", what)
		}
		return
	}
	sum := sha256.Sum256(vault)
	key := fmt.Sprint(sum, acknowledged)
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	path := filepath.Join(c.dir, "vault.db")
	if err := os.WriteFile(path, vault, 0o600); err != nil {
		c.t.Fatal(err)
	}
	e := bolt.Open(path, bolt.Options{})
	n, err := c.ledger.Check(c.t.Context(), e, max(acknowledged, 0), acknowledged+1)
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
	if n == acknowledged {
		c.at++
	} else {
		c.further++
	}
	if len(c.seen)%8 == 0 { // life goes on
		if _, err := c.ledger.Step(c.t.Context(), e); err != nil {
			c.t.Fatalf("%s: write afterwards: %v", what, err)
		}
		if _, err := c.ledger.Check(c.t.Context(), e, n+1, n+1); err != nil {
			c.t.Fatalf("%s: after a write: %v", what, err)
		}
	}
}

// TestReplaySeesALostWrite makes sure that the test above can fail: a vault that does not sync is caught.
func TestReplaySeesALostWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.db")
	events := disk.Record(t, dir, enginetest.Child("life", path, "4", "0", "4"))
	d, acknowledged := disk.New(nil), -1
	for _, e := range events {
		if e.Call == "line" {
			acknowledged++
		} else if e.Call != "sync" || acknowledged < 1 {
			d.Do(e)
		}
	}
	ledger := enginetest.Ledger{History: enginetest.History{Seed: 4}}
	for _, s := range d.AfterPowerLoss("vault.db") {
		path := filepath.Join(t.TempDir(), "vault.db")
		if err := os.WriteFile(path, s.Files["vault.db"], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Check(t.Context(), bolt.Open(path, bolt.Options{}), acknowledged, acknowledged); err != nil {
			t.Logf("%s: %v", s.What, fault.CodeOf(err))
			return
		}
	}
	t.Error("no power loss did harm although nothing was synced")
}
