package enginetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

// testModel runs random operations against a map.
func testModel(t *testing.T, target Target) {
	key := rapid.Custom(func(t *rapid.T) string {
		// A few long common prefixes, so that branch pages fill.
		p := rapid.SampledFrom([]string{"", "i/", "m/" + strings.Repeat("p", 300), "v/"}).Draw(t, "prefix")
		return p + fmt.Sprintf("%03d", rapid.IntRange(0, 60).Draw(t, "number"))
	})
	value := rapid.Custom(func(t *rapid.T) []byte {
		n := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 1500), rapid.SampledFrom([]int{4096, 9000, 70000})).Draw(t, "length")
		return []byte(strings.Repeat(string(rapid.ByteRange('a', 'z').Draw(t, "byte")), n))
	})
	rapid.Check(t, func(rt *rapid.T) {
		address := target.Create(t)
		e := open(t, target, address)
		model := State{}
		stamp, err := e.Stamp()
		if err != nil {
			rt.Fatal(err)
		}
		changed := false
		rt.Repeat(map[string]func(*rapid.T){
			"": func(rt *rapid.T) {
				now, err := e.Stamp()
				if err != nil {
					rt.Fatal(err)
				}
				if changed != (now != stamp) {
					rt.Fatalf("changed: %v, stamps %v and %v", changed, stamp, now)
				}
				changed, stamp = false, now
			},
			"commit": func(rt *rapid.T) {
				b, after, holds := &engine.Batch{}, maps.Clone(model), true
				for range rapid.IntRange(0, 2).Draw(rt, "expectations") {
					k := key.Draw(rt, "key")
					now, ok := model[k]
					switch {
					case rapid.IntRange(0, 9).Draw(rt, "wrong") == 0:
						b.Expect([]byte(k), []byte("wrong"))
						holds = false
					case ok:
						b.Expect([]byte(k), []byte(now))
					default:
						b.Expect([]byte(k), nil)
					}
				}
				for range rapid.IntRange(0, 30).Draw(rt, "ops") {
					k := key.Draw(rt, "key")
					if rapid.IntRange(0, 2).Draw(rt, "delete") == 0 {
						b.Delete([]byte(k))
						delete(after, k)
					} else {
						v := value.Draw(rt, "value")
						b.Put([]byte(k), v)
						after[k] = string(v)
					}
				}
				err := Commit(t.Context(), e, b)
				if holds {
					changed = len(b.Ops) > 0
					model = after
				}
				if holds != (err == nil) || !holds && !errors.Is(err, fault.Conflict) {
					rt.Fatalf("commit: %v", err)
				}
			},
			"deleteRange": func(rt *rapid.T) {
				p := rapid.SampledFrom([]string{"i/", "m/", "v/", ""}).Draw(rt, "prefix")
				b := &engine.Batch{}
				for k := range model {
					if strings.HasPrefix(k, p) {
						b.Delete([]byte(k))
						delete(model, k)
					}
				}
				if err := Commit(t.Context(), e, b); err != nil {
					rt.Fatal(err)
				}
				changed = len(b.Ops) > 0
			},
			"replace": func(rt *rapid.T) {
				w := begin(t, e)
				defer w.Close()
				err := w.Replace(func(put func(k, v []byte) error) error {
					return w.Scan(nil, nil, put)
				})
				if err != nil {
					rt.Fatal(err)
				}
				changed = true
			},
			"get": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				err := e.View(t.Context(), func(s engine.Snapshot) error {
					v, ok, err := s.Get([]byte(k))
					if w, there := model[k]; err == nil && (ok != there || string(v) != w) {
						return fmt.Errorf("get %q: %d bytes, %v", k, len(v), ok)
					}
					return err
				})
				if err != nil {
					rt.Fatal(err)
				}
			},
			"scan": func(rt *rapid.T) {
				prefix, from := rapid.SampledFrom([]string{"", "i/", "m", "m/" + strings.Repeat("p", 300) + "0", "v/04"}).Draw(rt, "prefix"), key.Draw(rt, "from")
				var want []string
				for k := range model {
					if strings.HasPrefix(k, prefix) && k >= from {
						want = append(want, k)
					}
				}
				slices.Sort(want)
				if got := scan(t, e, []byte(prefix), []byte(from)); !slices.Equal(got, want) {
					rt.Fatalf("scan(%q, %q): %q, want %q", prefix, from, got, want)
				}
			},
			"all": func(rt *rapid.T) {
				got, err := Contents(t.Context(), e)
				if err != nil {
					rt.Fatal(err)
				}
				if d := model.Diff(got); d != "" {
					rt.Fatal(d)
				}
			},
			"reopen": func(rt *rapid.T) {
				if err := e.Close(); err != nil {
					rt.Fatal(err)
				}
				if e, err = target.Open(address, func(string) {}); err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
}
