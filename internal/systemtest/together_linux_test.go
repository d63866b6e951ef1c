package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/engine/enginetest/disk"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// crew is how many write through one keeper at once, as the callers of an agent do.
const crew = 8

// TestI05Kill9Together kills a process at each thing that it does to vault and log while several write through one keeper, so that
// batches are under way. Whatever any of them was told is there; what was under way is whole or absent, and in the log if and only if it
// is in the vault.
func TestI05Kill9Together(t *testing.T) {
	t.Parallel()
	const events = 40 // more than three batches have
	var (
		mu             sync.Mutex
		at             = 0
		hit            = map[string]int{}
		acked, commits int
		wg             sync.WaitGroup
		again          = 1
	)
	if enginetest.Long() {
		again = 10
	}
	for lane := range 2 {
		wg.Go(func() {
			dir := t.TempDir()
			if lane > 0 {
				dir = quickDir(t)
			}
			c := &crewed{home: makeHome(t, dir), mark: filepath.Join(dir, "mark"), version: make([]int, crew)}
			r := rand.New(rand.NewPCG(uint64(lane), 5))
			for {
				mu.Lock()
				at++
				n := at
				mu.Unlock()
				if n > again*events || t.Failed() {
					return
				}
				h := how{at: uint32(1 + n%events)}
				if n > events {
					h.after = time.Duration(r.IntN(400_000))
				}
				k, err := c.run(h)
				if err != nil {
					t.Errorf("killed at %d, %+v: %v", h.at, k, err)
					return
				}
				mu.Lock()
				hit[string(k.bolt)]++
				if k.audit != "" {
					hit["audit "+k.audit]++
				}
				acked, commits = acked+k.acknowledged, commits+c.commits
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d kills: %v; %d writes were acknowledged, %d commits", at-2, hit, acked, commits)
	for _, phase := range []string{
		string(bolt.Locked), string(bolt.Opened), string(bolt.Committing), string(bolt.Committed), string(bolt.Closed),
		"audit locked", "audit writing", "audit written",
	} {
		if hit[phase] == 0 {
			t.Errorf("no kill at %q", phase)
		}
	}
	if acked <= commits {
		t.Errorf("%d writes in %d commits: they were not together", acked, commits)
	}
}

// crewed is a vault that several write to through one keeper, and the versions that each has written.
type crewed struct {
	home    home
	mark    string
	version []int
	seq     uint64
	commits int // of the last run
}

func crewName(w int) string { return "crew/" + strconv.Itoa(w) }

func crewValue(w, version int) string { return fmt.Sprintf("version %d by %d", version, w) }

// run has a child write until it dies, and looks at what it left.
func (c *crewed) run(h how) (k kill, err error) {
	m, err := openMark(c.mark)
	if err != nil {
		return k, err
	}
	defer m.close()
	clear(m.bytes)
	child := c.child(h, 1<<30)
	acked := slices.Clone(c.version)
	var said []string
	err = enginetest.Lines(child, func(line string) {
		if w, version := crewLine(line); version != acked[w]+1 {
			said = append(said, line)
		} else {
			acked[w] = version
			k.acknowledged++
		}
	})
	k.killed = child.ProcessState.ExitCode() < 0
	k.kind, k.bolt, k.audit = m.where()
	c.commits = int(commitsIn(m).Load())
	if len(said) > 0 || !k.killed {
		return k, fmt.Errorf("the child ended with %w and said %q", err, said)
	}
	return k, c.home.with(func(kp *keeper.Keeper) error { return c.compare(context.Background(), kp, acked) })
}

// child writes until it dies, or each has written so many versions more.
func (c *crewed) child(h how, each int) *exec.Cmd {
	args := []string{c.home.dir, c.mark, strconv.Itoa(int(h.at)), strconv.Itoa(int(h.after)), strconv.Itoa(each)}
	for _, v := range c.version {
		args = append(args, strconv.Itoa(v))
	}
	return enginetest.Child("crew", args...)
}

// crewLine reads what the child says of a write that was acknowledged; version 0: it is something else.
func crewLine(line string) (w, version int) {
	if n, _ := fmt.Sscanf(line, "done %d %d", &w, &version); n != 2 {
		return 0, 0
	}
	return w, version
}

// compare takes what the child left as the state from which the next one goes on.
func (c *crewed) compare(ctx context.Context, k *keeper.Keeper, acked []int) error {
	if _, err := healthy(ctx, k); err != nil {
		return err
	}
	found, last, err := changesSince(ctx, k, c.seq)
	if err != nil {
		return err
	}
	for w, was := range c.version {
		is := 0
		g, err := k.Get(ctx, owner, keeper.GetRequest{Ref: ref(crewName(w))})
		switch {
		case err == nil:
			is = g.Version
		case !errors.Is(err, fault.NotFound):
			return err
		}
		if is != acked[w] && is != acked[w]+1 {
			return fmt.Errorf("%d was told that version %d is there, and it is %d", w, acked[w], is)
		}
		if want := crewValue(w, is); is > 0 && string(g.Value.Reveal()) != want {
			return fmt.Errorf("%s is %q, not %q", crewName(w), g.Value.Reveal(), want)
		}
		var want, got lines
		for v := was + 1; v <= is; v++ {
			want = append(want, line("write", crewName(w), v))
		}
		for _, l := range found {
			if strings.HasPrefix(l, "write "+crewName(w)+"@") {
				got = append(got, l)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("the log says %q, want %q", got, want)
		}
		c.version[w] = is
	}
	c.seq = last
	v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})
	if err == nil && !v.OK {
		err = fmt.Errorf("the log does not verify: %+v", *v.Bad)
	}
	return err
}

// commitsIn is where a mark counts commits.
func commitsIn(m *mark) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&m.bytes[16])) }

// crewJob has several write through one keeper: DIR MARK DIE-AT DIE-AFTER EACH VERSION…. Each writes so many versions after its own.
func crewJob(ctx context.Context, out io.Writer, args []string) error {
	at, err1 := strconv.Atoi(args[2])
	after, err2 := strconv.Atoi(args[3])
	m, err3 := openMark(args[1])
	each, err4 := strconv.Atoi(args[4])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	h := home{dir: args[0], trace: m.audit, bolt: bolt.Options{Share: true, Trace: func(p bolt.Phase) {
		if p == bolt.Committed {
			commitsIn(m).Add(1)
		}
		m.bolt(p)
	}}}
	k := h.open()
	if _, err := k.List(ctx, owner, keeper.ListRequest{}); err != nil { // it is open now
		return err
	}
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&m.bytes[8])), 0)
	m.dieAt, m.dieAfter = uint32(at), time.Duration(after)
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	failed := make(chan error, crew)
	for w, text := range args[5:] {
		version, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		wg.Go(func() {
			for range each {
				version++
				if _, err := k.Set(ctx, owner, setRequest(crewName(w), crewValue(w, version))); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Fprintln(out, "done", w, version)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(failed)
	return errors.Join(<-failed, k.Close())
}

// TestI05PowerLossTogether records what batches do to the disk, and cuts the power after each thing that was done: as
// [TestI05Kill9Together] with all that a disk may lose and tear.
func TestI05PowerLossTogether(t *testing.T) {
	t.Parallel()
	share := 12 * enginetest.Slow // of all cuts one in so many is looked at
	if enginetest.Long() {
		share = 1
	}
	dir := quickDir(t)
	c := &crewed{home: makeHome(t, dir), mark: filepath.Join(dir, "mark"), version: make([]int, crew)}
	start := files(t, c.home.dir)
	events := disk.Record(t, c.home.dir, c.child(how{}, 4))
	d, acked, looked := disk.New(start), make([]int, crew), 0
	seen, r := map[[32]byte]bool{}, rand.New(rand.NewPCG(2, 1))
	for i, e := range events {
		if e.Call == "line" {
			if w, version := crewLine(e.To); version > 0 {
				acked[w] = version
			}
			continue
		}
		d.Do(e)
		for _, s := range d.AfterPowerLoss() {
			sum := sumOf(s.Files, slices.Max(acked))
			if seen[sum] || r.IntN(share) > 0 {
				continue
			}
			seen[sum] = true
			looked++
			if err := putFiles(c.home.dir, s.Files); err != nil {
				t.Fatal(err)
			}
			as := &crewed{home: c.home, version: make([]int, crew)}
			if err := c.home.with(func(k *keeper.Keeper) error { return as.compare(context.Background(), k, acked) }); err != nil {
				t.Fatalf("event %d (%v), acknowledged %v, %s: %v", i, e, acked, s.What, err)
			}
		}
	}
	t.Logf("%d events, %d cuts looked at", len(events), looked)
	if !slices.Equal(acked, []int{4, 4, 4, 4, 4, 4, 4, 4}) || looked < 20/enginetest.Slow {
		t.Errorf("recorded %v, %d cuts looked at", acked, looked)
	}
}

// TestFullDiskTogether fills the disk under several who write through one keeper: nobody is told that a write was made which is not
// there, nothing that failed is there, and once there is room everybody goes on.
func TestFullDiskTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size=2m"); err != nil {
		t.Fatalf("mount a small file system (this test needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	h := makeHome(t, dir)
	h.bolt.Share = true
	k := h.open()
	filler := filepath.Join(dir, "filler")
	versions := make([]int, crew)
	write := func(w, size int) error {
		value := crewValue(w, versions[w]+1) + strings.Repeat(".", size)
		_, err := k.Set(ctx, owner, setRequest(crewName(w), value))
		if err == nil {
			versions[w]++
		}
		return err
	}
	all := func(size, times int) (full int) {
		var wg sync.WaitGroup
		var failures atomic.Int64
		for w := range crew {
			wg.Go(func() {
				for range times {
					switch err := write(w, size*(w%2)); { // small ones too
					case errors.Is(err, fault.DiskFull):
						failures.Add(1)
					case err != nil:
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		return int(failures.Load())
	}
	if full := all(10, 2); full > 0 {
		t.Fatalf("%d writes failed before the disk was full", full)
	}
	fill(t, filler)
	full := 0
	for range 20 {
		full += all(9000, 2)
	}
	if full < crew/2 {
		t.Fatalf("only %d writes failed on the full disk", full)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if full := all(10, 2); full > 0 {
		t.Errorf("%d writes failed with room again", full)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	h.bolt = bolt.Options{}
	err := h.with(func(k *keeper.Keeper) error {
		for w, version := range versions {
			g, err := k.Get(ctx, owner, keeper.GetRequest{Ref: ref(crewName(w))})
			if err != nil || g.Version != version || !strings.HasPrefix(string(g.Value.Reveal()), crewValue(w, version)) {
				t.Errorf("%s is version %d, %v; %d was acknowledged", crewName(w), g.Version, err, version)
			}
		}
		found, _, err := changesSince(ctx, k, 0)
		if err != nil {
			return err
		}
		for w, version := range versions {
			made := 0
			for _, l := range found {
				if strings.HasPrefix(l, "write "+crewName(w)+"@") {
					made++
				}
			}
			if made != version {
				t.Errorf("the log has %d writes of %s, %d were made", made, crewName(w), version)
			}
		}
		_, err = healthy(ctx, k)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d writes failed on the full disk, versions %v", full, versions)
}
