// Package vaultfake is a Vault for tests: enough of its HTTP API for the provider, and a way to make that one or a real one misbehave.
package vaultfake

import (
	"fmt"
	"net/http"
	"sync"

	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
)

// Faulty passes requests on to a Vault, until it is told to answer in another way.
type Faulty struct {
	Vault http.Handler

	mu    sync.Mutex
	fault providertest.Fault
	asked []string
}

// Break makes it misbehave from now on.
func (f *Faulty) Break(fault providertest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// Asked returns what was asked since the last call of it: method and path.
func (f *Faulty) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.asked
	f.asked = nil
	return all
}

func (f *Faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault := f.fault
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	const echo = providertest.Canary + "\x1b[31m"
	switch fault {
	case providertest.None:
		f.Vault.ServeHTTP(w, r)
	case providertest.Denied:
		say(w, http.StatusForbidden, `{"errors":["1 error occurred:\n\t* permission denied\n\n`+providertest.Canary+`"]}`)
	case providertest.Expired:
		say(w, http.StatusForbidden, `{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`)
	case providertest.Throttled:
		resttest.Throttle(w)
		say(w, http.StatusTooManyRequests, `{"errors":["request path: rate limit quota exceeded"]}`)
	case providertest.Failing:
		say(w, http.StatusInternalServerError, fmt.Sprintf(`{"errors":[%q]}`, echo))
	default:
		resttest.Write(fault, w, r, f.honest)
	}
}

// honest answers as Vault would. What would change something is answered without changing it.
func (f *Faulty) honest(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.Vault.ServeHTTP(w, r)
	} else {
		say(w, http.StatusOK, `{"data":{"version":2}}`)
	}
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}
