package azurefake

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
)

// Faulty passes requests on to the fake, until it is told to answer in another way.
type Faulty struct {
	Azure http.Handler

	mu    sync.Mutex
	fault providertest.Fault
}

// Break makes it misbehave from now on.
func (f *Faulty) Break(fault providertest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *Faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault := f.fault
	f.mu.Unlock()
	const echo = providertest.Canary + "\x1b[31m"
	if !strings.Contains(r.URL.Path, "/secrets") { // Entra is another house
		fault = providertest.None
	}
	switch fault {
	case providertest.None:
		f.Azure.ServeHTTP(w, r)
	case providertest.Denied:
		say(w, http.StatusForbidden, `{"error":{"code":"Forbidden","message":"`+providertest.Canary+`","innererror":{"code":"ForbiddenByRbac"}}}`)
	case providertest.Expired:
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.example.com/`+Tenant+`", resource="https://`+Domain+`", error="invalid_token", error_description="`+providertest.Canary+`"`)
		say(w, http.StatusUnauthorized, `{"error":{"code":"Unauthorized","message":"`+providertest.Canary+`"}}`)
	case providertest.Throttled:
		resttest.Throttle(w)
		say(w, http.StatusTooManyRequests, `{"error":{"code":"Throttled","message":"x"}}`)
	case providertest.Failing:
		say(w, http.StatusInternalServerError, `{"error":{"code":"`+echo+`","message":"`+echo+`"}}`)
	case providertest.WrongName:
		say(w, http.StatusOK, `{"id":"`+Vault+`/secrets/other/0123","value":"`+providertest.Lie+`","attributes":{"enabled":true}}`)
	default:
		resttest.Write(fault, w, r, f.honest)
	}
}

// honest answers as Azure would. What would change something is answered without changing it.
func (f *Faulty) honest(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.Azure.ServeHTTP(w, r)
	} else {
		say(w, http.StatusOK, `{"id":"`+Vault+`/secrets/db-password/1"}`)
	}
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}
