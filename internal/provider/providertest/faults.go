package providertest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// expected are the classes that a fault may have. "Unavailable" and "invalid" stop the chain alike: who cannot know whether an answer
// is broken or merely strange may say either.
var expected = []struct {
	fault Fault
	want  []fault.Code
}{
	{Denied, []fault.Code{fault.Denied}},
	{Expired, []fault.Code{fault.Denied}},
	{Throttled, []fault.Code{fault.Limited}},
	{Failing, []fault.Code{fault.Unavailable}},
	{Down, []fault.Code{fault.Unavailable}},
	{Slow, []fault.Code{fault.Unavailable}},
	{Garbage, []fault.Code{fault.Unavailable, fault.Invalid}},
	{Truncated, []fault.Code{fault.Unavailable, fault.Invalid}},
	{Huge, []fault.Code{fault.Unavailable, fault.Invalid}},
	{WrongName, []fault.Code{fault.Unavailable, fault.Invalid}},
	{ProxyPage, []fault.Code{fault.Unavailable, fault.Invalid}},
}

// patience is how long a slow store is waited for.
const patience = 150 * time.Millisecond

// faults asks for everything under every fault.
func faults(t *testing.T, store Store) {
	for _, e := range expected {
		if store.Lacks[e.fault] != "" {
			continue
		}
		t.Run(string(e.fault), func(t *testing.T) {
			t.Parallel()
			s := open(t, store)
			if s.Break == nil {
				if s.p.Traits().Remote {
					t.Errorf("the store cannot be made to be %q, and Lacks does not say why", e.fault)
				}
				return
			}
			s.put("db-password", "true "+Canary)
			s.Break(e.fault)
			s.suffers(e.fault, e.want)
			s.Break(None)
			s.has("db-password", "true "+Canary) // nothing changed, and nothing is remembered
		})
	}
}

// methods are all calls that reach the store. Those that write are left out for a provider that does not.
func (s *shop) methods(ctx context.Context) map[string]func() error {
	all := map[string]func() error{
		"Read":            func() error { _, err := s.read(ctx, "db-password", ""); return err },
		"Read of nothing": func() error { _, err := s.read(ctx, "nothing", ""); return err },
		"List": func() error {
			return s.p.List(ctx, func(provider.Item) error { return nil })
		},
		"Health": func() error { return s.p.Health(ctx) },
	}
	if s.p.Traits().Writable {
		all["Write"] = func() error {
			_, err := s.p.Write(ctx, "db-password", secret.New([]byte("true "+Canary)))
			return err
		}
		all["Delete"] = func() error { _, err := s.p.Delete(ctx, "db-password"); return err }
	}
	if v, ok := s.p.(provider.Versioner); ok {
		all["Versions"] = func() error { _, err := v.Versions(ctx, "db-password"); return err }
	}
	if b, ok := s.p.(provider.Batch); ok {
		all["ReadMany"] = func() error {
			answers := b.ReadMany(ctx, []provider.Asked{{Name: "db-password"}, {Name: "nothing"}})
			var first error
			for _, a := range answers {
				if a.Err == nil {
					return nil
				}
				if first == nil || errors.Is(a.Err, fault.NotFound) {
					first = a.Err
				}
			}
			return first
		}
	}
	return all
}

// suffers asks for everything of a store that misbehaves. A wrong name can only be told where a name was asked for.
func (s *shop) suffers(f Fault, want []fault.Code) {
	s.t.Helper()
	for what, do := range s.methods(s.t.Context()) {
		if f == WrongName && what != "Read" && what != "ReadMany" && what != "Read of nothing" {
			continue
		}
		if f == Slow {
			ctx, cancel := context.WithTimeout(s.t.Context(), patience)
			do = s.methods(ctx)[what]
			defer cancel()
		}
		begin := time.Now()
		err := s.keep(do())
		if took := time.Since(begin); f == Slow && took > patience+5*time.Second {
			s.t.Errorf("%s: ended %v after its context", what, took)
		}
		s.judge(what, f, want, err)
	}
}

func (s *shop) judge(what string, f Fault, want []fault.Code, err error) {
	s.t.Helper()
	if errors.Is(err, fault.NotFound) {
		s.t.Errorf("%s of a store that is %s: not_found, which asks the next provider (I19): %v", what, f, err)
		return
	}
	lenient := what == "Health" || what == "Write" || what == "Delete" // a lie about another secret or a long text does not concern these
	if err == nil && lenient && slices.Contains([]Fault{Garbage, Truncated, Huge}, f) {
		return
	}
	if !slices.Contains(want, fault.CodeOf(err)) {
		s.t.Errorf("%s of a store that is %s: %v, want %v", what, f, err, want)
		return
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Fix == "" {
		s.t.Errorf("%s of a store that is %s: %v says no way out", what, f, err)
	}
	if after, ok := provider.RetryAfter(err); f == Throttled && (!ok || after != Wait) {
		s.t.Errorf("%s of a store that is throttled: come back after %v, %v, want %v", what, after, ok, Wait)
	}
}
