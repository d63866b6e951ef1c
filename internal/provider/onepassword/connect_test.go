package onepassword

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

func holds(v []byte) bool { return utf8.Valid(v) && bytes.IndexByte(v, 0) < 0 }

func made(t *testing.T, w provider.World, pairs ...any) provider.Provider {
	t.Helper()
	if w.Debug == nil {
		w.Debug = func(string, ...any) {}
	}
	if w.Getenv == nil {
		w.Getenv = func(string) string { return "" }
	}
	w.Now = time.Now
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table(pairs...)}, w)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConnectSuite(t *testing.T) {
	t.Parallel()
	for name, vault := range map[string]string{"by name": "Servers", "by id": fakeVault} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Store{Holds: holds, New: func(t *testing.T, w provider.World) providertest.Subject {
				f := newConnectFake(t)
				return providertest.Subject{
					Provider: made(t, w, "connect_url", f.URL, "token", fakeToken, "vault", vault),
					Break:    f.breakWith,
					Secrets:  []string{fakeToken},
					Foreign: func() {
						for _, it := range foreign() {
							f.kept.Add(it)
						}
					},
					SoftDelete: func(title string) {
						for _, it := range f.kept.Items {
							if it["title"] == title {
								it["state"] = "ARCHIVED"
							}
						}
					},
				}
			}})
		})
	}
}

// Which field of an item is the secret.
func TestFieldOfAnItem(t *testing.T) {
	t.Parallel()
	concealed := func(id, value string) any {
		return map[string]any{"id": id, "type": "CONCEALED", "value": value}
	}
	for name, test := range map[string]struct {
		fields []any
		want   string // empty: none
	}{
		"a login":         {[]any{map[string]any{"id": "username", "purpose": "USERNAME", "value": "u"}, map[string]any{"id": "x", "purpose": "PASSWORD", "value": "p"}, concealed("y", "z")}, "p"},
		"a credential":    {[]any{concealed("x", "y"), concealed("credential", "c")}, "c"},
		"only one":        {[]any{map[string]any{"id": "u", "type": "STRING", "value": "u"}, concealed("k", "k")}, "k"},
		"two":             {[]any{concealed("a", "1"), concealed("b", "2")}, ""},
		"none":            {[]any{map[string]any{"id": "u", "type": "STRING", "value": "u"}}, ""},
		"no value":        {[]any{map[string]any{"id": "password", "purpose": "PASSWORD"}}, ""},
		"a wrong type":    {[]any{map[string]any{"id": "password", "purpose": "PASSWORD", "value": 7}}, ""},
		"no fields":       {nil, ""},
		"password before": {[]any{concealed("credential", "c"), concealed("password", "p")}, "p"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newConnectFake(t)
			f.kept.Add(map[string]any{"title": "key", "category": "LOGIN", "fields": test.fields})
			p := made(t, provider.World{}, "connect_url", f.URL, "token", fakeToken, "vault", "Servers")
			it, err := p.Read(t.Context(), "key", "")
			if test.want == "" {
				if !errors.Is(err, fault.Invalid) {
					t.Errorf("got %q, %v, want invalid", it.Value.Reveal(), err)
				}
			} else if err != nil || string(it.Value.Reveal()) != test.want {
				t.Errorf("got %q, %v, want %q", it.Value.Reveal(), err, test.want)
			}
		})
	}
}

// What an item holds besides its secret stays.
func TestWriteKeepsTheRest(t *testing.T) {
	t.Parallel()
	f := newConnectFake(t)
	before := f.kept.Add(map[string]any{
		"title": "key", "category": "LOGIN", "tags": []any{"prod"}, "urls": []any{map[string]any{"href": "https://example.com"}}, "sections": []any{map[string]any{"id": "s"}},
		"fields": []any{map[string]any{"id": "username", "value": "ana"}, map[string]any{"id": "password", "purpose": "PASSWORD", "value": "old", "entropy": 12.5, "section": map[string]any{"id": "s"}}},
	})
	before = maps.Clone(before)
	p := made(t, provider.World{}, "connect_url", f.URL, "token", fakeToken, "vault", "Servers")
	if it, err := p.Write(t.Context(), "key", secret.New([]byte("new"))); err != nil || it.Version != "2" {
		t.Fatalf("%v, %v", it, err)
	}
	after := f.kept.Items[0]
	fields := after["fields"].([]any)
	if password := fields[1].(map[string]any); password["value"] != "new" || password["entropy"] != 12.5 || password["section"] == nil {
		t.Errorf("the field became %v", password)
	}
	if len(fields) != 2 || after["urls"] == nil || after["sections"] == nil || after["tags"] == nil || after["category"] != "LOGIN" || len(after) != len(before) {
		t.Errorf("%v became %v", before, after)
	}
}

// I19: a vault that is not there, or is not seen, has not said that there is no such item.
func TestI19NoVaultIsNotMissing(t *testing.T) {
	t.Parallel()
	f := newConnectFake(t)
	for _, test := range []struct {
		pairs []any
		want  fault.Code
	}{
		{[]any{"token", fakeToken, "vault", "Other"}, fault.Usage},
		{[]any{"token", fakeToken, "vault", "aaaaaaaaaaaaaaaaaaaaaaaaaa"}, fault.Unavailable},
		{[]any{"token", "wrong", "vault", "Servers"}, fault.Denied},
	} {
		_, err := made(t, provider.World{}, append(test.pairs, "connect_url", f.URL)...).Read(t.Context(), "key", "")
		if !errors.Is(err, test.want) {
			t.Errorf("%q: %v, want %s", test.pairs, err, test.want)
		}
	}
}

func TestTwoItemsOfOneTitle(t *testing.T) {
	t.Parallel()
	f := newConnectFake(t)
	for range 2 {
		f.kept.Add(map[string]any{"title": "key", "fields": []any{map[string]any{"id": "password", "value": "x"}}})
	}
	p := made(t, provider.World{}, "connect_url", f.URL, "token", fakeToken, "vault", "Servers")
	_, readErr := p.Read(t.Context(), "key", "")
	_, writeErr := p.Write(t.Context(), "key", secret.New([]byte("y")))
	_, deleteErr := p.Delete(t.Context(), "key")
	for _, err := range []error{readErr, writeErr, deleteErr} {
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "2 items") {
			t.Errorf("got %v", err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for want, pairs := range map[string][]any{
		"tacit.yaml:1: vault is missing": nil,
		"tacit.yaml:1: token is missing": {"connect_url", "https://connect.example.com", "vault", "x"},
		"tacit.yaml:2: vault is missing": {"vault", "--help"},
		"onepassword: misconfigured":     {"connect_url", "http://connect.example.com", "vault", "x", "token", "t"},
	} {
		_, err := Make(provider.Spec{Name: "onepassword", Settings: providertest.Table(pairs...)}, provider.World{Getenv: func(string) string { return "" }})
		if !errors.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", pairs, err, want)
		}
	}
}
