package enginetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

func testEmpty(t *testing.T, target Target) {
	e := create(t, target)
	want(t, e, State{})
	err := e.View(t.Context(), func(s engine.Snapshot) error {
		if v, ok, err := s.Get([]byte("k")); v != nil || ok || err != nil {
			t.Errorf("Get of nothing = %q, %v, %v", v, ok, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testPutGetDelete(t *testing.T, target Target) {
	address := target.Create(t)
	e := open(t, target, address)
	put(t, e, "a", "1", "b", "2", "c", "")
	want(t, e, State{"a": "1", "b": "2", "c": ""})

	b := &engine.Batch{}
	b.Delete([]byte("a"))
	b.Delete([]byte("never there"))
	b.Put([]byte("b"), []byte("3"))
	if err := Commit(t.Context(), e, b); err != nil {
		t.Fatal(err)
	}
	want(t, e, State{"b": "3", "c": ""})
	want(t, open(t, target, address), State{"b": "3", "c": ""})

	err := e.View(t.Context(), func(s engine.Snapshot) error {
		if v, ok, err := s.Get([]byte("c")); v == nil || !ok || err != nil {
			t.Errorf("an empty value came back as %v, %v, %v; want empty, not nil", v, ok, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testOrder(t *testing.T, target Target) {
	e := create(t, target)
	keys := []string{"\x00", "\x00\x00", "a", "a\x00", "aa", "b", "\x7f", "\x80", "\xff", "\xff\xff", strings.Repeat("k", 500)}
	var pairs []string
	for _, k := range keys {
		pairs = append(pairs, k, "v"+k)
	}
	put(t, e, pairs...)
	slices.Sort(keys)
	if got := scan(t, e, nil, nil); !slices.Equal(got, keys) {
		t.Fatalf("order %q, want %q", got, keys)
	}
}

func scan(t testing.TB, e engine.Engine, prefix, from []byte) []string {
	t.Helper()
	var got []string
	err := e.View(t.Context(), func(s engine.Snapshot) error {
		return s.Scan(prefix, from, func(k, v []byte) error {
			got = append(got, string(k))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func testScanRanges(t *testing.T, target Target) {
	e := create(t, target)
	var all []string
	b := &engine.Batch{}
	for _, p := range []string{"a/", "b/", "b0", "c/"} {
		for i := range 120 { // several pages each
			k := fmt.Sprintf("%s%03d", p, i)
			all = append(all, k)
			b.Put([]byte(k), bytes.Repeat([]byte("v"), 200))
		}
	}
	b.Put([]byte("b"), nil2empty(nil))
	all = append(all, "b")
	if err := Commit(t.Context(), e, b); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	for _, c := range []struct{ prefix, from string }{
		{"", ""},
		{"a/", ""},
		{"b/", ""},
		{"b", ""},
		{"b/", "b/050"},
		{"b/", "b/0505"},
		{"b/", "a"},
		{"b/", "b0"},
		{"b/", "zz"},
		{"c/", "c/119"},
		{"c/", "c/1190"},
		{"zz", ""},
		{"", "b/118"},
		{"", "zz"},
		{"a/000", ""},
		{"a/0000", ""},
		{"\xff", ""},
	} {
		var want []string
		for _, k := range all {
			if strings.HasPrefix(k, c.prefix) && k >= c.from {
				want = append(want, k)
			}
		}
		if got := scan(t, e, []byte(c.prefix), []byte(c.from)); !slices.Equal(got, want) {
			t.Errorf("scan(%q, from %q) = %d keys %.3q, want %d", c.prefix, c.from, len(got), got, len(want))
		}
	}
}

func nil2empty(b []byte) []byte { return append([]byte{}, b...) }

func testScanStops(t *testing.T, target Target) {
	e := create(t, target)
	put(t, e, "a", "1", "b", "2", "c", "3")
	broken := errors.New("broken")
	for _, c := range []struct{ give, want error }{{engine.ErrStop, nil}, {fmt.Errorf("wrapped: %w", engine.ErrStop), nil}, {broken, broken}} {
		n := 0
		err := e.View(t.Context(), func(s engine.Snapshot) error {
			return s.Scan(nil, nil, func(k, v []byte) error {
				if n++; n == 2 {
					return c.give
				}
				return nil
			})
		})
		if !errors.Is(err, c.want) || n != 2 {
			t.Errorf("a scan that was stopped by %v returned %v after %d keys", c.give, err, n)
		}
	}
}

func testSizes(t *testing.T, target Target) {
	e := create(t, target)
	s := State{}
	for _, n := range []int{0, 1, 100, 4000, 4096, 4097, 65536, 65537, 1 << 20} {
		s[fmt.Sprintf("size/%07d", n)] = strings.Repeat("x", n)
	}
	for k, v := range s {
		put(t, e, k, v)
	}
	want(t, e, s)
	for k := range s { // shrink and grow each
		s[k] = strings.Repeat("y", (1<<20-len(s[k]))/3)
		put(t, e, k, s[k])
	}
	want(t, e, s)
}

func testBadKeys(t *testing.T, target Target) {
	e := create(t, target)
	put(t, e, "a", "1")
	for _, k := range [][]byte{nil, {}, bytes.Repeat([]byte("k"), 1<<16)} {
		b := &engine.Batch{}
		b.Put([]byte("b"), []byte("2"))
		b.Put(k, []byte("v"))
		if err := Commit(t.Context(), e, b); !errors.Is(err, fault.Invalid) {
			t.Errorf("a key of %d bytes: %v", len(k), err)
		}
	}
	want(t, e, State{"a": "1"})
}

func testExpectations(t *testing.T, target Target) {
	e := create(t, target)
	put(t, e, "a", "1", "empty", "")
	for _, c := range []struct {
		name  string
		key   string
		value []byte
		holds bool
	}{
		{"equal", "a", []byte("1"), true},
		{"other value", "a", []byte("2"), false},
		{"prefix of the value", "a", []byte(""), false},
		{"absent but there", "a", nil, false},
		{"absent", "z", nil, true},
		{"there but absent", "z", []byte(""), false},
		{"empty", "empty", []byte{}, true},
		{"empty is not absent", "empty", nil, false},
	} {
		before, err := Contents(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		b := &engine.Batch{}
		b.Expect([]byte(c.key), c.value)
		b.Put([]byte("result"), []byte(c.name))
		err = Commit(t.Context(), e, b)
		if c.holds {
			before["result"] = c.name
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v, want a conflict", c.name, err)
		}
		want(t, e, before)
	}
}

func testLaterOpWins(t *testing.T, target Target) {
	e := create(t, target)
	b := &engine.Batch{}
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("a"), []byte("2"))
	b.Put([]byte("b"), []byte("1"))
	b.Delete([]byte("b"))
	b.Delete([]byte("c"))
	b.Put([]byte("c"), []byte("3"))
	if err := Commit(t.Context(), e, b); err != nil {
		t.Fatal(err)
	}
	want(t, e, State{"a": "2", "c": "3"})
}

func testViewErrorComesBack(t *testing.T, target Target) {
	e := create(t, target)
	broken := errors.New("broken")
	if err := e.View(t.Context(), func(engine.Snapshot) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("View returned %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic of the caller was swallowed")
			}
		}()
		_ = e.View(t.Context(), func(engine.Snapshot) error { panic("caller") })
	}()
	put(t, e, "a", "1") // the lock was given back
}
