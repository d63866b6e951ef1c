package hashivault_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

func read(t *testing.T, p provider.Provider, name, version string) string {
	t.Helper()
	it, err := p.Read(t.Context(), name, version)
	if err != nil {
		t.Errorf("read %s@%s: %v", name, version, err)
	}
	return string(it.Value.Reveal())
}

// TestEntriesOfOthers: an entry with fields of its own reads as JSON, and is not written over.
func TestEntriesOfOthers(t *testing.T) {
	t.Parallel()
	for kv, path := range map[string]string{"1": "kv1", "2": "kv2"} {
		p := newPeer(t)
		open := p.mustOpen(t, world(t, nil), "path", path, "kv", kv, "token", root)
		for name, test := range map[string]struct {
			fields map[string]any
			want   string
		}{
			"several":    {map[string]any{"username": "u", "password": "p<"}, `{"password":"p\u003c","username":"u"}`},
			"value-and":  {map[string]any{"value": "v", "ttl": "1h"}, `{"ttl":"1h","value":"v"}`},
			"number":     {map[string]any{"value": 5}, `{"value":5}`},
			"big-number": {map[string]any{"n": uint64(1<<63 + 1)}, `{"n":9223372036854775809}`},
			"nested":     {map[string]any{"a": map[string]any{"b": []int{1}}}, `{"a":{"b":[1]}}`},
		} {
			p.Put(name, test.fields)
			if got := read(t, open, name, ""); got != test.want {
				t.Errorf("version %s, %s: %s, want %s", kv, name, got, test.want)
			}
			_, err := open.Write(t.Context(), name, text("mine"))
			if !errors.Is(err, fault.Conflict) || read(t, open, name, "") != test.want {
				t.Errorf("version %s: write over %s: %v", kv, name, err)
			}
		}
		p.Put("empty", map[string]any{})
		if _, err := open.Write(t.Context(), "empty", text("mine")); err != nil || read(t, open, "empty", "") != "mine" {
			t.Errorf("write over an entry without fields: %v", err)
		}
	}
}

// TestI19DeletedIsNotMissing: a version that somebody deleted is not "not found", or another provider's value would take its place.
func TestI19DeletedIsNotMissing(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(t, nil), "path", "kv2", "token", root)
	if _, err := open.Write(t.Context(), "x", text("one")); err != nil {
		t.Fatal(err)
	}
	p.Forget("x")
	for _, version := range []string{"", "1"} {
		var e *fault.Error
		if _, err := open.Read(t.Context(), "x", version); !errors.Is(err, fault.Expired) || !errors.As(err, &e) || !strings.Contains(e.Fix, "undelete") {
			t.Errorf("x@%s: %v", version, err)
		}
	}
	if _, err := open.(provider.Versioner).Versions(t.Context(), "x"); !errors.Is(err, fault.Expired) {
		t.Errorf("Versions: %v", err)
	}
	if _, err := open.Write(t.Context(), "x", text("two")); err != nil {
		t.Fatal(err)
	}
	if _, err := open.Read(t.Context(), "x", provider.Previous); !errors.Is(err, fault.Expired) {
		t.Errorf("x@previous: %v", err)
	}
	for _, version := range []string{"3", "x"} {
		if _, err := open.Read(t.Context(), "x", version); !errors.Is(err, fault.NotFound) {
			t.Errorf("x@%s, which never was: %v", version, err)
		}
	}
}

func TestDeletedVersions(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(t, nil), "path", "kv2", "token", root)
	for _, s := range []string{"one", "two", "three"} {
		if _, err := open.Write(t.Context(), "x", text(s)); err != nil {
			t.Fatal(err)
		}
	}
	p.Forget("x")
	_, err := open.Read(t.Context(), "x", "")
	if !errors.Is(err, fault.Expired) || !strings.Contains(err.Error(), "version 3 of x was deleted") {
		t.Error(err)
	}
	if got := read(t, open, "x", provider.Previous); got != "two" {
		t.Errorf("previous: %s", got)
	}
	all, err := open.(provider.Versioner).Versions(t.Context(), "x")
	if err != nil || len(all) != 2 || all[0].Version != "2" {
		t.Errorf("Versions: %v, %v", all, err)
	}
	it, err := open.Write(t.Context(), "x", text("four"))
	if err != nil || it.Version != "4" || read(t, open, "x", "") != "four" {
		t.Errorf("write over a deleted version: %v, %v", it, err)
	}
	if n, err := open.Delete(t.Context(), "x"); n != 4 || err != nil {
		t.Errorf("delete: %d, %v", n, err)
	}
}

// TestOvertaken: somebody else writes between our look and our write. Theirs becomes an older version, never lost; when it goes on for
// ever, we say so; and when they put fields there that we would lose, we stop.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(t, nil), "path", "kv2", "token", root)
	overtake := func(fields map[string]any, times int) {
		vault := p.Vault
		p.Faulty.Vault = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && times > 0 {
				times--
				vault.Put("x", fields)
			}
			vault.ServeHTTP(w, r)
		})
	}
	overtake(map[string]any{"value": "theirs"}, 1)
	it, err := open.Write(t.Context(), "x", text("mine"))
	if err != nil || it.Version != "2" || read(t, open, "x", "") != "mine" || read(t, open, "x", "1") != "theirs" {
		t.Errorf("%v %v", it, err)
	}
	overtake(map[string]any{"value": "theirs"}, 1000)
	if _, err = open.Write(t.Context(), "x", text("mine")); !errors.Is(err, fault.Conflict) {
		t.Error(err)
	}
	overtake(map[string]any{"user": "u", "password": "p"}, 1)
	if _, err = open.Write(t.Context(), "x", text("mine")); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "password, user") {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.Namespace = "team/a"
	open := p.mustOpen(t, world(t, nil), "path", "kv2", "token", root, "namespace", "team/a/")
	if err := open.Health(t.Context()); err != nil {
		t.Error(err)
	}
	p.Sealed = true
	err := open.Health(t.Context())
	var e *fault.Error
	if !errors.Is(err, fault.Unavailable) || !errors.As(err, &e) || !strings.Contains(e.Fix, "unseal") {
		t.Error(err)
	}
	if _, err = open.Read(t.Context(), "x", ""); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "sealed") {
		t.Error(err)
	}
}
