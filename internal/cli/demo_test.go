package cli_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tacit/internal/demo"
)

// lure is where nothing of a built-in service may ever arrive: an upstream that anybody may trust who wants to, and a proxy.
type lure struct {
	upstream *demo.Upstream
	proxy    net.Listener
	requests atomic.Int32 // that the upstream got
	dialled  atomic.Int32 // connections to the proxy
}

func newLure(t *testing.T) *lure {
	t.Helper()
	l := &lure{}
	u, err := demo.Start(demo.Options{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { l.requests.Add(1) })})
	if err != nil {
		t.Fatal(err)
	}
	l.upstream = u
	if l.proxy, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.proxy.Accept()
			if err != nil {
				return
			}
			l.dialled.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = u.Close()
		_ = l.proxy.Close()
		<-done
	})
	return l
}

// environ is every variable that moves a host, adds an authority or loosens something in one program or another.
func (l *lure) environ(t *testing.T, home string) []string {
	t.Helper()
	ca := filepath.Join(home, "certs", "ca.pem")
	aliases := filepath.Join(home, "aliases")
	host, _, _ := net.SplitHostPort(l.upstream.Address())
	for file, text := range map[string]string{ca: l.upstream.Authority(), aliases: "api.openai.com " + host + "\n"} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{
		"SSL_CERT_FILE=" + ca, "SSL_CERT_DIR=" + filepath.Dir(ca), "CURL_CA_BUNDLE=" + ca, "REQUESTS_CA_BUNDLE=" + ca, "NODE_EXTRA_CA_CERTS=" + ca,
		"OPENAI_BASE_URL=https://" + l.upstream.Address() + "/v1", "OPENAI_API_BASE=https://" + l.upstream.Address() + "/v1",
		"HOSTALIASES=" + aliases, "LOCALDOMAIN=localhost", "RES_OPTIONS=timeout:1 attempts:1", "NO_PROXY=", "no_proxy=",
		"GODEBUG=http2debug=2,netdns=go,x509usefallbackroots=1,tls10server=1,tlsrsakex=1,tlssha1=1", "NODE_TLS_REJECT_UNAUTHORIZED=0",
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		env = append(env, name+"=http://"+l.proxy.Addr().String())
	}
	return env
}

// I22: no variable and no flag moves a built-in service to another host, adds an authority or loosens the guard of addresses. What
// reaches another host is a service of the user's own, with a secret of its own.
func TestI22NothingMovesABuiltInService(t *testing.T) {
	t.Parallel()
	const key = "sk-example-0123456789abcdef"
	l, home := newLure(t), t.TempDir()
	env := append(os.Environ(), "HOME="+home, "USERPROFILE="+home, "GORACE="+goRace, "TACIT_DIR="+filepath.Join(home, "tacit"))
	moved := append(env, l.environ(t, home)...)
	tacit := func(env []string, stdin string, args ...string) (out []byte, exit string) {
		t.Helper()
		cmd := exec.Command("tacit", args...)
		cmd.Dir, cmd.Env, cmd.Stdin = home, env, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return out, exitCode(err)
	}
	if out, exit := tacit(env, key, "set", "-q", "OPENAI_API_KEY"); exit != "0" {
		t.Fatalf("%s", out)
	}
	openAI := func(args ...string) []string {
		return append([]string{"invoke", "openai/models", "--timeout", "3s"}, args...)
	}
	at := l.upstream.Address()
	for name, args := range map[string][]string{
		"variables":        openAI(),
		"Host":             openAI("--header", "Host="+at),
		"forwarded":        openAI("--header", "X-Forwarded-Host="+at),
		"absolute":         openAI("--path", "https://"+at+"/v1/models"),
		"another host":     openAI("--path", "//"+at+"/v1/models"),
		"backslashes":      openAI("--path", `/\`+at+`/v1/models`),
		"userinfo":         openAI("--path", "@"+at+"/v1/models"),
		"credential":       openAI("--credential", "demo"),
		"an option of tls": openAI("--insecure"),
		"a proxy":          openAI("--proxy", "http://"+l.proxy.Addr().String()),
		"an authority":     openAI("--cacert", filepath.Join(home, "certs", "ca.pem")),
		"resolve":          openAI("--resolve", "api.openai.com:443:127.0.0.1"),
	} {
		t.Run(name, func(t *testing.T) {
			out, exit := tacit(moved, "", args...)
			// Without a key that OpenAI knows there is no way to succeed: 5 from OpenAI or from us, 7 without a network, 2 for what is no flag.
			if exit != "5" && exit != "7" && exit != "2" && exit != "3" {
				t.Errorf("exit %s: %s", exit, out)
			}
			if bytes.Contains(out, []byte(key)) {
				t.Errorf("the key is shown: %s", out)
			}
		})
	}

	file, err := l.upstream.ServiceFile("openai")
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]struct{ old, new string }{
		"the id":            {"service: demo-openai", "service: openai"},
		"the secret":        {"DEMO_OPENAI_KEY: secret", "OPENAI_API_KEY: secret"},
		"an alias":          {"auth:\n", "aliases: {ai.openai.api_key: DEMO_OPENAI_KEY}\nauth:\n"},
		"a capability's id": {"demo-openai/models\n", "openai/models\n"},
	} {
		t.Run("claims "+name, func(t *testing.T) {
			claim := strings.Replace(file, from.old, from.new, 1)
			if claim == file {
				t.Fatal("nothing was claimed")
			}
			if out, exit := tacit(env, claim, "service", "add", "-"); exit == "0" {
				t.Errorf("added: %s", out)
			}
		})
	}

	// The user's own service goes where its file says; even so the key of another does not go with it.
	if out, exit := tacit(env, file, "service", "add", "-"); exit != "0" {
		t.Fatalf("%s", out)
	}
	for _, args := range [][]string{
		{"credential", "create", "other", "--service", "demo-openai", "--secret", "OPENAI_API_KEY"},
		{"credential", "create", "other", "--service", "openai", "--secret", "OPENAI_API_KEY", "--host", at},
		{"capability", "bind", "demo-openai/models", "openai"},
	} {
		if out, exit := tacit(moved, "", args...); exit == "0" {
			t.Errorf("%v: %s", args, out)
		}
	}
	if l.requests.Load() != 0 || l.dialled.Load() != 0 {
		t.Errorf("%d requests arrived, and %d connections to the proxy", l.requests.Load(), l.dialled.Load())
	}

	// It is no lure if nothing can be caught: with a key of its own the demo service is reached, past the proxy.
	if out, exit := tacit(moved, "another-key-0123456789", "set", "-q", "DEMO_OPENAI_KEY"); exit != "0" {
		t.Fatalf("%s", out)
	}
	if out, exit := tacit(moved, "", "invoke", "demo-openai/models"); exit != "0" || l.requests.Load() != 1 || l.dialled.Load() != 0 {
		t.Errorf("exit %s, %d requests, %d connections to the proxy: %s", exit, l.requests.Load(), l.dialled.Load(), out)
	}
	// Without ca_pem its authority is unknown, whatever the variables say; without allow_private its address is refused.
	ca := file[strings.Index(file, "  ca_pem: |"):]
	for name, changed := range map[string]string{
		"ca_pem":        strings.Replace(file, ca, "", 1),
		"allow_private": strings.Replace(file, "  allow_private: true\n", "", 1),
	} {
		if out, exit := tacit(env, changed, "service", "add", "-", "--repin"); exit != "0" {
			t.Fatalf("%s", out)
		}
		if out, exit := tacit(moved, "", "invoke", "demo-openai/models"); exit != "7" && exit != "5" || l.requests.Load() != 1 {
			t.Errorf("without %s: exit %s, %d requests: %s", name, exit, l.requests.Load(), out)
		}
	}
}
