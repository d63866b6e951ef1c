package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/enginetest"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// Writers and what each writes.
const (
	writers  = 8
	writes   = 200 / enginetest.Slow
	pairEach = 4 // every fourth write is of two secrets at once
)

func writeName(p, i int) string { return fmt.Sprintf("w/%d/%d", p, i) }

func pairName(p int, half string) string { return fmt.Sprintf("pair/%d/%s", p, half) }

func writeValue(p, i int) string { return fmt.Sprintf("write %d of process %d", i, p) }

// TestI06WritersAtOnce has eight processes write 200 times each through keeper while others read, a backup is taken on the way and
// restored a little later. Exactly:
//
//   - The log has each acknowledged write once, and nothing else; the order of the log is the order in which things happened: what
//     was acknowledged before the restore was asked for is before it, what was begun after it was acknowledged is after it.
//   - The vault holds what was written after the restore and, of what was written before, what the backup has: a prefix of the
//     log that ends between the backup's two records.
//   - No reader ever sees one half of a pair without the other.
func TestI06WritersAtOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := quickDir(t)
	if enginetest.Long() {
		dir = t.TempDir()
	}
	h := makeHome(t, dir)
	k := h.open()
	defer k.Close()
	w := &crowd{acked: make([]int, writers), moved: make(chan struct{}, 1)}
	var wg, readers sync.WaitGroup
	begun := time.Now()
	for p := range writers {
		wg.Go(func() { w.writer(t, h, p) })
	}
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() { w.reader(t, h, stop) })
	}
	var file bytes.Buffer
	w.wait(t, writers*writes/4)
	err := patient(func() error {
		file.Reset()
		_, err := k.Backup(ctx, owner, keeper.BackupRequest{}, &file)
		return err
	})
	if err != nil {
		t.Fatalf("backup: %v", err)
	}
	w.wait(t, writers*writes/2)
	before := w.counts()
	err = patient(func() error {
		_, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes())})
		return err
	})
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	after := w.counts()
	wg.Wait()
	close(stop)
	readers.Wait()
	t.Logf("%d processes × %d writes, %d reads and a restore in the middle took %v; %d times a writer gave up waiting and tried again",
		writers, writes, w.reads, time.Since(begun).Round(time.Millisecond), w.busy)
	if t.Failed() {
		return
	}
	if _, err := healthy(ctx, k); err != nil {
		t.Error(err)
	}
	a, err := k.Audit(ctx, owner, keeper.AuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	story := tell(t, a.Records)
	if story.restored == 0 || story.backupFrom == 0 || story.backupTo == 0 {
		t.Fatalf("the log does not know of the backup or of the restore: %+v", story)
	}
	for p := range writers {
		for i := range writes {
			at, ok := story.at[[2]int{p, i}]
			switch {
			case !ok:
				t.Errorf("write %d of process %d is not in the log", i, p)
			case i < before[p] && at > story.restored:
				t.Errorf("write %d of process %d was acknowledged before the restore and is after it in the log", i, p)
			case i > after[p] && at < story.restored:
				t.Errorf("write %d of process %d was begun after the restore and is before it in the log", i, p)
			}
		}
	}
	story.compare(t, values(t, k))
	if w.reads < 20 {
		t.Errorf("only %d reads", w.reads)
	}
}

// patient tries as long as others are in the way: on a busy machine eight writers in a queue may take longer than anybody waits.
func patient(try func() error) error {
	for {
		if err := try(); !errors.Is(err, fault.Busy) {
			return err
		}
	}
}

// values returns every current value.
func values(t *testing.T, k *keeper.Keeper) map[string]string {
	t.Helper()
	got := map[string]string{}
	_, err := k.Export(t.Context(), owner, keeper.ExportRequest{Values: true}, func(e keeper.Exported) error {
		got[e.Secret.Name] = string(e.Value.Reveal())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// crowd is the processes that use one vault at once.
type crowd struct {
	mu    sync.Mutex
	acked []int // writes, by process
	reads int
	busy  int
	moved chan struct{}
}

func (w *crowd) counts() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acked)
}

// wait waits until so many writes were acknowledged. How long that takes is the machine's affair; that there is none in minutes is not.
func (w *crowd) wait(t *testing.T, n int) {
	t.Helper()
	for {
		sum := 0
		for _, c := range w.counts() {
			sum += c
		}
		if sum >= n {
			return
		}
		select {
		case <-w.moved:
		case <-time.After(5 * time.Minute):
			t.Fatalf("only %d writes", sum)
		}
	}
}

func (w *crowd) writer(t *testing.T, h home, p int) {
	err := enginetest.Lines(enginetest.Child("write", h.dir, strconv.Itoa(p)), func(line string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if line == "busy" {
			w.busy++
			return
		}
		if line != "done "+strconv.Itoa(w.acked[p]) {
			t.Errorf("process %d said %q after %d writes", p, line, w.acked[p])
		}
		w.acked[p]++
		select {
		case w.moved <- struct{}{}:
		default:
		}
	})
	if n := w.counts()[p]; err != nil || n != writes {
		t.Errorf("process %d: %d writes acknowledged, %v", p, n, err)
	}
}

func (w *crowd) reader(t *testing.T, h home, stop <-chan struct{}) {
	c := enginetest.Child("watch", h.dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Error(err)
		return
	}
	go func() { <-stop; in.Close() }()
	err = enginetest.Lines(c, func(line string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.reads++; line != "whole" {
			t.Errorf("a reader saw %s", line)
		}
	})
	if err != nil {
		t.Errorf("a reader ended with %v", err)
	}
}

// writeJob writes: DIR PROCESS.
func writeJob(ctx context.Context, out io.Writer, args []string) error {
	p, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	k := home{dir: args[0]}.open()
	for i := range writes {
		o := op{Kind: "set", Name: writeName(p, i), Value: writeValue(p, i)}
		if i%pairEach == pairEach-1 {
			o = op{Kind: "import", Value: writeValue(p, i), Names: []string{pairName(p, "a"), pairName(p, "b")}}
		}
		for {
			err := o.do(ctx, k, nil)
			if err == nil {
				break
			}
			if !errors.Is(err, fault.Busy) {
				return fmt.Errorf("write %d of process %d: %w", i, p, err)
			}
			fmt.Fprintln(out, "busy")
		}
		fmt.Fprintln(out, "done", i)
	}
	return k.Close()
}

// watchJob lists the pairs until its input ends: DIR. Both halves of each must be there, and have the same version.
func watchJob(ctx context.Context, out io.Writer, args []string) error {
	ended := make(chan struct{})
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		close(ended)
	}()
	k := home{dir: args[0]}.open()
	for {
		select {
		case <-ended:
			return k.Close()
		default:
		}
		l, err := k.List(ctx, owner, keeper.ListRequest{Pattern: "pair/**"})
		if errors.Is(err, fault.Busy) {
			continue
		}
		if err != nil {
			return err
		}
		versions := map[string]int{}
		for _, s := range l.Secrets {
			versions[s.Name] = s.Version
		}
		said := "whole"
		for p := range writers {
			if a, b := versions[pairName(p, "a")], versions[pairName(p, "b")]; a != b {
				said = fmt.Sprintf("half a change: versions %d and %d of pair %d", a, b, p)
			}
		}
		fmt.Fprintln(out, said)
	}
}

// story is what the log says, by its numbers.
type story struct {
	at                             map[[2]int]uint64 // of each write
	order                          [][2]int
	backupFrom, backupTo, restored uint64
}

func tell(t *testing.T, records []client.AuditRecord) story {
	t.Helper()
	s := story{at: map[[2]int]uint64{}}
	pairs := make([]int, writers)
	for _, r := range records {
		reason, name, p, i := "", "", 0, 0
		if r.Reason != nil {
			reason = *r.Reason
		}
		if r.Object.Name != nil {
			name = *r.Object.Name
		}
		half, _ := fmt.Sscanf(name, "pair/%d/", &p)
		single, _ := fmt.Sscanf(name, "w/%d/%d", &p, &i)
		switch {
		case r.Action == "admin" && strings.HasPrefix(reason, "restored"):
			s.restored = r.Seq
		case r.Action == "admin" && strings.HasPrefix(reason, "backup for"):
			s.backupFrom = r.Seq
		case r.Action == "admin" && strings.HasPrefix(reason, "backup of"):
			s.backupTo = r.Seq
		case r.Action != "write":
		case r.Result != "allowed":
			if reason != "busy" {
				t.Errorf("record %d: %s of %s %s: %s", r.Seq, r.Action, name, r.Result, reason)
			}
		case single == 2:
			s.add(t, p, i, r.Seq)
		case half == 1 && strings.HasSuffix(name, "/a"): // its b is the next line
			s.add(t, p, pairs[p]*pairEach+pairEach-1, r.Seq)
			pairs[p]++
		case half != 1:
			t.Errorf("record %d is about %s, which nobody wrote", r.Seq, name)
		}
	}
	return s
}

func (s *story) add(t *testing.T, p, i int, seq uint64) {
	t.Helper()
	if s.at[[2]int{p, i}] != 0 {
		t.Errorf("write %d of process %d is in the log twice", i, p)
	}
	s.at[[2]int{p, i}] = seq
	s.order = append(s.order, [2]int{p, i})
}

// compare tries every prefix of the log that the backup may hold: one of them, with what came after the restore, is the vault.
func (s *story) compare(t *testing.T, got map[string]string) {
	t.Helper()
	problem := "no backup is possible"
	for cut := 0; cut <= len(s.order); cut++ {
		if cut > 0 && s.at[s.order[cut-1]] > s.backupTo || cut < len(s.order) && s.at[s.order[cut]] < s.backupFrom {
			continue
		}
		want := map[string]string{}
		for n, w := range s.order {
			if n >= cut && s.at[w] < s.restored {
				continue
			}
			p, i := w[0], w[1]
			if i%pairEach != pairEach-1 {
				want[writeName(p, i)] = writeValue(p, i)
				continue
			}
			for _, half := range []string{"a", "b"} {
				o := op{Kind: "import", Value: writeValue(p, i)}
				want[pairName(p, half)] = o.value(pairName(p, half))
			}
		}
		if problem = difference(want, got); problem == "" {
			return
		}
	}
	t.Errorf("the vault is not what the log says: %s", problem)
}

// difference names one difference, "" when there is none.
func difference(want, got map[string]string) string {
	for n, v := range want {
		if g, ok := got[n]; !ok || g != v {
			return fmt.Sprintf("%s is %q (%v), not %q", n, g, ok, v)
		}
	}
	for n := range got {
		if _, ok := want[n]; !ok {
			return n + " should not be there"
		}
	}
	return ""
}
