package onepassword

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
)

const (
	fakeVault = "hfnjvi6aymbsnfc2xeeoheizda" // its id
	fakeToken = "token-of-the-connect-server"
)

// A kept is what a fake keeps: the items as their JSON.
type kept struct{ Items []map[string]any }

func newID() string { return strings.ToLower(rand.Text())[:26] }

// overviews are the items without their fields, as lists have them.
func (k *kept) overviews(wanted func(title string) bool) []map[string]any {
	all := []map[string]any{}
	for _, it := range k.Items {
		if !wanted(it["title"].(string)) {
			continue
		}
		short := map[string]any{}
		for member, v := range it {
			if member != "fields" {
				short[member] = v
			}
		}
		all = append(all, short)
	}
	return all
}

func (k *kept) index(id string) int {
	for i, it := range k.Items {
		if it["id"] == id {
			return i
		}
	}
	return -1
}

func (k *kept) add(it map[string]any) map[string]any {
	it["id"], it["version"], it["vault"] = newID(), 1, map[string]any{"id": fakeVault, "name": "Servers"}
	it["createdAt"], it["updatedAt"] = "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"
	k.Items = append(k.Items, it)
	return it
}

func (k *kept) replace(i int, it map[string]any) map[string]any {
	version, _ := k.Items[i]["version"].(int)
	it["version"] = version + 1
	k.Items[i] = it
	return it
}

// other is an item that nobody asked for.
func other(id string) map[string]any {
	return map[string]any{"id": id, "title": "other", "version": 1, "fields": []any{map[string]any{"id": "password", "purpose": "PASSWORD", "value": providertest.Lie}}}
}

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
	kept  kept
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
			write(w, []any{other(newID())})
		} else {
			write(w, other(newID()))
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
	i := f.kept.index(id)
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
		write(w, f.kept.overviews(wanted))
	case path == "/"+fakeVault+"/items" && r.Method == http.MethodPost:
		write(w, f.kept.add(f.body(r)))
	case i < 0:
		says(w, http.StatusNotFound, fmt.Sprintf("Item %s not found", id))
	case r.Method == http.MethodGet:
		write(w, f.kept.Items[i])
	case r.Method == http.MethodPut:
		write(w, f.kept.replace(i, f.body(r)))
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
