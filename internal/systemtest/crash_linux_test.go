package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/keeper"
)

// The classes of places where a kill hits. One kill may be of several.
const (
	inBatch       = "inside a batch"
	betweenPages  = "between data and meta page"
	inAuditAppend = "inside the audit append"
	inRotation    = "during rotation"
	inReplacement = "during replacement"
)

var classes = []string{inBatch, betweenPages, inAuditAppend, inRotation, inReplacement}

// TestI05Kill9 kills a process that changes a vault, through keeper, again and again. Whatever it had acknowledged is there;
// the change that was under way is whole or absent, and in the log if and only if it is in the vault; the vault opens, every
// record of it is good, and the log verifies.
func TestI05Kill9(t *testing.T) {
	t.Parallel()
	kills, least, lanes := 400/enginetest.Slow, 10/enginetest.Slow, 3
	if enginetest.Long() {
		kills, least = 2000, 50
	}
	var (
		mu    sync.Mutex
		hits  = map[string]int{}
		tally = map[string]int{}
		total = 0
		wg    sync.WaitGroup
		begun = time.Now()
	)
	for i := range lanes {
		wg.Go(func() {
			dir := t.TempDir()
			if i > 0 {
				dir = quickDir(t) // where a disk takes no time, other moments are hit
			}
			l := newLane(t, dir, uint64(i))
			for n := 0; ; n++ {
				mu.Lock()
				enough := total >= kills || t.Failed()
				mu.Unlock()
				if enough {
					return
				}
				if n%40 == 39 { // logs grow
					l = newLane(t, dir, uint64(i+lanes*n))
				}
				k, err := l.turn(n)
				if err != nil {
					t.Errorf("lane %d, turn %d, %v: %v", i, n, k, err)
					return
				}
				if !k.killed {
					continue
				}
				mu.Lock()
				total++
				for _, c := range k.classes() {
					hits[c]++
				}
				tally[fmt.Sprintf("%s/%s/%s", k.kind, k.bolt, k.audit)]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d kills in %v: %v; at %d different places", total, time.Since(begun).Round(time.Second), hits, len(tally))
	if t.Failed() {
		return
	}
	for _, c := range classes {
		if hits[c] < least {
			t.Errorf("%s: %d hits, want at least %d", c, hits[c], least)
		}
	}
}

// lane is one vault, what should be in it, and a backup of it.
type lane struct {
	t        *testing.T
	home     home
	r        *rand.Rand
	backup   string
	mark     string
	now      state
	restored state
	rotating bool
	seq      uint64 // of the log, up to which it was compared
	serial   int
	ops      []op // to make instead of random ones
}

func newLane(t *testing.T, dir string, seed uint64) *lane {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "lane")
	if err != nil {
		t.Fatal(err)
	}
	l := &lane{
		t: t, home: makeHome(t, dir), r: rand.New(rand.NewPCG(seed, 7)), now: state{},
		backup: filepath.Join(dir, "backup.age"), mark: filepath.Join(dir, "mark"),
	}
	ctx := context.Background()
	err = l.home.with(func(k *keeper.Keeper) error {
		for range 12 {
			l.serial++
			o := op{Kind: "set", Name: fmt.Sprintf("seed/%d", l.serial%7), Value: fmt.Sprintf("seed %d", l.serial)}
			if err := o.do(ctx, k, nil); err != nil {
				return err
			}
			l.now, _ = l.now.after(o, nil)
		}
		l.restored = l.now
		f, err := os.Create(l.backup)
		if err != nil {
			return err
		}
		if _, err := k.Backup(ctx, owner, keeper.BackupRequest{}, f); err != nil {
			return err
		}
		_, l.seq, err = changesSince(ctx, k, 0)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// how says how a child is to die.
type how struct {
	at       uint32 // event; 0: not by itself
	after    time.Duration
	outside  time.Duration // the parent kills it so long after it is ready; 0: not
	dataSync int           // strace kills it as it enters its n-th fdatasync; 0: not
}

// kill is what became of a child.
type kill struct {
	killed       bool
	acknowledged int // changes
	kind         string
	bolt         bolt.Phase
	audit        string
	between      bool // strace saw that the data pages were written and the meta page was not
	rotating     bool // afterwards the vault said that a root rotation was interrupted
}

func (k kill) classes() (all []string) {
	replacing := slices.Contains([]bolt.Phase{bolt.Replacing, bolt.Filled, bolt.Renamed}, k.bolt)
	for class, is := range map[string]bool{
		inBatch: k.bolt == bolt.Opened || k.bolt == bolt.Committing, betweenPages: k.between, inAuditAppend: k.audit != "",
		inRotation: k.rotating && (k.kind == "rotate-root" || k.kind == "resume"), inReplacement: replacing,
	} {
		if is {
			all = append(all, class)
		}
	}
	return all
}

// turn makes up some changes, has a child make them, kills it, and compares.
func (l *lane) turn(n int) (kill, error) {
	l.ops = nil
	for s, rotating := l.now, l.rotating; len(l.ops) < 8; {
		l.serial++
		o := s.next(l.r, l.serial*100+n, rotating)
		rotating = rotating && o.Kind != "resume"
		s, _ = s.after(o, l.restored)
		l.ops = append(l.ops, o)
	}
	h := how{}
	switch {
	case n%12 == 0:
		h.dataSync = 1 + 2*l.r.IntN(4)
	case n%4 == 1:
		h.outside = time.Duration(1 + l.r.IntN(int(25*time.Millisecond)))
	default:
		h.at, h.after = somewhere(l.r, 110)
	}
	k, err := l.run(h)
	if err != nil {
		return k, err
	}
	return k, l.compare(&k)
}

// run has a child make the lane's changes.
func (l *lane) run(h how) (k kill, err error) {
	m, err := openMark(l.mark)
	if err != nil {
		return k, err
	}
	defer m.close()
	clear(m.bytes)
	c := enginetest.Child("change", l.home.dir, l.mark, l.backup, strconv.Itoa(int(h.at)), strconv.Itoa(int(h.after)))
	var in bytes.Buffer
	for _, o := range l.ops {
		b, err := json.Marshal(o)
		if err != nil {
			return k, err
		}
		in.Write(append(b, '\n'))
	}
	c.Stdin = &in
	trace := l.mark + ".strace"
	if h.dataSync > 0 {
		if err := underStrace(c, trace, h.dataSync); err != nil {
			return k, err
		}
	}
	var said []string
	err = enginetest.Lines(c, func(line string) {
		switch {
		case line == "ready" && h.outside > 0:
			time.AfterFunc(h.outside, func() { _ = c.Process.Kill() })
		case strings.HasPrefix(line, "done "):
			k.acknowledged++
			if line != "done "+strconv.Itoa(k.acknowledged) {
				said = append(said, line)
			}
		case line != "ready":
			said = append(said, line)
		}
	})
	k.killed = c.ProcessState.ExitCode() < 0
	k.kind, k.bolt, k.audit = m.where()
	if len(said) > 0 || err != nil && !k.killed {
		return k, fmt.Errorf("the child ended with %w and said %q", err, said)
	}
	if h.dataSync > 0 {
		b, err := os.ReadFile(trace)
		if err != nil {
			return k, err
		}
		k.between = k.killed && betweenDataAndMeta(b)
	}
	return k, nil
}

// underStrace has strace kill c as it enters its n-th fdatasync.
func underStrace(c *exec.Cmd, log string, n int) error {
	path, err := exec.LookPath("strace")
	if err != nil {
		return fmt.Errorf("strace is needed to interrupt writes: %w", err)
	}
	c.Args = append([]string{
		"strace", "-f", "-qq", "-y", "-s", "0", "-o", log, "-e", "trace=pwrite64,fdatasync",
		"-e", fmt.Sprintf("inject=fdatasync:signal=KILL:when=%d", n), c.Path,
	}, c.Args[1:]...)
	c.Path = path
	return nil
}

var vaultWrite = regexp.MustCompile(`pwrite64\(\d+<[^>]*/vault\.db>, .*, \d+, (\d+)`)

// betweenDataAndMeta reads from the log of strace whether pages of a transaction were written and its meta page was not.
func betweenDataAndMeta(log []byte) (between bool) {
	for l := range bytes.Lines(log) {
		if m := vaultWrite.FindSubmatch(l); m != nil {
			between = string(m[1]) != "0" && string(m[1]) != "4096"
		}
	}
	return between
}

// compare looks at what the child left, and takes it as the state from which the next one goes on.
func (l *lane) compare(k *kill) error {
	ctx := context.Background()
	states, said := []state{l.now}, []lines{nil}
	for _, o := range l.ops {
		s, more := states[len(states)-1].after(o, l.restored)
		states, said = append(states, s), append(said, more)
	}
	return l.home.with(func(kp *keeper.Keeper) (err error) {
		was := l.rotating
		for _, o := range l.ops[:k.acknowledged] {
			was = was && o.Kind != "resume"
		}
		if k.rotating, err = healthy(ctx, kp); err != nil {
			return err
		}
		l.rotating = k.rotating
		pending, name := op{}, ""
		if k.acknowledged < len(l.ops) {
			if !k.killed {
				return fmt.Errorf("the child ended after %d of %d changes", k.acknowledged, len(l.ops))
			}
			pending = l.ops[k.acknowledged]
			name = pending.Name
		}
		if names := slices.Sorted(maps.Keys(states[k.acknowledged])); name == "" {
			name = names[l.r.IntN(len(names))]
		}
		acked := states[k.acknowledged].holds(ctx, kp, name)
		changed, next := false, acked
		if pending.Kind != "" {
			next = states[k.acknowledged+1].holds(ctx, kp, name)
			changed = acked != nil
		}
		if acked != nil && next != nil {
			return fmt.Errorf("after %d changes of %v: %w; were %v made too: %w", k.acknowledged, l.ops[:k.acknowledged], acked, pending, next)
		}
		// The log has what is in the vault, and no more.
		found, last, err := changesSince(ctx, kp, l.seq)
		if err != nil {
			return err
		}
		want := slices.Concat(said[:k.acknowledged+1]...)
		var either []lines
		switch also := said[min(k.acknowledged+1, len(l.ops))]; {
		case pending.Kind == "":
			either = []lines{want}
		case pending.Kind == "rotate-root" && k.rotating:
			either = []lines{append(slices.Clip(want), also[0])}
		case pending.Kind == "rotate-root", pending.Kind == "resume" && !k.rotating && !was:
			either = []lines{want, append(slices.Clip(want), also...)}
		case pending.Kind == "resume" && k.rotating, acked == nil && next != nil:
			either = []lines{want}
		case pending.Kind == "resume", acked != nil:
			either = []lines{append(slices.Clip(want), also...)}
		default: // the change made no difference
			either = []lines{want, append(slices.Clip(want), also...)}
		}
		if !slices.ContainsFunc(either, func(want lines) bool { return slices.Equal(found, want) }) {
			return fmt.Errorf("the log says %q, want one of %q (%v, pending %v, made %v)", found, either, l.ops[:k.acknowledged], pending, changed)
		}
		l.now, l.seq = states[k.acknowledged], last
		if changed {
			l.now = states[k.acknowledged+1]
		}
		v, err := kp.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})
		if err == nil && !v.OK {
			err = fmt.Errorf("the log does not verify: %+v", *v.Bad)
		}
		return err
	})
}

// changeJob makes the changes that its standard input says: DIR MARK BACKUP DIE-AT DIE-AFTER.
func changeJob(ctx context.Context, out io.Writer, args []string) error {
	at, err1 := strconv.Atoi(args[3])
	after, err2 := strconv.Atoi(args[4])
	m, err3 := openMark(args[1])
	backup, err4 := os.ReadFile(args[2])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	m.dieAt, m.dieAfter = uint32(at), time.Duration(after)
	h := home{dir: args[0], bolt: bolt.Options{Trace: m.bolt}, trace: m.audit}
	k := h.open()
	fmt.Fprintln(out, "ready")
	for in, n := json.NewDecoder(os.Stdin), 1; ; n++ {
		var o op
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return k.Close()
		} else if err != nil {
			return err
		}
		m.begin(o)
		if err := o.do(ctx, k, bytes.NewReader(backup)); err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
		fmt.Fprintln(out, "done", n)
	}
}
