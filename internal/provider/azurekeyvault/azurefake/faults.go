package azurefake

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
		w.Header().Set("Retry-After", strconv.Itoa(int(providertest.Wait.Seconds())))
		say(w, http.StatusTooManyRequests, `{"error":{"code":"Throttled","message":"x"}}`)
	case providertest.Failing:
		say(w, http.StatusInternalServerError, `{"error":{"code":"`+echo+`","message":"`+echo+`"}}`)
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
		_, _ = fmt.Fprint(w, `{"value":"`)
		for chunk := strings.Repeat("x", 1<<16); r.Context().Err() == nil; {
			if _, err := fmt.Fprint(w, chunk); err != nil {
				return
			}
		}
	case providertest.WrongName:
		say(w, http.StatusOK, `{"id":"`+Vault+`/secrets/other/0123","value":"`+providertest.Lie+`","attributes":{"enabled":true}}`)
	case providertest.ProxyPage:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, providertest.Page)
	}
}

// truncate answers as Azure would, up to the middle. What would change something is answered without changing it.
func (f *Faulty) truncate(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	if r.Method == http.MethodGet {
		f.Azure.ServeHTTP(answer, r)
	} else {
		say(answer, http.StatusOK, `{"id":"`+Vault+`/secrets/db-password/1"}`)
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
