package vault

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tacit/internal/engine"
)

// fixed is a snapshot of a map.
type fixed map[string][]byte

func (f fixed) Get(key []byte) ([]byte, bool, error) {
	v, ok := f[string(key)]
	return v, ok, nil
}

func (f fixed) Scan(prefix, from []byte, fn func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if !strings.HasPrefix(k, string(prefix)) || k < string(from) {
			continue
		}
		if err := fn([]byte(k), f[k]); errors.Is(err, engine.ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// TestMergedIsWhatItSays: a snapshot with changes over it reads as one that has them.
func TestMergedIsWhatItSays(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	no := errors.New("no")
	for range 2000 {
		below, is, changed := fixed{}, fixed{}, map[string][]byte{}
		key := func() string { return string(rune('a'+r.IntN(3))) + fmt.Sprint(r.IntN(6)) }
		for range r.IntN(10) {
			k := key()
			below[k] = []byte("below")
			is[k] = below[k]
		}
		for range r.IntN(8) {
			k := key()
			if changed[k] = []byte("changed"); r.IntN(3) == 0 {
				changed[k] = nil
			}
			if is[k] = changed[k]; is[k] == nil {
				delete(is, k)
			}
		}
		m := merged{&overlay{below: below, changed: changed}}
		prefix, from, end, after := []byte(key()[:r.IntN(2)]), []byte(nil), error(nil), r.IntN(6)
		if r.IntN(2) == 0 {
			from = []byte(key())
		}
		if r.IntN(2) == 0 {
			end = []error{no, engine.ErrStop}[r.IntN(2)]
		}
		scan := func(s engine.Snapshot) (got []string, err error) {
			err = s.Scan(prefix, from, func(k, v []byte) error {
				if got = append(got, fmt.Sprintf("%s %s", k, v)); len(got) > after {
					return end
				}
				return nil
			})
			return got, err
		}
		want, wantErr := scan(is)
		got, err := scan(m)
		if !slices.Equal(got, want) || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
			t.Fatalf("%v over %v, prefix %q from %q: %q, %v; want %q, %v", changed, below, prefix, from, got, err, want, wantErr)
		}
		for k := range changed {
			v, ok, _ := m.Get([]byte(k))
			if w, there := is[k]; ok != there || string(v) != string(w) {
				t.Fatalf("get %s: %q, %v", k, v, ok)
			}
		}
	}
}
