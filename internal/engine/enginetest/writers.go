package enginetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

func begin(t testing.TB, e engine.Engine) engine.Writer {
	t.Helper()
	w, err := e.Begin(t.Context())
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	return w
}

func testWriterIsSpent(t *testing.T, target Target) {
	e := create(t, target)
	one := &engine.Batch{}
	one.Put([]byte("a"), []byte("1"))
	fill := func(put func(k, v []byte) error) error { return put([]byte("b"), []byte("2")) }

	w := begin(t, e)
	if err := w.Commit(one); err != nil {
		t.Fatal(err)
	}
	if w.Commit(one) == nil || w.Replace(fill) == nil {
		t.Error("a writer can be used twice")
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Errorf("close twice: %v", err)
	}
	w = begin(t, e)
	w.Close()
	if w.Commit(one) == nil || w.Replace(fill) == nil {
		t.Error("a writer can be used after Close")
	}
	w = begin(t, e) // given up
	w.Close()
	want(t, e, State{"a": "1"})
}

func testWriterSeesItsSnapshot(t *testing.T, target Target) {
	e := create(t, target)
	s := State{}
	b := &engine.Batch{}
	for i := range 300 {
		k := fmt.Sprintf("k/%04d", i)
		s[k] = k
		b.Put([]byte(k), []byte(k))
	}
	if err := Commit(t.Context(), e, b); err != nil {
		t.Fatal(err)
	}
	check := func(w engine.Writer, when string) {
		t.Helper()
		got := State{}
		if err := w.Scan(nil, nil, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if d := s.Diff(got); d != "" {
			t.Fatalf("%s the writer sees another state:\n%s", when, d)
		}
	}
	w := begin(t, e)
	check(w, "before Replace")
	err := w.Replace(func(put func(k, v []byte) error) error {
		check(w, "while it replaces")
		return put([]byte("new"), []byte("content"))
	})
	if err != nil {
		t.Fatal(err)
	}
	check(w, "after Replace")
	w.Close()
	want(t, e, State{"new": "content"})
}

func testReplace(t *testing.T, target Target) {
	address := target.Create(t)
	e := open(t, target, address)
	put(t, e, "old", "1", "both", "1")
	other := open(t, target, address) // from before
	s := State{}
	w := begin(t, e)
	err := w.Replace(func(put func(k, v []byte) error) error {
		key, value := make([]byte, 0, 64), make([]byte, 0, 512)
		for i := range 5000 {
			key = fmt.Appendf(key[:0], "k/%06d", i)
			value = fmt.Appendf(value[:0], "%0300d", i)
			s[string(key)] = string(value)
			if err := put(key, value); err != nil {
				return err
			}
		}
		s["both"] = "2"
		return put([]byte("both"), []byte("2"))
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	want(t, e, s)
	want(t, other, s)
	put(t, other, "after", "3")
	s["after"] = "3"
	want(t, e, s)
}

func testReplaceFails(t *testing.T, target Target) {
	e := create(t, target)
	put(t, e, "a", "1")
	stamp, err := e.Stamp()
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for name, fill := range map[string]func(put func(k, v []byte) error) error{
		"at once": func(put func(k, v []byte) error) error { return broken },
		"half way": func(put func(k, v []byte) error) error {
			for i := range 1000 {
				if err := put(fmt.Appendf(nil, "%d", i), make([]byte, 1000)); err != nil {
					return err
				}
			}
			return broken
		},
	} {
		w := begin(t, e)
		if err := w.Replace(fill); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		w.Close()
	}
	w := begin(t, e)
	if err := w.Replace(func(put func(k, v []byte) error) error { return put(nil, nil) }); !errors.Is(err, fault.Invalid) {
		t.Errorf("an empty key: %v", err)
	}
	w.Close()
	want(t, e, State{"a": "1"})
	if after, err := e.Stamp(); err != nil || after != stamp {
		t.Errorf("the stamp changed although nothing did: %v, %v", after, err)
	}
}

func testReplaceAnyOrder(t *testing.T, target Target) {
	e := create(t, target)
	s := State{}
	w := begin(t, e)
	err := w.Replace(func(put func(k, v []byte) error) error {
		for i := range 3000 {
			k, v := fmt.Sprintf("k/%d", i*7919%3000), fmt.Sprintf("%0*d", 1+i%700, i)
			s[k] = v
			if err := put([]byte(k), []byte(v)); err != nil {
				return err
			}
		}
		for i := range 130_000 { // more than anybody keeps in memory
			k, v := fmt.Sprintf("many/%d", i*7919%130_000), strconv.Itoa(i)
			s[k] = v
			if err := put([]byte(k), []byte(v)); err != nil {
				return err
			}
			k = fmt.Sprintf("order/%06d", i) // ascending between others
			s[k] = v
			if err := put([]byte(k), []byte(v)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	want(t, e, s)
	maps.DeleteFunc(s, func(string, string) bool { return true })
	w = begin(t, e)
	if err := w.Replace(func(func(k, v []byte) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	w.Close()
	want(t, e, s)
}

// testReplaceTwice puts one key twice, near and far apart, in order and not: nothing is replaced.
func testReplaceTwice(t *testing.T, target Target) {
	for _, apart := range []int{1, 10, 100_000} {
		for _, stride := range []int{1, 7919} {
			e := create(t, target)
			var b engine.Batch
			b.Put([]byte("before"), []byte("1"))
			if err := Commit(t.Context(), e, &b); err != nil {
				t.Fatal(err)
			}
			w := begin(t, e)
			err := w.Replace(func(put func(k, v []byte) error) error {
				for i := range apart {
					if err := put(fmt.Appendf(nil, "k/%06d", i*stride%100_003), []byte("v")); err != nil {
						return err
					}
				}
				return put([]byte("k/000000"), []byte("again"))
			})
			if !errors.Is(err, engine.ErrTwice) {
				t.Errorf("a key put twice, %d apart, stride %d: %v", apart, stride, err)
			}
			w.Close()
			want(t, e, State{"before": "1"})
		}
	}
}

func testStamp(t *testing.T, target Target) {
	address := target.Create(t)
	e, other := open(t, target, address), open(t, target, address)
	seen := map[engine.Stamp]string{}
	var last engine.Stamp
	look := func(what string, changed bool) {
		t.Helper()
		s, err := e.Stamp()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if again, err := other.Stamp(); err != nil || again != s {
			t.Fatalf("%s: two engines have different stamps, %v and %v (%v)", what, s, again, err)
		}
		if !changed && s != last {
			t.Errorf("%s: the stamp changed", what)
		}
		if before, ok := seen[s]; changed && ok {
			t.Errorf("%s: the stamp is that of %s", what, before)
		}
		seen[s], last = what, s
	}
	look("create", true)
	for i := range 20 {
		put(t, e, "a", fmt.Sprint(i))
		look(fmt.Sprintf("commit %d", i), true)
		_ = scan(t, e, nil, nil)
		look("view", false)
		b := &engine.Batch{}
		b.Expect([]byte("a"), []byte("no"))
		b.Put([]byte("a"), nil2empty(nil))
		if err := Commit(context.Background(), e, b); !errors.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		look("conflict", false)
		if err := Commit(context.Background(), e, &engine.Batch{}); err != nil {
			t.Fatal(err)
		}
		look("empty batch", false)
		w := begin(t, e)
		if err := w.Replace(func(put func(k, v []byte) error) error { return put([]byte("a"), []byte("r")) }); err != nil {
			t.Fatal(err)
		}
		w.Close()
		look(fmt.Sprintf("replace %d", i), true)
	}
}
