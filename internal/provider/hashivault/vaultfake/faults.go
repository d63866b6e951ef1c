// Package vaultfake is a Vault for tests: enough of its HTTP API for the provider, and a way to make that one or a real one misbehave.
package vaultfake

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"tacit/internal/provider/providertest"
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
		w.Header().Set("Retry-After", strconv.Itoa(int(providertest.Wait.Seconds())))
		say(w, http.StatusTooManyRequests, `{"errors":["request path: rate limit quota exceeded"]}`)
	case providertest.Failing:
		say(w, http.StatusInternalServerError, fmt.Sprintf(`{"errors":[%q]}`, echo))
	case providertest.Down:
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	case providertest.Slow:
		_, _ = io.Copy(io.Discard, r.Body) // before that, net/http does not see that the client hangs up
		<-r.Context().Done()
	case providertest.Garbage:
		say(w, http.StatusOK, providertest.Noise)
	case providertest.Truncated:
		f.truncate(w, r)
	case providertest.Huge:
		_, _ = fmt.Fprint(w, `{"data":{"value":"`)
		for chunk := strings.Repeat("x", 1<<16); r.Context().Err() == nil; {
			if _, err := fmt.Fprint(w, chunk); err != nil {
				return
			}
		}
	case providertest.ProxyPage:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, providertest.Page)
	}
}

// truncate answers as Vault would, up to the middle. What would change something is answered without changing it.
func (f *Faulty) truncate(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	if r.Method == http.MethodGet {
		f.Vault.ServeHTTP(answer, r)
	} else {
		say(answer, http.StatusOK, `{"data":{"version":2}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}
