package azurekeyvault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/azurekeyvault/azurefake"
	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
)

// works asks for something that needs a token.
func works(t *testing.T, p provider.Provider) error {
	t.Helper()
	_, err := p.Read(t.Context(), "nothing", "")
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secretOfClient+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, credential string
		env              []string
		want             error
	}{
		{"a client and its secret", "client_secret", nil, nil},
		{"chosen by the environment", "", nil, nil},
		{"a wrong secret", "client_secret", []string{"AZURE_CLIENT_SECRET", "wrong-" + secretOfClient}, fault.Denied},
		{"no tenant", "client_secret", []string{"AZURE_TENANT_ID", ""}, fault.Usage},
		{"a federated token", "workload", []string{"AZURE_FEDERATED_TOKEN_FILE", file}, nil},
		{"a federated token, chosen", "", []string{"AZURE_FEDERATED_TOKEN_FILE", file, "AZURE_CLIENT_SECRET", ""}, nil},
		{"no file", "workload", []string{"AZURE_FEDERATED_TOKEN_FILE", file + "2"}, fault.Usage},
		{"no variable", "workload", nil, fault.Usage},
		{"the machine", "managed", []string{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "PLAIN"}, nil},
		{"the machine, by default", "", []string{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "PLAIN", "AZURE_CLIENT_ID", "", "AZURE_CLIENT_SECRET", ""}, nil},
		{"an identity that the machine has not", "managed", []string{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "PLAIN", "AZURE_CLIENT_ID", "other"}, fault.Denied},
		{"no machine of Azure's", "managed", nil, fault.Unavailable},
		{"App Service", "managed", []string{"IDENTITY_ENDPOINT", "PLAIN/msi/token/", "IDENTITY_HEADER", secretOfClient}, nil},
		{"another authority", "client_secret", []string{"AZURE_AUTHORITY_HOST", "http://login.example.com"}, fault.Usage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			variables := env(test.env...)
			for key, value := range variables {
				variables[key] = strings.Replace(value, "PLAIN", p.plain.URL, 1)
			}
			w := world(variables)
			var said strings.Builder
			w.Debug = func(message string, args ...any) { said.WriteString(message) }
			var pairs []any
			if test.credential != "" {
				pairs = []any{"credential", test.credential}
			}
			err := works(t, p.mustOpen(t, w, pairs...))
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			var e *fault.Error
			if err != nil && (strings.Contains(err.Error()+said.String(), secretOfClient) || !errors.As(err, &e) || e.Fix == "") {
				t.Errorf("%v says the secret, or no way out", err)
			}
		})
	}
}

// TestCLI: a program az, which is told no secret and gives a token.
func TestCLI(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the program is a script of sh")
	}
	for name, test := range map[string]struct {
		script string // TOKEN is a good one
		want   error
	}{
		"logged in":     {`[ "$*" = "account get-access-token --output json --resource https://example.com --tenant ` + azurefake.Tenant + `" ] && echo '{"accessToken":"TOKEN","expiresOn":"2026-01-01 00:00:00","expires_on":4102444800}'`, nil},
		"an old az":     {`echo '{"accessToken":"TOKEN","expiresOn":"2026-01-01 00:00:00"}'`, nil},
		"not logged in": {`echo "Please run az login. ` + providertest.Canary + `" >&2; exit 1`, fault.Denied},
		"strange":       {`echo '` + providertest.Canary + `'`, fault.Unavailable},
		"empty":         {`echo '{}'`, fault.Unavailable},
		"two lines":     {`echo '{"accessToken":"a\nb"}'`, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, dir := newPeer(t), t.TempDir()
			script := "#!/bin/sh\n" + strings.ReplaceAll(test.script, "TOKEN", p.Token()) + "\n"
			if err := os.WriteFile(filepath.Join(dir, "az"), []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
				t.Fatal(err)
			}
			w := world(env("AZURE_CLIENT_SECRET", ""))
			w.ChildEnvironment = func(context.Context) ([]string, error) { return []string{"PATH=" + dir + ":/bin:/usr/bin"}, nil }
			err := works(t, p.mustOpen(t, w))
			if !errors.Is(err, test.want) || err != nil && strings.Contains(err.Error(), providertest.Canary) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// TestTokensOfMachinesAreKept: for as long as they say, in whatever form; one that does not say is good for a minute.
func TestTokensOfMachinesAreKept(t *testing.T) {
	t.Parallel()
	on := strconv.FormatInt(start.Add(time.Hour).Unix(), 10)
	for _, test := range []struct {
		says string // empty: what the fake says, which is what App Service says
		good time.Duration
	}{
		{"", time.Hour - 2*time.Minute},
		{`"expires_on":` + on, time.Hour - 2*time.Minute},
		{`"expires_in":"3600"`, time.Hour - 2*time.Minute},
		{`"expires_in":600,"expires_on":"` + on + `"`, 8 * time.Minute},
		{`"expires_on":"06/20/2026 02:57:58 PM +00:00"`, time.Minute},
		{`"expires_on":null`, time.Minute},
		{`"token_type":"Bearer"`, time.Minute},
		{`"expires_in":99999999999999`, 1<<31*time.Second - 2*time.Minute},
	} {
		t.Run(test.says, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			w, now := world(env("IDENTITY_ENDPOINT", p.plain.URL+"/msi/token", "IDENTITY_HEADER", secretOfClient)), start
			w.Now = func() time.Time { return now }
			fake := p.Azure
			tokens := 0
			p.Azure = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/msi/token" {
					tokens++
					if test.says != "" {
						_, _ = fmt.Fprintf(w, `{"access_token":%q,%s}`, p.Token(), test.says)
						return
					}
				}
				fake.ServeHTTP(w, r)
			})
			open := p.mustOpen(t, w, "credential", "managed")
			for _, step := range []struct {
				at   time.Duration
				want int
			}{{0, 1}, {test.good - time.Second, 1}, {test.good, 2}} {
				now = start.Add(step.at)
				if err := works(t, open); err != nil || tokens != step.want {
					t.Errorf("%v later: %d tokens, want %d; %v", step.at, tokens, step.want, err)
				}
			}
		})
	}
}

// TestTokensAreFew: one for many callers at once, a new one before it ends, and one after it was refused.
func TestTokensAreFew(t *testing.T) {
	t.Parallel()
	p, w := newPeer(t), world(env())
	clock := resttest.NewClock(start)
	w.Now = clock.Now
	open := p.mustOpen(t, w)
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
			t.Errorf("%d tokens, want %d", n, want)
		}
	}
	atOnce(1)
	clock.Later(57 * time.Minute)
	atOnce(1)
	clock.Later(2 * time.Minute)
	atOnce(2)
	p.Revoke()
	atOnce(3)
	p.Break(providertest.Expired)
	if err := works(t, open); !errors.Is(err, fault.Denied) || p.Logins() != 4 {
		t.Errorf("refused again and again: %v after %d tokens", err, p.Logins())
	}
}
