package systemtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/engine/enginetest"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

const pageSize = 4096

// The files that are damaged, below the vault's directory.
const (
	vaultFile    = "vault.db"
	logFile      = "audit/000001.log"
	knownFile    = "known_vaults"
	identityFile = "identity.txt"
	lockFile     = "vault.lock"
)

// TestI04Damage damages one file of a vault at a time and then uses the vault through keeper: it gets secrets, lists, verifies the
// log and sets. There must be no crash, no hang, no wrong value, no secret that is said not to be there; errors are of exit
// status 4 but for the few that [damaged.allows] explains. Children do it, so that a crash or a hang is seen and named.
func TestI04Damage(t *testing.T) {
	t.Parallel()
	times := 1
	if enginetest.Long() {
		times = 5
	}
	for _, c := range []struct {
		name    string
		size    int // secrets
		file    string
		how     string
		count   int
		outcome []string // that must have come up
	}{
		{"flips of a small vault", 40, vaultFile, "flip", 2000, []string{"right", "refused", "set", "unset", "unexported"}},
		{"flips of a vault with branches", 500, vaultFile, "flip", 1000, []string{"right", "refused", "set", "unset"}},
		{"a vault cut short", 40, vaultFile, "cut", 60, []string{"refused"}},
		{"pages swapped", 40, vaultFile, "swap", 80, []string{"right", "refused"}},
		{"pages of zeros", 40, vaultFile, "zero", 40, []string{"right", "refused"}},
		{"flips of the log", 12, logFile, "flip", 250, []string{"right", "refused", "found"}},
		{"a log cut short", 12, logFile, "cut", 100, []string{"right", "refused", "found"}},
		{"lines of the log swapped", 12, logFile, "swap", 60, []string{"found"}},
		{"flips of known_vaults", 5, knownFile, "flip", 80, []string{"right", "refused"}},
		{"flips of the key file", 5, identityFile, "flip", 80, []string{"right", "refused"}},
		{"a key file cut short", 5, identityFile, "cut", 30, []string{"refused"}},
		{"noise in the lock file", 5, lockFile, "noise", 20, []string{"right", "set"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var (
				mu    sync.Mutex
				tally = map[string]int{}
				wg    sync.WaitGroup
				lanes = min(2, 1+c.count/500)
				count = max(c.count*times/enginetest.Slow, 15) / lanes
			)
			for lane := range lanes {
				wg.Go(func() {
					child := enginetest.Child("damage", quickDir(t), c.file, c.how, strconv.Itoa(c.size), strconv.Itoa(count), strconv.Itoa(lane))
					last, done := "nothing", 0
					watchdog := time.AfterFunc(2*time.Minute, func() { _ = child.Process.Kill() })
					defer watchdog.Stop()
					err := enginetest.Lines(child, func(line string) {
						watchdog.Reset(2 * time.Minute)
						if what, ok := strings.CutPrefix(line, "begin "); ok {
							last = what
							return
						}
						words := strings.Fields(strings.TrimPrefix(line, "end "))
						done++
						mu.Lock()
						defer mu.Unlock()
						for _, w := range words {
							tally[w]++
							if w != strings.ToLower(w) {
								t.Errorf("lane %d, %s: %s", lane, last, w)
							}
						}
					})
					if err != nil || done != count {
						t.Errorf("the child died or hung on %s after %d: %v", last, done, err)
					}
				})
			}
			wg.Wait()
			t.Logf("%v", tally)
			for _, w := range c.outcome {
				if tally[w] == 0 && enginetest.Slow == 1 {
					t.Errorf("it never came to %q", w)
				}
			}
		})
	}
}

// damageJob makes a vault and damages one of its files in many ways, one at a time: DIR FILE HOW SIZE COUNT SEED. It prints a line
// before each and one after, which says what came of it: words, of which those in capitals must not be.
func damageJob(ctx context.Context, out io.Writer, args []string) error {
	size, err1 := strconv.Atoi(args[3])
	count, err2 := strconv.Atoi(args[4])
	seed, err3 := strconv.ParseUint(args[5], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	d := &damaged{home: home{dir: filepath.Join(args[0], "tacit")}, file: args[1], r: rand.New(rand.NewPCG(seed, 11))}
	if err := d.make(ctx, size); err != nil {
		return err
	}
	for range count {
		b, what := d.damage(args[2])
		fmt.Fprintln(out, "begin", what)
		if err := d.restore(b); err != nil {
			return err
		}
		fmt.Fprintln(out, "end", d.use(ctx, b))
	}
	return nil
}

// damaged is a vault, as it was and as it is after one of its files was damaged.
type damaged struct {
	home  home
	file  string
	r     *rand.Rand
	truth map[string][]string // by name, the versions
	names []string
	files map[string][]byte // as they were
	words map[string]bool   // what came of it
}

// make makes a vault with versions, tags, aliases and pages that were freed.
func (d *damaged) make(ctx context.Context, size int) error {
	d.truth = map[string][]string{}
	err := d.home.with(func(k *keeper.Keeper) error {
		if _, err := k.Init(ctx, owner, []keeper.NewSlot{{Kind: "key-file", Path: d.home.layout().Identity}}); err != nil {
			return err
		}
		o := op{Kind: "import", Value: "first"}
		for i := range size {
			o.Names = append(o.Names, fmt.Sprintf("s/%04d", i))
			d.truth[o.Names[i]] = []string{o.value(o.Names[i])}
		}
		if err := o.do(ctx, k, nil); err != nil {
			return err
		}
		for i := range min(size, 60) {
			name := o.Names[d.r.IntN(size)]
			value := fmt.Sprintf("version %d of %s %s", i, name, strings.Repeat("long ", d.r.IntN(900)*(i%7/6)))
			d.truth[name] = append(d.truth[name], value)
			change := op{Kind: []string{"set", "rotate"}[i%2], Name: name, Value: value}
			if err := change.do(ctx, k, nil); err != nil {
				return err
			}
		}
		return op{Kind: "tag", Name: o.Names[0], To: "t"}.do(ctx, k, nil)
	})
	if err != nil {
		return err
	}
	d.names = slices.Sorted(maps.Keys(d.truth))
	d.files = map[string][]byte{}
	return fs.WalkDir(os.DirFS(d.home.dir), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		d.files[p], err = os.ReadFile(filepath.Join(d.home.dir, p))
		return err
	})
}

// restore makes every file what it was, but for the damaged one, which gets the content b.
func (d *damaged) restore(b []byte) error {
	for name, content := range d.files {
		if name == d.file {
			content = b
		}
		if err := os.WriteFile(filepath.Join(d.home.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// damage returns the file with one thing wrong.
func (d *damaged) damage(how string) (b []byte, what string) {
	b = bytes.Clone(d.files[d.file])
	switch how {
	case "flip":
		at := d.place(b)*8 + d.r.IntN(8)
		b[at/8] ^= 1 << (at % 8)
		return b, fmt.Sprintf("bit %d of byte %d of page %d", at%8, at/8%pageSize, at/8/pageSize)
	case "cut":
		n := d.r.IntN(len(b))
		if d.r.IntN(3) == 0 {
			n -= n % pageSize
		}
		return b[:n], fmt.Sprintf("cut to %d bytes", n)
	case "noise":
		return []byte(strings.Repeat("\x00\xff1 \x1b[2Jnoise\n", d.r.IntN(500))), "noise"
	case "zero":
		from, n := d.r.IntN(len(b)/pageSize), 1
		if d.r.IntN(8) == 0 {
			from, n = 0, len(b)/pageSize
		}
		clear(b[from*pageSize : (from+n)*pageSize])
		return b, fmt.Sprintf("zeros in %d pages from %d", n, from)
	}
	if d.file == logFile {
		all := bytes.SplitAfter(b, []byte("\n"))
		i := 1 + d.r.IntN(len(all)-4)
		all[i], all[i+1] = all[i+1], all[i]
		return slices.Concat(all...), fmt.Sprintf("lines %d and %d swapped", i, i+1)
	}
	i, j := d.r.IntN(len(b)/pageSize), d.r.IntN(len(b)/pageSize)
	page := bytes.Clone(b[i*pageSize : (i+1)*pageSize])
	copy(b[i*pageSize:], b[j*pageSize:(j+1)*pageSize])
	copy(b[j*pageSize:], page)
	return b, fmt.Sprintf("pages %d and %d swapped", i, j)
}

// place returns a byte of the file: in a vault half of the time in a page's header and elements, and often in one of the pages
// of which there are few: those of meta data, branches and the freelist.
func (d *damaged) place(b []byte) int {
	if d.file != vaultFile {
		return d.r.IntN(len(b))
	}
	const flags, leaf = 8, 2
	page := d.r.IntN(len(b)/pageSize) * pageSize
	for d.r.IntN(4) > 0 && b[page+flags] == leaf {
		page = d.r.IntN(len(b)/pageSize) * pageSize
	}
	if d.r.IntN(2) == 0 {
		return page + d.r.IntN(160)
	}
	return page + d.r.IntN(pageSize)
}

// allows says whether an error may be the answer to damage. Most are of exit status 4. Besides:
//
//   - One bit makes another format number of a 1, and then only a newer tacit could tell more.
//   - A key file that is no key file any more opens nothing: the vault is locked.
func (d *damaged) allows(err error) bool {
	code := fault.CodeOf(err)
	return code.Exit() == 4 || code == fault.NewerFormat || d.file == identityFile && code == fault.Locked
}

// use uses the vault as a new process would.
func (d *damaged) use(ctx context.Context, b []byte) string {
	d.words = map[string]bool{}
	intact := bytes.Equal(b, d.files[d.file])
	k := d.home.open()
	defer k.Close()
	d.verify(ctx, k, b)
	var some []string
	for range 6 {
		some = append(some, d.names[d.r.IntN(len(d.names))])
	}
	right := d.read(ctx, k, some)
	if len(d.names) < 50 || d.r.IntN(20) == 0 {
		d.export(ctx, k)
	}
	_, err := k.Get(ctx, owner, keeper.GetRequest{Ref: ref("not/there")})
	if err == nil || !errors.Is(err, fault.NotFound) && !d.allows(err) {
		d.bad("miss", err)
	}
	if len(d.names) < 50 || d.r.IntN(3) == 0 {
		d.list(ctx, k)
	}

	// Now write: what was right before is right after.
	some = some[:3]
	name := some[d.r.IntN(len(some))]
	_, err1 := k.Set(ctx, owner, setRequest("new/one", "a new value"))
	_, err2 := k.Set(ctx, owner, setRequest(name, "another value"))
	for _, err := range []error{err1, err2} {
		switch {
		case err == nil:
			d.words["set"] = true
		case d.allows(err):
			d.words["unset"] = true
			if intact {
				d.bad("intact", err)
			}
		default:
			d.bad("set", err)
		}
	}
	for _, n := range some {
		want := d.truth[n][len(d.truth[n])-1]
		if n == name && err2 == nil {
			want = "another value"
		}
		got, err := k.Get(ctx, owner, keeper.GetRequest{Ref: ref(n)})
		switch {
		case err == nil && string(got.Value.Reveal()) != want:
			d.bad("WRONG-AFTER-SET", errors.New(n))
		case err != nil && right[n] && (err1 == nil || err2 == nil):
			d.bad("HARMED-BY-SET", err)
		case err != nil && !d.allows(err):
			d.bad("get-after-set", err)
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(d.words)), " ")
}

// bad notes what must not be.
func (d *damaged) bad(what string, err error) {
	d.words["STRANGE("+what+":"+string(fault.CodeOf(err))+":"+strings.ReplaceAll(fmt.Sprint(err), " ", "_")+")"] = true
}

// read gets the current and an older version of each name, and returns which could be read.
func (d *damaged) read(ctx context.Context, k *keeper.Keeper, names []string) (right map[string]bool) {
	right = map[string]bool{}
	for _, n := range names {
		versions := d.truth[n]
		for _, v := range []int{0, 1 + d.r.IntN(len(versions))} {
			if v == len(versions) {
				continue
			}
			want := versions[len(versions)-1]
			if v > 0 {
				want = versions[v-1]
			}
			got, err := k.Get(ctx, owner, keeper.GetRequest{Ref: keeper.Ref{Name: n, Version: v}})
			switch {
			case err == nil && string(got.Value.Reveal()) == want:
				d.words["right"] = true
				right[n] = right[n] || v == 0
			case err == nil:
				d.bad("WRONG", errors.New(n))
			case errors.Is(err, fault.NotFound):
				d.bad("LOST", err)
			case d.allows(err):
				d.words["refused"] = true
			default:
				d.bad("get", err)
			}
		}
	}
	return right
}

// export reads every value until one cannot be read.
func (d *damaged) export(ctx context.Context, k *keeper.Keeper) {
	n := 0
	_, err := k.Export(ctx, owner, keeper.ExportRequest{Values: true}, func(e keeper.Exported) error {
		n++
		if versions := d.truth[e.Secret.Name]; versions == nil || string(e.Value.Reveal()) != versions[len(versions)-1] {
			d.bad("EXPORT", errors.New(e.Secret.Name))
		}
		return nil
	})
	switch {
	case err == nil && n != len(d.names):
		d.bad("EXPORT", fmt.Errorf("%d of %d", n, len(d.names)))
	case err != nil && !d.allows(err):
		d.bad("export", err)
	case err != nil:
		d.words["unexported"] = true
	}
}

// list lists: every name, or an error.
func (d *damaged) list(ctx context.Context, k *keeper.Keeper) {
	l, err := k.List(ctx, owner, keeper.ListRequest{})
	switch {
	case err != nil && !d.allows(err):
		d.bad("list", err)
	case err != nil:
		d.words["unlisted"] = true
	default:
		var names []string
		for _, s := range l.Secrets {
			names = append(names, s.Name)
			if want := d.truth[s.Name]; s.Version != len(want) {
				d.bad("LIST", errors.New(s.Name))
			}
		}
		if !slices.Equal(names, d.names) {
			d.bad("LIST", fmt.Errorf("%d names of %d", len(names), len(d.names)))
		}
	}
}

// verify verifies the log: a damaged one must be found, but for its end behind the record that the vault knows of, from which a
// writer that died may have been cut off.
func (d *damaged) verify(ctx context.Context, k *keeper.Keeper, b []byte) {
	v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})
	switch {
	case err != nil && d.allows(err):
		d.words["unverified"] = true
	case err != nil:
		d.bad("verify", err)
	case !v.OK && (v.Bad == nil || v.Bad.Seq == 0):
		d.bad("UNNAMED", errors.New("a bad log, but not which record"))
	case !v.OK:
		d.words["found"] = true
	case d.file == logFile && !bytes.Equal(b, d.files[logFile]):
		was := d.files[logFile]
		anchored := bytes.LastIndexByte(was[:len(was)-1], '\n') + 1 // the last record is the outcome of the last change
		torn := !bytes.HasSuffix(b, []byte("\n"))
		if !torn && len(b) != anchored || len(b) < anchored || !bytes.Equal(b[:anchored], was[:anchored]) {
			d.bad("OVERLOOKED", fmt.Errorf("%d bytes of %d", len(b), len(was)))
		}
		d.words["cut-after-anchor"] = true
	}
}
