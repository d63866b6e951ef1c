package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/fault"
)

// flipKeys is how many records there are.
const flipKeys = 300

// flipVault makes a database with every kind of page: two levels of branches, long values, a freelist.
func flipVault(t *testing.T) string {
	t.Helper()
	path := newVault(t)
	e := bolt.Open(path, bolt.Options{})
	put := &engine.Batch{}
	for i := range flipKeys {
		put.Put(flipKey(i), flipValue(i))
	}
	if err := enginetest.Commit(t.Context(), e, put); err != nil {
		t.Fatal(err)
	}
	for round := range 6 { // leave free pages of several ages
		change := &engine.Batch{}
		for i := round; i < flipKeys; i += 50 {
			change.Delete(flipKey(i))
		}
		if err := enginetest.Commit(t.Context(), e, change); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// flipKey is long, so that branch pages fill.
func flipKey(i int) []byte { return fmt.Appendf(nil, "%s/%04d/%s", "k", i, strings.Repeat("-", 100)) }

func flipValue(i int) []byte {
	n := 20 + i*37%400
	if i%60 == 0 {
		n = 9000 + i
	}
	return bytes.Repeat([]byte{byte(i)}, n)
}

// flipPlaces returns count places, as bit numbers: a third in page headers and elements of every page, the rest where kinds of
// pages are rare or bytes matter.
func flipPlaces(b []byte, count int) []int {
	r := rand.New(rand.NewPCG(1, 2))
	var headers, branches, frees, metas, elements []int
	for at := 0; at < len(b); at += 4096 {
		flags, n := binary.NativeEndian.Uint16(b[at+8:]), int(binary.NativeEndian.Uint16(b[at+10:]))
		own := binary.NativeEndian.Uint64(b[at:]) == uint64(at/4096)
		headers = append(headers, span(at, 16)...)
		switch {
		case own && flags == 1:
			branches = append(branches, span(at, 4096)...)
		case own && flags == 2:
			elements = append(elements, span(at+16, min(16*n, 4080))...)
		case own && flags == 16:
			frees = append(frees, span(at, 16+8*n)...)
		case own && flags == 4:
			metas = append(metas, span(at, 80)...)
		}
	}
	everywhere := span(0, len(b))
	var places []int
	for i := range count {
		from := [][]int{headers, headers, branches, branches, frees, metas, elements, elements, everywhere, everywhere}[i%10]
		places = append(places, from[r.IntN(len(from))]*8+r.IntN(8))
	}
	return places
}

func span(from, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = from + i
	}
	return s
}

// flipJob flips bits one at a time and uses the database: PRISTINE FROM TO COUNT. It prints a line before each and one after.
func flipJob(ctx context.Context, out io.Writer, args []string) error {
	from, err1 := strconv.Atoi(args[1])
	to, err2 := strconv.Atoi(args[2])
	count, err3 := strconv.Atoi(args[3])
	pristine, err4 := os.ReadFile(args[0])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	truth, err := enginetest.Contents(ctx, bolt.Open(args[0], bolt.Options{}))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(args[0]), "flip")
	if err != nil {
		return err
	}
	f := flipper{path: filepath.Join(dir, "vault.db"), truth: truth, keys: map[string]bool{}}
	for i, place := range flipPlaces(pristine, count)[from:to] {
		fmt.Fprintln(out, "begin", from+i, place)
		b := bytes.Clone(pristine)
		b[place/8] ^= 1 << (place % 8)
		if err := os.WriteFile(f.path, b, 0o600); err != nil {
			return err
		}
		fmt.Fprintln(out, "end", f.use(ctx))
	}
	return nil
}

// flipper uses a damaged database in every way.
type flipper struct {
	path  string
	truth enginetest.State
	keys  map[string]bool
}

// use returns what came of it: words, of which those in capitals must not be.
func (f *flipper) use(ctx context.Context) string {
	e := bolt.Open(f.path, bolt.Options{Wait: time.Second})
	found := map[string]bool{}
	words := map[string]bool{}
	note := func(what string, err error) {
		switch {
		case errors.Is(err, fault.Corrupted):
			words["detected"] = true
		case err != nil:
			words["STRANGE("+what+": "+strings.ReplaceAll(err.Error(), " ", "_")+")"] = true
		}
	}
	f.readAll(ctx, e, "read", note, func(k string, v []byte, ok bool) {
		switch {
		case !ok:
			words["missing"] = true
		case string(v) != f.truth[k]:
			words["different"] = true
		default:
			found[k] = true
		}
	})
	n := 0
	note("scan", e.View(ctx, func(s engine.Snapshot) error {
		return s.Scan(nil, nil, func(k, v []byte) error {
			if n++; n > len(f.truth)+10 {
				words["ENDLESS"] = true
				return engine.ErrStop
			}
			return nil
		})
	}))
	_, err := e.Stamp()
	note("stamp", err)

	// Now write: delete much, so that pages are merged, and put much, so that free pages are used.
	b := &engine.Batch{}
	changed := map[string]string{}
	for i := 0; i < flipKeys; i += 7 {
		b.Delete(flipKey(i))
		changed[string(flipKey(i))] = ""
	}
	for i := 3; i < flipKeys; i += 11 {
		b.Put(flipKey(i), []byte("changed"))
		changed[string(flipKey(i))] = "changed"
	}
	err = enginetest.Commit(ctx, e, b)
	note("commit", err)
	if err != nil {
		clear(changed)
		words["unwritten"] = true
	}
	// What was right before is right after, or at least no lie.
	f.readAll(ctx, e, "read again", note, func(k string, v []byte, ok bool) {
		want, was := changed[k]
		if !was {
			if !found[k] {
				return
			}
			want = f.truth[k]
		}
		switch {
		case ok != (want != ""):
			words["HARMED(gone_or_back)"] = true
		case string(v) != want:
			words["HARMED(another_value)"] = true
		}
	})
	if len(words) == 0 {
		return "harmless"
	}
	var all []string
	for _, w := range []string{"detected", "missing", "different", "unwritten"} {
		if words[w] {
			all = append(all, w)
		}
	}
	for w := range words {
		if strings.ToUpper(w[:1]) == w[:1] {
			all = append(all, w)
		}
	}
	return strings.Join(all, " ")
}

// readAll gets each key that there was, in one view.
func (f *flipper) readAll(ctx context.Context, e engine.Engine, what string, note func(string, error), each func(k string, v []byte, ok bool)) {
	note(what, e.View(ctx, func(s engine.Snapshot) error {
		for k := range f.truth {
			v, ok, err := s.Get([]byte(k))
			if note(what, err); err == nil {
				each(k, v, ok)
			}
		}
		return nil
	}))
}

// TestI04FlippedBits flips one bit at a time, everywhere. Children do it, so that a crash or a hang is seen and named.
func TestI04FlippedBits(t *testing.T) {
	t.Parallel()
	count := 3000 / enginetest.Slow
	if enginetest.Long() {
		count = 30000
	}
	path := flipVault(t)
	var (
		mu    sync.Mutex
		tally = map[string]int{}
		wg    sync.WaitGroup
	)
	const lanes = 3
	for lane := range lanes {
		wg.Go(func() {
			c := enginetest.Child("flip", path, strconv.Itoa(lane*count/lanes), strconv.Itoa((lane+1)*count/lanes), strconv.Itoa(count))
			last, done := "none", 0
			watchdog := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
			err := enginetest.Lines(c, func(line string) {
				watchdog.Reset(time.Minute)
				if where, ok := strings.CutPrefix(line, "begin "); ok {
					last = where
					return
				}
				words := strings.TrimPrefix(line, "end ")
				done++
				mu.Lock()
				defer mu.Unlock()
				tally[words]++
				if words != strings.ToLower(words) {
					t.Errorf("flip %s: %s", last, words)
				}
			})
			if err != nil || done != count/lanes {
				t.Errorf("the child died or hung on flip (number, bit) %s after %d: %v", last, done, err)
			}
		})
	}
	wg.Wait()
	t.Logf("%d flips: %v", count, tally)
	if tally["detected unwritten"] == 0 || tally["harmless"] == 0 {
		t.Error("the flips did not reach everything")
	}
}
