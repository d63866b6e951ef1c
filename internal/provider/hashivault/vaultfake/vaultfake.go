package vaultfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Vault is one with an empty key-value engine of each version, mounted at kv1 and kv2, and with auth methods that take one set of
// credentials. What it answers is what HashiCorp Vault 1.14.1 answers; the tests in integration/vault run the provider against that.
type Vault struct {
	Namespace string        // only requests with this namespace find anything
	Root      string        // a token that always works
	Secret    string        // logs in: the secret id of an AppRole, or a JSON web token
	Lease     time.Duration // of the tokens that are got by logging in
	Sealed    bool
	NoDefault bool   // tokens do not have the policy "default", by which they may look themselves up and revoke themselves
	Denied    string // the path that the policy of tokens which were got by logging in does not allow

	mu     sync.Mutex
	tokens map[string]bool // got by logging in
	logins int
	plain  map[string]any   // kv1
	kept   map[string][]any // kv2: nil is a version that was deleted
}

// New returns an empty one.
func New(root, secret string) *Vault {
	return &Vault{Root: root, Secret: secret, Lease: time.Hour, tokens: map[string]bool{}, plain: map[string]any{}, kept: map[string][]any{}}
}

// Logins returns how often somebody logged in.
func (v *Vault) Logins() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.logins
}

// Tokens returns how many tokens of those who logged in are good.
func (v *Vault) Tokens() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tokens)
}

// Revoke forgets all tokens that were got by logging in.
func (v *Vault) Revoke() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.tokens)
}

// Put puts an entry in place, of both engines.
func (v *Vault) Put(name string, fields map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.plain[name] = fields
	v.kept[name] = append(v.kept[name], fields)
}

// Forget deletes the newest version of an entry as `vault kv delete` does.
func (v *Vault) Forget(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.plain, name)
	if n := len(v.kept[name]); n > 0 {
		v.kept[name][n-1] = nil
	}
}

// made is when everything was made.
const made = "2026-01-02T03:04:05.678901234Z"

type object = map[string]any

func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	var body object
	_ = json.NewDecoder(r.Body).Decode(&body)
	token := r.Header.Get("X-Vault-Token")
	switch {
	case path == "sys/health":
		v.health(w, r)
		return
	case v.Sealed:
		answer(w, 503, object{"errors": []string{"Vault is sealed"}})
		return
	case r.Header.Get("X-Vault-Namespace") != v.Namespace:
		answer(w, 404, object{"errors": []string{"no handler for route " + strconv.Quote(path) + ". route entry not found."}})
		return
	case strings.HasSuffix(path, "/login"):
		v.login(w, path, body)
		return
	case token != v.Root && !v.tokens[token]:
		answer(w, 403, object{"errors": []string{"permission denied"}})
		return
	}
	if token != v.Root && (path == v.Denied || v.NoDefault && strings.HasPrefix(path, "auth/")) {
		answer(w, 403, object{"errors": []string{"permission denied"}})
		return
	}
	switch where, rest, _ := strings.Cut(path, "/"); where {
	case "auth":
		if path == "auth/token/revoke-self" {
			delete(v.tokens, token)
			w.WriteHeader(204)
			return
		}
		answer(w, 200, object{"data": object{"id": token}})
	case "sys":
		v.mount(w, strings.TrimPrefix(path, "sys/internal/ui/mounts/"))
	case "kv1":
		v.kv1(w, r, rest, body)
	case "kv2":
		kind, name, _ := strings.Cut(rest, "/")
		switch kind {
		case "data":
			v.data(w, r, name, body)
		case "metadata":
			v.metadata(w, r, name)
		default:
			answer(w, 404, object{"data": nil, "warnings": []string{"Invalid path for a versioned K/V secrets engine."}})
		}
	default:
		answer(w, 404, object{"errors": []string{"no handler for route " + strconv.Quote(path) + ". route entry not found."}})
	}
}

func answer(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func nothing(w http.ResponseWriter) { answer(w, 404, object{"errors": []string{}}) }

func (v *Vault) health(w http.ResponseWriter, r *http.Request) {
	status := 200
	switch {
	case r.Header.Get("X-Vault-Namespace") != "":
		status = 400
	case v.Sealed:
		status = 503
	}
	answer(w, status, object{"sealed": v.Sealed, "initialized": true})
}

func (v *Vault) login(w http.ResponseWriter, path string, body object) {
	good := map[string]object{
		"auth/approle/login":    {"role_id": "role", "secret_id": v.Secret},
		"auth/kubernetes/login": {"role": "role", "jwt": v.Secret},
		"auth/ci/login":         {"role": "role", "jwt": v.Secret},
	}[path]
	for key, want := range good {
		if body[key] != want {
			answer(w, 400, object{"errors": []string{"invalid role or secret ID " + v.Secret}})
			return
		}
	}
	if good == nil {
		answer(w, 404, object{"errors": []string{"no handler for route"}})
		return
	}
	v.logins++
	token := v.Root + "-login-" + strconv.Itoa(v.logins)
	v.tokens[token] = true
	answer(w, 200, object{"auth": object{"client_token": token, "lease_duration": int(v.Lease.Seconds())}})
}

func (v *Vault) mount(w http.ResponseWriter, path string) {
	switch where, _, _ := strings.Cut(path, "/"); where {
	case "kv1":
		answer(w, 200, object{"data": object{"path": "kv1/", "type": "kv", "options": nil}})
	case "kv2":
		answer(w, 200, object{"data": object{"path": "kv2/", "type": "kv", "options": object{"version": "2"}}})
	case "pki":
		answer(w, 200, object{"data": object{"path": "pki/", "type": "pki", "options": nil}})
	default:
		answer(w, 403, object{"errors": []string{"preflight capability check returned 403"}})
	}
}

// list answers with the keys below a folder.
func list[T any](w http.ResponseWriter, all map[string]T, folder string) {
	if folder != "" {
		folder += "/"
	}
	var keys []string
	for name := range all {
		below, ok := strings.CutPrefix(name, folder)
		if !ok {
			continue
		}
		if segment, _, deeper := strings.Cut(below, "/"); deeper {
			below = segment + "/"
		}
		if !slices.Contains(keys, below) {
			keys = append(keys, below)
		}
	}
	if keys == nil {
		nothing(w)
		return
	}
	answer(w, 200, object{"data": object{"keys": keys}})
}

func (v *Vault) kv1(w http.ResponseWriter, r *http.Request, name string, body object) {
	fields, ok := v.plain[name]
	switch {
	case r.URL.Query().Get("list") == "true":
		list(w, v.plain, name)
	case strings.Contains(name, ".."):
		answer(w, 500, object{"errors": []string{"1 error occurred:\n\t* path cannot contain .."}})
	case r.Method == http.MethodPut:
		v.plain[name] = body
		w.WriteHeader(204)
	case r.Method == http.MethodDelete:
		delete(v.plain, name)
		w.WriteHeader(204)
	case !ok:
		nothing(w)
	default:
		answer(w, 200, object{"data": fields})
	}
}

func about(version int, gone bool) object {
	o := object{"version": version, "created_time": made, "deletion_time": "", "destroyed": false}
	if gone {
		o["deletion_time"] = made
	}
	return o
}

func (v *Vault) data(w http.ResponseWriter, r *http.Request, name string, body object) {
	all := v.kept[name]
	if r.Method == http.MethodPost {
		options, _ := body["options"].(object)
		if cas, _ := options["cas"].(float64); int(cas) != len(all) {
			answer(w, 400, object{"errors": []string{"check-and-set parameter did not match the current version"}})
			return
		}
		v.kept[name] = append(all, body["data"])
		answer(w, 200, object{"data": about(len(all)+1, false)})
		return
	}
	n := len(all)
	if s := r.URL.Query().Get("version"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	if n < 1 || n > len(all) {
		nothing(w)
		return
	}
	status := 200
	if all[n-1] == nil {
		status = 404
	}
	answer(w, status, object{"data": object{"data": all[n-1], "metadata": about(n, all[n-1] == nil)}})
}

func (v *Vault) metadata(w http.ResponseWriter, r *http.Request, name string) {
	all, ok := v.kept[name]
	switch {
	case r.URL.Query().Get("list") == "true":
		list(w, v.kept, name)
	case r.Method == http.MethodDelete:
		delete(v.kept, name)
		w.WriteHeader(204)
	case !ok:
		nothing(w)
	default:
		versions := object{}
		for i, fields := range all {
			versions[strconv.Itoa(i+1)] = about(i+1, fields == nil)
		}
		answer(w, 200, object{"data": object{"current_version": len(all), "versions": versions}})
	}
}
