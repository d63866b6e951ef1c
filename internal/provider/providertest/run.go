package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
)

// Run runs the suite. Each case has a store of its own; they run at once.
func Run(t *testing.T, s Store) {
	cases := []struct {
		name string
		run  func(*shop, Store)
		only func(provider.Traits) bool
	}{
		{"reads what is there", reads, always},
		{"missing is not found", missing, always},
		{"values", values, writable},
		{"names", names, writable},
		{"names that are alike", alike, writable},
		{"versions", versions, writable},
		{"deletes", deletes, writable},
		{"soft delete", softDeleted, writable},
		{"is not writable", readOnly, func(t provider.Traits) bool { return !t.Writable }},
		{"lists page by page", lists, always},
		{"many at once", batch, always},
		{"callers at once", concurrent, always},
		{"a context that ended", ended, always},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shop := open(t, s)
			if c.only(shop.p.Traits()) {
				c.run(shop, s)
			}
		})
	}
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		faults(t, s)
	})
}

func always(provider.Traits) bool     { return true }
func writable(t provider.Traits) bool { return t.Writable }

func reads(s *shop, _ Store) {
	s.put("db-password", "one "+Canary)
	s.has("db-password", "one "+Canary)
	if err := s.keep(s.p.Health(s.t.Context())); err != nil {
		s.t.Errorf("Health: %v", err)
	}
	traits := s.p.Traits()
	if _, ok := s.p.(provider.Versioner); traits.Versions && !ok {
		s.t.Error("Traits promises versions, and there is no method for them")
	}
}

func missing(s *shop, _ Store) {
	s.lacks("db-password", "")
	if all := s.list(); len(all) > 0 {
		s.t.Errorf("an empty store lists %v", all)
	}
	if s.p.Traits().Writable {
		if _, err := s.p.Delete(s.t.Context(), "db-password"); !errors.Is(s.keep(err), fault.NotFound) {
			s.t.Errorf("Delete of nothing: %v, want not_found", err)
		}
	}
	s.put("db-password", Canary)
	for _, near := range []string{"db-passwor", "db-password2", "db-password/x", "xdb-password"} {
		s.lacks(near, "")
	}
	for _, version := range []string{"999", provider.Previous} {
		s.lacks("db-password", version)
	}
	for _, bad := range noNames() {
		if _, err := s.read(s.t.Context(), bad, ""); !errors.Is(err, fault.Invalid) {
			s.t.Errorf("Read of %q, which is no name: %v, want invalid", bad, err)
		}
	}
	if v, ok := s.p.(provider.Versioner); ok {
		if _, err := v.Versions(s.t.Context(), "nothing"); !errors.Is(s.keep(err), fault.NotFound) {
			s.t.Errorf("Versions of nothing: %v, want not_found", err)
		}
	}
}

// noNames are no names, and would reach further than a secret in stores that do not look.
func noNames() []string {
	return []string{
		"", "..", "../x", "a/../../x", "/etc/passwd", "a\x00b", "a b", "a?b=c", "a#b", "a%2fb", "a\\b", "a:b", "ä", "-x", "a/", "a//b",
		"a\r\nX-Evil: 1", strings.Repeat("n", 257),
	}
}

// values are written and must come back as they were, or be refused.
func values(s *shop, store Store) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, c := range []struct{ what, value string }{
		{"one byte", "x"},
		{"a NUL", "\x00"},
		{"digits", "0123"},
		{"a word that means something", "null"},
		{"unicode", Canary + " pässwörd 密码 🔑 e\u0301 \u2028"},
		{"a line that ends", Canary + "\n"},
		{"spaces around", "  " + Canary + " \t"},
		{"a key of many lines", "-----BEGIN X-----\r\n" + Canary + "\r\n-----END X-----\r\n"},
		{"JSON", `{"a":"` + Canary + `","b":[1,2,null]}`},
		{"what is text to others", `$(id) ${secret:x} %s \n '"` + "`" + Canary},
		{"every byte", Canary + string(every)},
		{"not UTF-8", Canary + "\xff\xfe\xc3"},
		{"looks like base64", "c2VjcmV0" + strings.Repeat("QUJD", 8)},
		{"begins as a mark of encoding might", "base64:" + Canary},
		{"64 KiB", strings.Repeat("0123456789abcde\n", 4095) + Canary + "12345"},
		{"64 KiB of bytes", string(slices.Repeat(every, 256))},
	} {
		if c.what == "64 KiB" && len(c.value) != 64<<10 {
			s.t.Fatal("the suite cannot count")
		}
		key := "v/" + strings.ReplaceAll(c.what, " ", "-")
		if store.HoldsName != nil && !store.HoldsName(key) {
			key = "v" + strings.ReplaceAll(strings.ReplaceAll(c.what, " ", ""), "-", "")
		}
		s.put(key, "before")
		_, err := s.write(key, []byte(c.value))
		switch {
		case store.Holds == nil || store.Holds([]byte(c.value)):
			if err != nil {
				s.t.Errorf("%s: Write: %v", c.what, err)
				continue
			}
			s.has(key, c.value)
		case !errors.Is(err, fault.Invalid):
			s.t.Errorf("%s: Write of a value that the store cannot hold: %v, want invalid", c.what, err)
		default:
			s.has(key, "before")
		}
	}
	for what, value := range map[string][]byte{"empty": {}, "too long": make([]byte, 64<<10+1)} {
		if _, err := s.write("bounds", value); !errors.Is(err, fault.Invalid) {
			s.t.Errorf("Write of a value that is %s: %v, want invalid", what, err)
		}
		s.lacks("bounds", "")
	}
}

// names are accepted and come back from List as they were, or are refused.
func names(s *shop, store Store) {
	var want []string
	for _, n := range []string{
		"a", "db-password", "db_password2", "UPPER-Lower", "a.b.c", "team/app/key", "x--y__z..w", "a-", "con", "a/b", "tacit/x",
		"n" + strings.Repeat("0123456789", 12), strings.Repeat("long/", 51) + "k",
	} {
		if name.Check(n) != nil {
			s.t.Fatalf("the suite's own name %q", n)
		}
		_, err := s.write(n, []byte("of "+n))
		switch {
		case store.HoldsName == nil || store.HoldsName(n):
			if err != nil {
				s.t.Errorf("Write of %s: %v", n, err)
				continue
			}
			want = append(want, n)
		case !errors.Is(err, fault.Invalid):
			s.t.Errorf("Write of the name %s that the store cannot hold: %v, want invalid", n, err)
		default:
			s.lacks(n, "") // another provider may have it
		}
	}
	for _, n := range want {
		s.has(n, "of "+n)
	}
	s.lists(want)
	for _, bad := range noNames() {
		if _, err := s.write(bad, []byte(Canary)); !errors.Is(err, fault.Invalid) {
			s.t.Errorf("Write of %q, which is no name: %v, want invalid", bad, err)
		}
	}
	s.lists(want)
}

// alike are names that a store could take for one another. Whoever cannot tell them apart refuses the second.
func alike(s *shop, store Store) {
	for _, pair := range [][2]string{{"db-password", "db_password"}, {"db.key", "db-key"}, {"a/b", "a-b"}, {"a/c", "a.c"}, {"Token", "token"}, {"x--y", "x/y"}, {"x_2fz", "x/z"}} {
		a, b := pair[0], pair[1]
		if store.Same != nil && store.Same(a, b) {
			continue
		}
		if _, err := s.write(a, []byte("first")); err != nil {
			continue // names has looked at that
		}
		s.lacks(b, "")
		_, err := s.write(b, []byte("second"))
		s.has(a, "first")
		switch {
		case err == nil:
			s.has(b, "second")
		case store.HoldsName == nil || store.HoldsName(b), !errors.Is(err, fault.Invalid):
			s.t.Errorf("Write of %s beside %s: %v", b, a, err)
		}
	}
}

func versions(s *shop, _ Store) {
	var made []provider.Item
	for i := range 3 {
		it, err := s.write("db-password", fmt.Appendf(nil, "%d %s", i, Canary))
		if err != nil {
			s.t.Fatalf("Write: %v", err)
		}
		if it.Value.Len() > 0 || it.Name != "db-password" {
			s.t.Errorf("Write answers %q with a value of %d bytes", it.Name, it.Value.Len())
		}
		made = append(made, it)
	}
	s.has("db-password", "2 "+Canary)
	if !s.p.Traits().Versions {
		return
	}
	all, err := s.p.(provider.Versioner).Versions(s.t.Context(), "db-password")
	if s.keep(err) != nil || len(all) != 3 {
		s.t.Fatalf("Versions: %d, %v, want 3", len(all), err)
	}
	for i, v := range all {
		want := fmt.Sprintf("%d %s", 2-i, Canary)
		it, err := s.read(s.t.Context(), "db-password", v.Version)
		if err != nil || string(it.Value.Reveal()) != want || it.Version != v.Version {
			s.t.Errorf("version %s is %s of version %s, %v, want %q", v.Version, brief(it.Value.Reveal()), it.Version, err, want)
		}
		if v.Value.Len() > 0 || v.Version == "" || v.Name != "db-password" || made[2-i].Version != v.Version {
			s.t.Errorf("Versions: %q of %q, and Write said %q", v.Version, v.Name, made[2-i].Version)
		}
	}
	if it, err := s.read(s.t.Context(), "db-password", provider.Previous); err != nil || string(it.Value.Reveal()) != "1 "+Canary {
		s.t.Errorf("the previous version: %s, %v", brief(it.Value.Reveal()), err)
	}
	s.lacks("db-password", "999")
}

func deletes(s *shop, store Store) {
	s.put("keep", "kept")
	for range 2 { // what was deleted can be made anew
		s.put("db-password", "one")
		s.put("db-password", "two")
		n, err := s.p.Delete(s.t.Context(), "db-password")
		if s.keep(err) != nil {
			s.t.Fatalf("Delete: %v", err)
		}
		if n != 0 && s.p.Traits().Versions && n < 2 {
			s.t.Errorf("Delete says %d versions", n)
		}
		s.gone("db-password", store)
		s.lists([]string{"keep"})
	}
	s.has("keep", "kept")
}

// gone fails unless a read of what was deleted fails as it does in this store.
func (s *shop) gone(name string, store Store) {
	s.t.Helper()
	want := store.Deleted
	if want == "" {
		want = fault.NotFound
	}
	if _, err := s.read(s.t.Context(), name, ""); !errors.Is(err, want) {
		s.t.Errorf("Read of %s, which was deleted: %v, want %s", name, err, want)
	}
}

// softDeleted is what is gone for readers and still in the way of writers, in stores that keep it for a while. Such a store may
// refuse a new secret of that name, and the error has to say how to go on.
func softDeleted(s *shop, store Store) {
	if s.SoftDelete == nil {
		return
	}
	s.put("db-password", Canary)
	s.SoftDelete("db-password")
	s.gone("db-password", store)
	s.lists(nil)
	_, err := s.write("db-password", []byte("new "+Canary))
	var e *fault.Error
	switch {
	case err == nil:
		s.has("db-password", "new "+Canary)
	case !errors.As(err, &e) || e.Fix == "" || !slices.Contains([]fault.Code{fault.Conflict, fault.Exists}, e.Code):
		s.t.Errorf("Write over a soft-deleted secret: %v; want conflict or exists, with a way out", err)
	}
}

func readOnly(s *shop, _ Store) {
	s.put("db-password", "one "+Canary)
	if _, err := s.write("db-password", []byte("two")); !errors.Is(err, fault.Usage) {
		s.t.Errorf("Write: %v, want usage", err)
	}
	if _, err := s.p.Delete(s.t.Context(), "db-password"); !errors.Is(s.keep(err), fault.Usage) {
		s.t.Errorf("Delete: %v, want usage", err)
	}
	s.has("db-password", "one "+Canary)
}

// lists fails unless the store lists exactly these names.
func (s *shop) lists(want []string) {
	s.t.Helper()
	var got []string
	for n := range s.list() {
		got = append(got, n)
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		s.t.Errorf("List: %q, want %q", got, want)
	}
}

var errEnough = errors.New("enough")

func lists(s *shop, store Store) {
	var want []string
	for i := range max(2*store.PageSize+1, 7) { // three pages
		n := fmt.Sprintf("key-%03d", i)
		s.put(n, Canary)
		want = append(want, n)
	}
	if s.Foreign != nil {
		s.Foreign()
	}
	s.lists(want)
	seen := 0
	err := s.p.List(s.t.Context(), func(provider.Item) error {
		seen++
		if seen == 2 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || seen != 2 {
		s.t.Errorf("a list that is stopped at the second: %d, %v", seen, err)
	}
}

func batch(s *shop, _ Store) {
	b, ok := s.p.(provider.Batch)
	if !ok {
		return
	}
	if got := b.ReadMany(s.t.Context(), nil); len(got) != 0 {
		s.t.Errorf("ReadMany of nothing: %d answers", len(got))
	}
	var asked []provider.Asked
	for i := range 20 {
		n := fmt.Sprintf("key-%03d", i)
		if i%5 != 4 {
			s.put(n, n+Canary)
		}
		asked = append(asked, provider.Asked{Name: n})
	}
	asked = append(asked, asked[0], provider.Asked{Name: "../x"}) // twice the same, and no name at all
	got := b.ReadMany(s.t.Context(), asked)
	if len(got) != len(asked) {
		s.t.Fatalf("ReadMany: %d answers for %d", len(got), len(asked))
	}
	for i, a := range got {
		err := s.keep(a.Err)
		n := asked[i].Name
		switch {
		case i == len(asked)-1:
			if !errors.Is(err, fault.Invalid) {
				s.t.Errorf("%s: %v, want invalid", n, err)
			}
		case i%5 == 4:
			if !errors.Is(err, fault.NotFound) {
				s.t.Errorf("%s: %v, want not_found", n, err)
			}
		case err != nil || string(a.Item.Value.Reveal()) != n+Canary || a.Item.Name != n:
			s.t.Errorf("%s: %q of %q, %v", n, a.Item.Value.Reveal(), a.Item.Name, err)
		}
	}
}

// concurrent is many callers of one provider: each reads what is its own, and of what all write a whole value.
func concurrent(s *shop, _ Store) {
	whole := map[string]bool{}
	for i := range 8 {
		s.put(fmt.Sprintf("key-%d", i), fmt.Sprintf("%d %s", i, Canary))
		whole[strings.Repeat(fmt.Sprint(i), 4000)] = true
	}
	s.put("shared", strings.Repeat("0", 4000))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 3 {
				s.has(fmt.Sprintf("key-%d", i), fmt.Sprintf("%d %s", i, Canary))
				if s.p.Traits().Writable {
					if _, err := s.write("shared", []byte(strings.Repeat(fmt.Sprint(i), 4000))); err != nil {
						s.t.Errorf("Write: %v", err)
					}
				}
				it, err := s.read(s.t.Context(), "shared", "")
				if err != nil || !whole[string(it.Value.Reveal())] {
					s.t.Errorf("shared: %s, %v", brief(it.Value.Reveal()), err)
				}
			}
		})
	}
	wg.Wait()
}

func ended(s *shop, _ Store) {
	s.put("db-password", Canary)
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	for what, do := range s.methods(ctx) {
		if err := s.keep(do()); !errors.Is(err, fault.Unavailable) {
			s.t.Errorf("%s with a context that ended: %v, want unavailable", what, err)
		}
	}
}
