package bolt_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
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
	events := record(t, dir, "life", filepath.Join(dir, "vault.db"), "4", "5", strconv.Itoa(steps))
	c := &cutter{t: t, dir: t.TempDir(), ledger: enginetest.Ledger{History: enginetest.History{Seed: 4, ReplaceEvery: 5}}, seen: map[string]bool{}}
	d := newDisk()
	acknowledged := -1
	for i, e := range events {
		if e.call == "line" {
			n, err := strconv.Atoi(strings.TrimPrefix(e.to, "acknowledged "))
			if err != nil || n != acknowledged+1 {
				t.Fatalf("line %q after %d", e.to, acknowledged)
			}
			acknowledged = n
			continue
		}
		d.do(e)
		for _, s := range d.afterPowerLoss() {
			c.cut(fmt.Sprintf("event %d (%v), %s", i, e, s.what), s.vault, acknowledged)
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

// disk is a directory as the kernel sees it and as it is on the medium.
type disk struct {
	synced  map[string]*inode // names on the medium
	now     map[string]*inode
	pending []event // changes of names that are not on the medium
}

// inode is a file: what is on the medium, and what was done to it since.
type inode struct {
	synced  []byte
	pending []event
}

func newDisk() *disk { return &disk{synced: map[string]*inode{}, now: map[string]*inode{}} }

func (d *disk) do(e event) {
	switch e.call {
	case "create":
		if d.now[e.file] == nil {
			d.now[e.file] = &inode{}
			d.pending = append(d.pending, e)
		}
	case "write", "truncate":
		f := d.now[e.file]
		f.pending = append(f.pending, e)
	case "sync":
		f := d.now[e.file]
		f.synced, f.pending = f.with(func(int, event) (event, bool) { return event{}, false }), nil
	case "syncdir":
		d.synced, d.pending = maps.Clone(d.now), nil
	case "rename":
		d.now[e.to] = d.now[e.file]
		delete(d.now, e.file)
		d.pending = append(d.pending, e)
	case "unlink":
		delete(d.now, e.file)
		d.pending = append(d.pending, e)
	}
}

// with returns the content after the pending events, of which change may replace some.
func (f *inode) with(change func(i int, e event) (event, bool)) []byte {
	b := append([]byte{}, f.synced...)
	for i, e := range f.pending {
		if other, ok := change(i, e); ok {
			e = other
		}
		end := e.offset + int64(len(e.data))
		switch e.call {
		case "truncate":
			if end < int64(len(b)) {
				b = b[:end]
			}
			fallthrough
		case "write":
			if end > int64(len(b)) {
				b = append(b, make([]byte, end-int64(len(b)))...)
			}
			copy(b[e.offset:], e.data)
		}
	}
	return b
}

// survivor is a vault file that a power loss may leave; nil: no file.
type survivor struct {
	what  string
	vault []byte
}

// afterPowerLoss returns what vault.db may be if the power goes now.
func (d *disk) afterPowerLoss() []survivor {
	names := []struct {
		what string
		file *inode
	}{{"names as seen", d.now["vault.db"]}}
	if len(d.pending) > 0 {
		names = append(names, struct {
			what string
			file *inode
		}{"names as synced", d.synced["vault.db"]})
	}
	var all []survivor
	for _, name := range names {
		f := name.file
		add := func(what string, change func(i int, e event) (event, bool)) {
			if f == nil {
				all = append(all, survivor{what: name.what})
				return
			}
			all = append(all, survivor{what: name.what + ", " + what, vault: f.with(change)})
		}
		add("everything there", func(int, event) (event, bool) { return event{}, false })
		if f == nil || len(f.pending) == 0 {
			continue
		}
		add("everything unsynced lost", func(int, event) (event, bool) { return event{}, true })
		for lost := range f.pending {
			add(fmt.Sprintf("write %d lost", lost), func(i int, e event) (event, bool) { return event{}, i == lost })
			// The sectors before the tear arrived, or those after it.
			for at := 512; at < len(f.pending[lost].data); at += 512 {
				if at != 512 && at != 2048 && at+512 < len(f.pending[lost].data) && !enginetest.Long() {
					continue
				}
				add(fmt.Sprintf("write %d torn after %d", lost, at), func(i int, e event) (event, bool) {
					return event{call: e.call, offset: e.offset, data: e.data[:min(at, len(e.data))]}, i == lost
				})
				add(fmt.Sprintf("write %d torn before %d", lost, at), func(i int, e event) (event, bool) {
					return event{call: e.call, offset: e.offset + int64(at), data: e.data[min(at, len(e.data)):]}, i == lost
				})
			}
		}
	}
	return all
}

// TestReplaySeesALostWrite makes sure that the test above can fail: a vault that does not sync is caught.
func TestReplaySeesALostWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.db")
	events := record(t, dir, "life", path, "4", "0", "4")
	d, acknowledged := newDisk(), -1
	for _, e := range events {
		if e.call == "line" {
			acknowledged++
		} else if e.call != "sync" || acknowledged < 1 {
			d.do(e)
		}
	}
	ledger := enginetest.Ledger{History: enginetest.History{Seed: 4}}
	for _, s := range d.afterPowerLoss() {
		path := filepath.Join(t.TempDir(), "vault.db")
		if err := os.WriteFile(path, s.vault, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Check(t.Context(), bolt.Open(path, bolt.Options{}), acknowledged, acknowledged); err != nil {
			t.Logf("%s: %v", s.what, fault.CodeOf(err))
			return
		}
	}
	t.Error("no power loss did harm although nothing was synced")
}
