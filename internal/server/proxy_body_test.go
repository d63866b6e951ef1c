package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tacit/internal/keeper"
	"tacit/internal/server"
)

// asked counts the uses that come through, and keeps the last one.
type asked struct {
	canned
	uses atomic.Int32
	last keeper.UseRequest
}

func (a *asked) Use(ctx context.Context, c keeper.Caller, r keeper.UseRequest) (*keeper.Used, error) {
	a.uses.Add(1)
	a.last = r
	return a.canned.Use(ctx, c, r)
}

// proxied sends a request to base-URL mode, and returns the answer.
func proxied(t *testing.T, api keeper.Services, method, token string, body io.Reader) (status int, header http.Header, text string) {
	t.Helper()
	h := httptest.NewUnstartedServer(nil)
	h.Config.Handler = server.NewProxy(server.ProxyOptions{API: api, Host: func() string { return h.Listener.Addr().String() }})
	h.Start()
	defer h.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+"/svc/acme/things", body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := h.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(all)
}

// A small body that has the token is never asked about: nothing of its request leaves. One without it can be sent twice.
func TestI32SmallBodyIsLookedThrough(t *testing.T) {
	t.Parallel()
	token := "tacit_" + strings.Repeat("a", 58)
	for _, size := range []int{0, 100, 32<<10 - len(token)} {
		a := &asked{}
		body := strings.Repeat("x", size)
		if status, _, text := proxied(t, a, http.MethodPost, token, strings.NewReader(body+token)); status != http.StatusBadRequest || a.uses.Load() != 0 {
			t.Errorf("%d bytes before the token: %d, %d uses: %s", size, status, a.uses.Load(), text)
		}
		body += token[1:]
		status, _, text := proxied(t, a, http.MethodPost, token, strings.NewReader(body))
		if status != http.StatusOK || text != "POST /things "+body || a.last.ContentLength != int64(len(body)) {
			t.Errorf("a body of %d bytes: %d, %.100s", len(body), status, text)
		}
		if _, ok := a.last.Body.(io.ReadSeeker); !ok {
			t.Errorf("a body of %d bytes cannot be sent again", len(body))
		}
	}
	// A large one is not kept: it goes on as it comes, up to the token.
	a := &asked{}
	large := strings.Repeat("x", 1<<20)
	if status, _, text := proxied(t, a, http.MethodPost, token, strings.NewReader(large+token)); status == http.StatusOK || strings.Contains(text, token) {
		t.Errorf("%d: %.100s", status, text)
	}
	if _, ok := a.last.Body.(io.Seeker); ok {
		t.Error("a large body was read as a whole")
	}
}

// git sends a password only when it was asked for one (RFC 9110, section 11.6.1).
func TestProxyAsksForATokenInBothWays(t *testing.T) {
	t.Parallel()
	status, header, _ := proxied(t, canned{}, http.MethodGet, "", nil)
	want := []string{`Bearer realm="tacit"`, `Basic realm="tacit"`}
	if got := header.Values("WWW-Authenticate"); status != http.StatusUnauthorized || !slices.Equal(got, want) {
		t.Errorf("%d, %q", status, got)
	}
}
