package providertest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// A record keeps what a provider says.
type record struct {
	mu   sync.Mutex
	said []string
}

func (r *record) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, s)
}

// world is one whose debug lines are kept, and that has nothing else.
func (r *record) world() provider.World {
	return provider.World{
		Getenv: func(string) string { return "" }, Now: time.Now,
		Debug: func(message string, args ...any) { r.add(fmt.Sprint(append([]any{message}, args...)...)) },
	}
}

// check looks for values and tokens in everything that was said, in the forms in which they could have got there.
func (r *record) check(t *testing.T, secrets []string) {
	t.Helper()
	all := strings.Join(r.said, "\n")
	for _, s := range append([]string{Canary}, secrets...) {
		for _, form := range forms(s) {
			if i := strings.Index(all, form); i >= 0 {
				t.Errorf("a value or token was said: %q", all[max(0, i-200):min(len(all), i+len(form)+20)])
			}
		}
	}
}

func forms(s string) []string {
	all := []string{s, url.QueryEscape(s), hex.EncodeToString([]byte(s)), fmt.Sprint([]byte(s))}
	for shift := range 3 {
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + s))
		all = append(all, b[(shift*8+5)/6:len(b)-4]) // the characters that depend on s alone
	}
	return all
}

// A shop is a provider whose errors are kept and looked at.
type shop struct {
	t *testing.T
	r *record
	Subject
	p provider.Provider
}

func open(t *testing.T, s Store) *shop {
	t.Helper()
	r := &record{}
	sub := s.New(t, r.world())
	t.Cleanup(func() {
		if err := sub.Provider.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		r.check(t, sub.Secrets)
	})
	return &shop{t, r, sub, sub.Provider}
}

// keep looks at an error as a person gets it, and returns it.
func (s *shop) keep(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	var e *fault.Error
	if errors.As(err, &e) {
		text += "\n" + e.Fix + "\n" + e.Object
		if e.Origin != provider.Origin {
			s.t.Errorf("the origin of %q is %q, not provider", err, e.Origin)
		}
	} else {
		s.t.Errorf("%q is no error of package fault", err)
	}
	s.r.add(text)
	s.r.add(fmt.Sprintf("%#v %+v", err, err))
	if !strings.Contains(err.Error(), Name) {
		s.t.Errorf("%q does not name the provider", err)
	}
	if len(text) > 2048 {
		s.t.Errorf("an error of %d bytes", len(text))
	}
	if strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), unicode.IsControl) {
		s.t.Errorf("%q holds control characters", text)
	}
	return err
}

func (s *shop) read(ctx context.Context, name, version string) (provider.Item, error) {
	it, err := s.p.Read(ctx, name, version)
	if err != nil && it.Value.Len() > 0 {
		s.t.Errorf("Read of %s: a value beside the error %v", name, err)
	}
	return it, s.keep(err)
}

func (s *shop) write(name string, value []byte) (provider.Item, error) {
	s.t.Helper()
	it, err := s.p.Write(s.t.Context(), name, secret.New(append([]byte(nil), value...)))
	return it, s.keep(err)
}

// put makes a secret exist, however the kind does that.
func (s *shop) put(name, value string) {
	s.t.Helper()
	if s.Put != nil {
		s.Put(name, []byte(value))
		return
	}
	if _, err := s.write(name, []byte(value)); err != nil {
		s.t.Fatalf("Write of %s: %v", name, err)
	}
}

// list returns what the store lists by name.
func (s *shop) list() map[string]provider.Item {
	s.t.Helper()
	all := map[string]provider.Item{}
	err := s.p.List(s.t.Context(), func(it provider.Item) error {
		if it.Value.Len() > 0 {
			s.t.Errorf("List: %s comes with its value", it.Name)
		}
		if _, ok := all[it.Name]; ok {
			s.t.Errorf("List: %s comes twice", it.Name)
		}
		all[it.Name] = it
		return nil
	})
	if s.keep(err) != nil {
		s.t.Fatalf("List: %v", err)
	}
	return all
}

// has fails unless the current value is want.
func (s *shop) has(name, want string) {
	s.t.Helper()
	it, err := s.read(s.t.Context(), name, "")
	switch {
	case err != nil:
		s.t.Errorf("Read of %s: %v", name, err)
	case string(it.Value.Reveal()) != want:
		s.t.Errorf("Read of %s: %s, want %s", name, brief(it.Value.Reveal()), brief([]byte(want)))
	case it.Name != name:
		s.t.Errorf("Read of %s: the name is %q", name, it.Name)
	}
}

// lacks fails unless the store says that it has no such secret.
func (s *shop) lacks(name, version string) {
	s.t.Helper()
	if _, err := s.read(s.t.Context(), name, version); !errors.Is(err, fault.NotFound) {
		s.t.Errorf("Read of %s@%s, which is not there: %v, want not_found", name, version, err)
	}
}

func brief(b []byte) string {
	if len(b) > 60 {
		return fmt.Sprintf("%q… (%d bytes)", b[:60], len(b))
	}
	return fmt.Sprintf("%q", b)
}
