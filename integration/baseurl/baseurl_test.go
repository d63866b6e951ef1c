// Package baseurl_test drives base-URL mode with the programs that people have, as they are: git, curl, and AWS's SDK. Each believes that
// it talks to its service; what it holds is a token.
package baseurl_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A home is a vault of its own, with an agent that has it open. All tests share one: what they add has names of their own.
type home struct {
	dir   string
	proxy string // where base-URL mode is, as http://127.0.0.1:PORT
}

var theHome = sync.OnceValues(func() (*home, error) {
	dir, err := os.MkdirTemp("", "tacit-baseurl")
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir}
	build := exec.Command("go", "build", "-trimpath", "-o", h.tacit(), "./cmd/tacit")
	build.Dir = filepath.Join("..", "..") // the module that ships
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return h, fmt.Errorf("go build: %w\n%s", err, out)
	}
	for _, args := range [][]string{{"init"}, {"unlock", "-q"}} {
		if _, err := h.try("", args...); err != nil {
			return h, err
		}
	}
	// A service of the registry is there from the beginning; its key never is.
	env, err := h.try("", "proxy", "env", "openai", "--json")
	if err != nil {
		return h, err
	}
	var printed struct{ Variables map[string]string }
	if err := json.Unmarshal([]byte(env), &printed); err != nil {
		return h, err
	}
	h.proxy, _, _ = strings.Cut(printed.Variables["OPENAI_BASE_URL"], "/svc/")
	return h, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if h, _ := theHome(); h != nil {
		_, _ = h.try("", "agent", "stop")
		_ = os.RemoveAll(h.dir)
	}
	os.Exit(code)
}

func newHome(t *testing.T) *home {
	t.Helper()
	h, err := theHome()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) tacit() string { return filepath.Join(h.dir, "tacit") }

// environ is what a program gets that a test starts: nothing of this machine's configuration, nothing of the vault.
func (h *home) environ(dir string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
}

// try runs tacit as its owner.
func (h *home) try(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.tacit(), args...)
	cmd.Env = append(h.environ(h.dir), "TACIT_DIR="+filepath.Join(h.dir, "vault"), "TACIT_PASSPHRASE=battery-staple-of-the-tests")
	cmd.Dir = h.dir
	cmd.Stdin = strings.NewReader(stdin)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tacit %s: %w\n%s", strings.Join(args, " "), err, &problem)
	}
	return out.String(), nil
}

func (h *home) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := h.try(stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// serve adds a service, stores its sealed secrets (NAME, value, …), and returns its base URL and a token that may use all of it.
func (h *home) serve(t *testing.T, service, file string, secrets ...string) (base, token string) {
	t.Helper()
	h.run(t, file, "service", "add", "-")
	for i := 0; i < len(secrets); i += 2 {
		h.run(t, secrets[i+1], "set", secrets[i], "--sealed", "--service", service, "-q")
	}
	token = strings.TrimSpace(h.run(t, "", "token", "create", "agent/"+service, "--allow", "use "+service+"/*", "-q"))
	return h.proxy + "/svc/" + service, token
}

// start runs an upstream behind TLS with a CA of its own, and returns what a service file says about where it is.
func start(t *testing.T, h http.Handler) (hosts, network string) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return fmt.Sprintf("hosts: [%q]", s.Listener.Addr()), fmt.Sprintf("network: {allow_private: true, ca_pem: %q}", ca)
}

// A notebook is what an upstream writes down about the requests that it got. It fails the test when a token is among them.
type notebook struct {
	t  *testing.T
	mu sync.Mutex

	lines []string
}

// watch wraps an upstream: it notes each request as f says, after a look at all of it for what must not be there.
func (n *notebook) watch(f func(r *http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := r.Method + " " + r.RequestURI
		for name, values := range r.Header {
			all += "\n" + name + ": " + strings.Join(values, ", ")
		}
		if _, password, ok := r.BasicAuth(); ok {
			all += "\n" + password
		}
		if strings.Contains(all, "tacit_") {
			n.t.Errorf("a token reached the upstream:\n%s", all)
		}
		n.mu.Lock()
		n.lines = append(n.lines, f(r))
		n.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// take returns what was noted since the last time.
func (n *notebook) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	return lines
}

// absent fails when text has one of the secrets.
func absent(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s: it has %q:\n%s", where, s, text)
		}
	}
}

// noise is n bytes that do not compress, the same each time.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, a, b string) {
	t.Helper()
	first, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(b); err != nil || !bytes.Equal(first, second) {
		t.Errorf("%s is not %s: %v", a, b, err)
	}
}

func basicOf(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
