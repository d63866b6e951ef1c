package onepassword

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tacit/internal/provider/onepassword/onepasswordfake"
	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
)

const (
	fakeVault = onepasswordfake.VaultID
	fakeToken = onepasswordfake.Token
)

// foreign are items as people have them.
func foreign() []map[string]any {
	return []map[string]any{
		{"title": "My bank (old)", "category": "LOGIN", "fields": []any{map[string]any{"id": "password", "purpose": "PASSWORD", "value": "x"}}},
		{"title": "archived-key", "state": "ARCHIVED", "category": "PASSWORD", "fields": []any{map[string]any{"id": "password", "purpose": "PASSWORD", "value": "x"}}},
	}
}

// A connectFake is a 1Password Connect server.
type connectFake struct {
	t     *testing.T
	mu    sync.Mutex
	kept  onepasswordfake.Items
	fault providertest.Fault
	URL   string
}

func newConnectFake(t *testing.T) *connectFake {
	t.Helper()
	f := &connectFake{t: t}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.URL = s.URL
	return f
}

func (f *connectFake) breakWith(x providertest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = x
}

func (f *connectFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	x := f.fault
	f.mu.Unlock()
	honest := f.answer
	if r.Method != http.MethodGet {
		honest = nil
	}
	if resttest.Write(x, w, r, honest) {
		return
	}
	switch x {
	case providertest.Denied:
		says(w, http.StatusForbidden, "vault is not in scope "+providertest.Canary)
		return
	case providertest.Expired:
		says(w, http.StatusUnauthorized, "Invalid bearer token "+fakeToken)
		return
	case providertest.Throttled:
		resttest.Throttle(w)
		says(w, http.StatusTooManyRequests, "slow down")
		return
	case providertest.WrongName:
		if r.URL.Query().Has("filter") && strings.HasSuffix(r.URL.Path, "/items") {
			write(w, []any{onepasswordfake.Other()})
		} else {
			write(w, onepasswordfake.Other())
		}
		return
	}
	f.answer(w, r)
}

func (f *connectFake) answer(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+fakeToken {
		says(w, http.StatusUnauthorized, "Invalid token signature")
		return
	}
	wanted := func(string) bool { return true }
	if q := r.URL.Query().Get("filter"); q != "" {
		_, text, ok := strings.Cut(q, ` eq "`)
		if !ok || !strings.HasSuffix(text, `"`) {
			says(w, http.StatusBadRequest, "Invalid filter")
			return
		}
		text = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(text, `"`))
		wanted = func(s string) bool { return strings.EqualFold(s, text) }
	}
	const vaults = "/v1/vaults"
	path := strings.TrimPrefix(r.URL.Path, vaults)
	id := strings.TrimPrefix(path, "/"+fakeVault+"/items/")
	i := f.kept.Index(id)
	switch {
	case path == "":
		list := []any{}
		if wanted("Servers") {
			list = append(list, map[string]any{"id": fakeVault, "name": "Servers"})
		}
		write(w, list)
	case path == "/"+fakeVault:
		write(w, map[string]any{"id": fakeVault, "name": "Servers"})
	case path == "/"+fakeVault+"/items" && r.Method == http.MethodGet:
		write(w, f.kept.Overviews(wanted))
	case path == "/"+fakeVault+"/items" && r.Method == http.MethodPost:
		write(w, f.kept.Add(f.body(r)))
	case i < 0:
		says(w, http.StatusNotFound, fmt.Sprintf("Item %s not found", id))
	case r.Method == http.MethodGet:
		write(w, f.kept.Items[i])
	case r.Method == http.MethodPut:
		write(w, f.kept.Replace(i, f.body(r)))
	case r.Method == http.MethodDelete:
		f.kept.Items = append(f.kept.Items[:i], f.kept.Items[i+1:]...)
		w.WriteHeader(http.StatusNoContent)
	}
}

// body reads an item as strictly as the server does.
func (f *connectFake) body(r *http.Request) map[string]any {
	var it map[string]any
	if err := json.NewDecoder(r.Body).Decode(&it); err != nil || it["title"] == "" || it["category"] == nil {
		f.t.Errorf("%s of no item: %v, %v", r.Method, it, err)
	}
	if v, ok := it["vault"].(map[string]any); !ok || v["id"] != fakeVault {
		f.t.Errorf("%s of an item of another vault: %v", r.Method, it["vault"])
	}
	return it
}

func says(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	write(w, map[string]any{"status": status, "message": message})
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	b, _ := json.Marshal(v) // without a newline: half of it is never the whole
	_, _ = w.Write(b)
}
