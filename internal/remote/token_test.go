package remote_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/remote"
	"tacit/internal/wire"
)

// byToken is a door that knows nobody but by a token, as the agent's is for those who have one.
func byToken(r *http.Request) (keeper.Caller, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return keeper.Caller{Door: "socket", UID: 1000, Token: val(token)}, nil
}

// TestI18OnOpenConnections: a token that was revoked is refused on the connection that it was good on, and its streams end within a
// second.
func TestI18OnOpenConnections(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k, elsewhere := h.open(), h.open()
	if _, err := k.Set(ctx, near, keeper.SetRequest{Ref: keeper.Ref{Name: "a"}, Value: val("one")}); err != nil {
		t.Fatal(err)
	}
	made, err := k.TokenCreate(ctx, near, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read a", "audit **"}})
	if err != nil {
		t.Fatal(err)
	}
	path := serve(t, k, byToken)
	connect := func(token string) (*remote.Client, *atomic.Int32) {
		var dialled atomic.Int32
		c := remote.New(remote.Options{Version: "test", Token: token, Dial: func(ctx context.Context) (net.Conn, error) {
			dialled.Add(1)
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}})
		t.Cleanup(func() { _ = c.Close() })
		return c, &dialled
	}
	c, dialled := connect(made.Token)
	get := func(c *remote.Client) (string, error) {
		r, err := c.Get(ctx, far, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
		return string(r.Value.Reveal()), err
	}
	if got, err := get(c); err != nil || got != "one" {
		t.Fatalf("%q, %v", got, err)
	}
	following, seen := make(chan error, 1), make(chan struct{}, 1)
	f, _ := connect(made.Token)
	go func() {
		following <- f.AuditFollow(ctx, far, keeper.AuditRequest{}, func(client.AuditRecord) error {
			select {
			case seen <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	<-seen
	if _, err := elsewhere.TokenRevoke(ctx, near, made.ID); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if got, err := get(c); !errors.Is(err, fault.Denied) || got != "" || dialled.Load() != 1 {
		t.Errorf("revoked: %q, %v, over %d connections", got, err, dialled.Load())
	}
	if err := <-following; !errors.Is(err, fault.Denied) || time.Since(began) > time.Second {
		t.Errorf("the stream ended after %v with %v", time.Since(began), err)
	}
	// Forged, cut and absent ones never were good, and what they are told names no token.
	for name, token := range map[string]string{"forged": made.Token[:len(made.Token)-8] + "aaaaaaaa", "cut": made.Token[:20], "none": ""} {
		c, _ := connect(token)
		got, err := get(c)
		if !errors.Is(err, fault.Denied) || got != "" || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestBadTokenIs401: a token that is none, or no longer one, is 401, and says so in the same words whatever is wrong with it; what a
// good one does not permit is 403. Both are exit 5.
func TestBadTokenIs401(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	if _, err := k.Set(ctx, near, keeper.SetRequest{Ref: keeper.Ref{Name: "a"}, Value: val("one")}); err != nil {
		t.Fatal(err)
	}
	soon := h.now.Add(time.Minute)
	create := func(r keeper.TokenRequest) client.TokenCreated {
		t.Helper()
		r.Principal, r.Allow = "agent/demo", []string{"read a"}
		made, err := k.TokenCreate(ctx, near, r)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	good, expired, revoked, used := create(keeper.TokenRequest{}), create(keeper.TokenRequest{ExpiresAt: &soon}), create(keeper.TokenRequest{}), create(keeper.TokenRequest{Uses: 1})
	if _, err := k.TokenRevoke(ctx, near, revoked.ID); err != nil {
		t.Fatal(err)
	}
	elsewhere := newHome(t).open()
	unknown, err := elsewhere.TokenCreate(ctx, near, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read **"}})
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	path := serve(t, h.open(), byToken)

	ask := func(token, name string) (status int, challenge, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://tacit"+wire.Get, strings.NewReader(`{"name":"`+name+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", wire.JSON)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := over(path).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(b)
	}
	for token, name := range map[string]string{good.Token: "a", used.Token: "a"} {
		if status, _, body := ask(token, name); status != http.StatusOK {
			t.Errorf("a good one: %d %s", status, body)
		}
	}
	if status, challenge, body := ask(good.Token, "b"); status != http.StatusForbidden || challenge != "" || !strings.Contains(body, `"exit":5`) {
		t.Errorf("what is not permitted: %d %q %s", status, challenge, body)
	}
	_, _, words := ask(unknown.Token, "a")
	for what, token := range map[string]string{
		"unknown": unknown.Token, "expired": expired.Token, "used up": used.Token, "revoked": revoked.Token,
		"cut": good.Token[:20], "mistyped": good.Token[:len(good.Token)-8] + "aaaaaaaa", "none": "",
	} {
		began := time.Now()
		status, challenge, body := ask(token, "a")
		if status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer") || !strings.Contains(body, `"code":"denied"`) || !strings.Contains(body, `"exit":5`) {
			t.Errorf("%s: %d %q %s", what, status, challenge, body)
		}
		if d := time.Since(began); d < 10*time.Millisecond {
			t.Errorf("%s: answered after %v", what, d)
		}
		if well := what != "cut" && what != "mistyped" && what != "none"; well && body != words {
			t.Errorf("%s: %s\nbut unknown: %s", what, body, words)
		}
	}
}
