package hashivault_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
	"tacit/internal/settings"
)

func table(pairs ...any) *settings.Table { return providertest.Table(pairs...) }

// works asks for something that needs a token.
func works(t *testing.T, p provider.Provider) error {
	t.Helper()
	_, err := p.Read(t.Context(), "nothing", "")
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func TestWaysToLogIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(secretID+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		env   map[string]string
		home  string // what stands in ~/.vault-token
		pairs []any
		want  error
	}{
		{"a token in the configuration", nil, "", []any{"token", root}, nil},
		{"a token below auth", nil, "", []any{"auth", table("token", root)}, nil},
		{"VAULT_TOKEN", map[string]string{"VAULT_TOKEN": root}, "other", nil, nil},
		{"~/.vault-token", nil, root + "\n", nil, nil},
		{"no token", nil, "", nil, fault.Usage},
		{"no token, only a line", nil, "a\nb", nil, fault.Usage},
		{"another token", nil, "other", nil, fault.Denied},
		{"approle", nil, "", []any{"auth", table("approle", table("role_id", "role", "secret_id", secretID))}, nil},
		{"approle, with a file", nil, "", []any{"auth", table("approle", table("role_id", "role", "secret_id_path", file))}, nil},
		{"approle, from the environment", map[string]string{"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": secretID}, "", []any{"auth", table("approle", table())}, nil},
		{"approle without a role", nil, "", []any{"auth", table("approle", table("secret_id", secretID))}, fault.Usage},
		{"approle, no file", nil, "", []any{"auth", table("approle", table("role_id", "role", "secret_id_path", file+"2"))}, fault.Usage},
		{"approle, wrong", nil, "", []any{"auth", table("approle", table("role_id", "role", "secret_id", "wrong"))}, fault.Denied},
		{"approle, mounted nowhere", nil, "", []any{"auth", table("approle", table("role_id", "role", "mount", "nowhere"))}, fault.Usage},
		{"kubernetes", nil, "", []any{"auth", table("kubernetes", table("role", "role", "path", file))}, nil},
		{"kubernetes, not in a pod", nil, "", []any{"auth", table("kubernetes", table("role", "role", "path", dir+"/none"))}, fault.Usage},
		{"jwt", nil, "", []any{"auth", table("jwt", table("role", "role", "jwt", secretID, "mount", "ci"))}, nil},
		{"jwt, with a file", nil, "", []any{"auth", table("jwt", table("role", "role", "path", file, "mount", "ci"))}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, w := newPeer(t), world(t, test.env)
			if test.home != "" {
				if err := os.WriteFile(filepath.Join(w.Home, ".vault-token"), []byte(test.home), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := works(t, p.mustOpen(t, w, append([]any{"path", "kv2"}, test.pairs...)...))
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if err != nil && (strings.Contains(err.Error(), secretID) || strings.Contains(err.Error(), root)) {
				t.Errorf("%v says who we are", err)
			}
		})
	}
}

// loggedIn is a provider with an AppRole, and the clock that it reads.
func loggedIn(t *testing.T, p *peer) (provider.Provider, *resttest.Clock) {
	t.Helper()
	c := resttest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	w := world(t, nil)
	w.Now = c.Now
	return p.mustOpen(t, w, "path", "kv2", "auth", table("approle", table("role_id", "role", "secret_id", secretID))), c
}

// TestLoginsAreFew: one login for many callers at once, a new one before the time of the token is over, and one after it was revoked.
func TestLoginsAreFew(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open, c := loggedIn(t, p)
	atOnce := func(want int) {
		t.Helper()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if err := works(t, open); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := p.Logins(); n != want {
			t.Errorf("%d logins, want %d", n, want)
		}
	}
	atOnce(1)
	c.Later(50 * time.Minute)
	atOnce(1)
	c.Later(5 * time.Minute)
	atOnce(2)
	p.Revoke()
	atOnce(3)
}

// TestDenialIsNoReasonToLogIn: a policy that says no is asked once, and costs no login (which may be counted).
func TestDenialIsNoReasonToLogIn(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open, _ := loggedIn(t, p)
	if err := works(t, open); err != nil {
		t.Fatal(err)
	}
	p.Break(providertest.Denied) // also for the question whether the token is good: then one login is tried, and no more
	p.Asked()
	if err := works(t, open); !errors.Is(err, fault.Denied) {
		t.Error(err)
	}
	if asked := p.Asked(); len(asked) > 3 {
		t.Errorf("asked %q", asked)
	}
}

// TestBlindTokens: denials of a token that may not look itself up cost one login in all, and no more questions then.
func TestBlindTokens(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.NoDefault, p.Denied = true, "kv2/data/secret"
	open, _ := loggedIn(t, p)
	for range 5 {
		if err := works(t, open); err != nil {
			t.Fatal(err)
		}
		if _, err := open.Read(t.Context(), "secret", ""); !errors.Is(err, fault.Denied) {
			t.Error(err)
		}
	}
	if n := p.Logins(); n != 2 {
		t.Errorf("%d logins", n)
	}
	p.Asked()
	if _, err := open.Read(t.Context(), "secret", ""); !errors.Is(err, fault.Denied) || len(p.Asked()) != 1 {
		t.Error(err)
	}
}

// TestSightedTokens: a denial costs no login, and a token that was revoked is replaced as often as that happens.
func TestSightedTokens(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.Denied = "kv2/data/secret"
	open, _ := loggedIn(t, p)
	for want := 1; want < 5; want++ {
		if err := works(t, open); err != nil {
			t.Fatal(err)
		}
		if _, err := open.Read(t.Context(), "secret", ""); !errors.Is(err, fault.Denied) {
			t.Error(err)
		}
		if n := p.Logins(); n != want {
			t.Errorf("%d logins, want %d", n, want)
		}
		p.Revoke()
		if _, err := open.Read(t.Context(), "secret", ""); !errors.Is(err, fault.Denied) { // revoked and denied at once
			t.Error(err)
		}
	}
}

// TestCloseRevokes: the token that we logged in for is given back, once, and not waited for; one of somebody else's is not touched.
func TestCloseRevokes(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open, _ := loggedIn(t, p)
	if err := works(t, open); err != nil || p.Tokens() != 1 {
		t.Fatal(err, p.Tokens())
	}
	p.Asked()
	for range 2 {
		if err := open.Close(); err != nil {
			t.Error(err)
		}
	}
	if asked := p.Asked(); p.Tokens() != 0 || len(asked) != 1 || asked[0] != "POST /v1/auth/token/revoke-self" {
		t.Errorf("%d tokens are left, asked %q", p.Tokens(), asked)
	}

	open = p.mustOpen(t, world(t, nil), "path", "kv2", "token", root)
	if err := works(t, open); err != nil {
		t.Fatal(err)
	}
	p.Asked()
	if err := open.Close(); err != nil || len(p.Asked()) > 0 {
		t.Errorf("a token of the configuration was revoked: %v", err)
	}

	open, _ = loggedIn(t, p)
	if err := works(t, open); err != nil {
		t.Fatal(err)
	}
	p.Break(providertest.Slow)
	begin := time.Now()
	if err := open.Close(); err != nil || time.Since(begin) > 10*time.Second {
		t.Errorf("Close took %v: %v", time.Since(begin), err)
	}
}

// TestLoginIsNotShared: a caller that gives up while it logs in fails alone.
func TestLoginIsNotShared(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open, _ := loggedIn(t, p)
	p.Break(providertest.Slow)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := open.Read(ctx, "nothing", ""); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	p.Break(providertest.None)
	if err := works(t, open); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	for _, test := range []struct {
		pairs []any
		want  string // of the error; empty: there is none
	}{
		{[]any{"cache_ttl", "300s", "max_retries", "3"}, ""},
		{[]any{"path", "a/b", "prefix", "/c/d/", "namespace", "team/x/"}, ""},
		{[]any{"address", ""}, "address is missing"},
		{[]any{"address", "http://vault.example"}, "http://"},
		{[]any{"kv", "3"}, "kv is a number from 1 to 2"},
		{[]any{"path", "../sys"}, "path has segments"},
		{[]any{"path", "/"}, "path is where"},
		{[]any{"prefix", "a/../b"}, "prefix has segments"},
		{[]any{"prefix", "a?b"}, "prefix has segments"},
		{[]any{"namespace", "a\r\nX-Vault-Token: x"}, "namespace holds"},
		{[]any{"ca_pem", "x"}, "ca_pem has no certificate"},
		{[]any{"tokken", "x"}, `unknown key "tokken"`},
		{[]any{"auth", "approle"}, "auth is a table"},
		{[]any{"auth", table()}, "auth names one way"},
		{[]any{"auth", table("approle", table(), "jwt", table())}, "auth names one way"},
		{[]any{"token", root, "auth", table("jwt", table())}, "auth names one way"},
		{[]any{"auth", table("ldap", table())}, "auth names one way"},
		{[]any{"auth", table("jwt", table("rolle", "x"))}, `unknown key "rolle"`},
		{[]any{"auth", table("jwt", table("mount", "../x"))}, "mount has segments"},
	} {
		at, pairs := p, test.pairs
		if pairs[0] == "address" {
			at, pairs = &peer{url: pairs[1].(string)}, nil
		}
		_, err := at.open(t, world(t, nil), pairs...)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test.pairs, err)
		case test.want != "" && (!errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%v: %v, want %s", test.pairs, err, test.want)
		case err != nil && strings.Contains(err.Error(), root):
			t.Errorf("%v says the token", err)
		}
	}
}
