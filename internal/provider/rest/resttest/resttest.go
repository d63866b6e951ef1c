// Package resttest lets the fakes of stores that speak HTTP misbehave in the ways of providertest that have nothing to do with what they
// store.
package resttest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"tacit/internal/provider/providertest"
)

// Write answers as fault f does, and reports whether it did: what is left are the faults that a store has its own words for. honest is
// the answer that a truncated one is cut from; nil for requests that change something, which is not to happen.
func Write(f providertest.Fault, w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) bool {
	switch f {
	case providertest.Failing:
		http.Error(w, "\x1b[31m"+providertest.Canary, http.StatusInternalServerError)
	case providertest.Down:
		panic(http.ErrAbortHandler) // net/http ends the connection without an answer
	case providertest.Slow:
		_, _ = io.Copy(io.Discard, r.Body) // before that, net/http does not see that the client hangs up
		<-r.Context().Done()
	case providertest.Garbage:
		_, _ = w.Write([]byte(providertest.Noise))
	case providertest.Truncated:
		truncated(w, r, honest)
	case providertest.Huge:
		part := []byte(strings.Repeat(" ", 1<<16))
		for range 1 << 10 { // 64 MiB, or until nobody listens any more
			if _, err := w.Write(part); err != nil {
				return true
			}
		}
	case providertest.ProxyPage:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(providertest.Page))
	default:
		return false
	}
	return true
}

// truncated sends the first half of the honest answer, as if it were the whole.
func truncated(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
	body, status := `{"a":`, http.StatusOK
	if honest != nil {
		kept := httptest.NewRecorder()
		honest(kept, r)
		for name, values := range kept.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		body, status = kept.Body.String(), kept.Code
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body[:(len(body)+1)/2]))
}

// Throttle sets the Retry-After of a store that is throttled.
func Throttle(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(providertest.Wait.Seconds())))
}
