package baseurl_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/cgi" //nolint:gosec // what was wrong with it in Go 1.6
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A gitHome is somebody's machine with git on it, and nothing of tacit's but a token.
type gitHome struct {
	*home
	dir string
}

func (g *gitHome) try(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(
		g.environ(g.dir), "GIT_TRACE_CURL=1", "GIT_TRACE_REDACT=0", // all that goes over the wire, on standard error
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@acme.example", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@acme.example",
	)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// run runs git, and fails when it fails or sees the secret.
func (g *gitHome) run(t *testing.T, dir, secret string, args ...string) string {
	t.Helper()
	out, err := g.try(t, dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, lastOf(out))
	}
	absent(t, "what git got", out, secret)
	return out
}

func lastOf(s string) string { return s[max(0, len(s)-8000):] }

// git clones, fetches and pushes with a token as its password: from its configuration, from a credential helper, from the address.
func TestGitClonesFetchesAndPushes(t *testing.T) {
	t.Parallel()
	const user, password = "acme-bot", "password-of-the-git-tests-0123456789"
	h := newHome(t)
	g := &gitHome{h, t.TempDir()}

	// The server: git's own, behind a door that lets nobody in but with the password.
	root := t.TempDir()
	bare := filepath.Join(root, "team", "repo.git")
	g.run(t, root, password, "init", "--bare", "--initial-branch=main", bare)
	g.run(t, bare, password, "config", "http.receivepack", "true")
	core := strings.TrimSpace(g.run(t, root, password, "--exec-path"))
	core = core[strings.LastIndexByte(core, '\n')+1:]
	backend := &cgi.Handler{
		Path: filepath.Join(core, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "PATH=" + os.Getenv("PATH")},
	}
	seen := &notebook{t: t}
	note := func(r *http.Request) string {
		return fmt.Sprintf("%s %s %s %s %v", r.Method, r.URL.Path, r.Header.Get("Content-Encoding"), r.Header.Get("Git-Protocol"), r.TransferEncoding)
	}
	hosts, network := start(t, seen.watch(note, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "not you", http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization") // net/http/cgi would hand it to the program
		if len(r.TransferEncoding) > 0 {
			r.TransferEncoding = nil // it knows chunks only as a reason to refuse; git-http-backend reads to the end
		}
		backend.ServeHTTP(w, r)
	})))
	base, token := h.serve(t, "acme-git", fmt.Sprintf(`
service: acme-git
%s
secrets: {ACME_GIT_PASSWORD: secret}
auth:
  basic: {username: %s, password: "{{secret}}"}
capabilities:
  - {id: acme-git/refs, methods: [GET], paths: ["/{team}/{repo}/info/refs$"], risk: read}
  - {id: acme-git/fetch, methods: [POST], paths: ["/{team}/{repo}/git-upload-pack$"], risk: read}
  - {id: acme-git/push, methods: [POST], paths: ["/{team}/{repo}/git-receive-pack$"], risk: write}
%s
`, hosts, user, network), "ACME_GIT_PASSWORD", password)
	address := base + "/team/repo.git"
	with := func(user *url.Userinfo) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = user
		return u.String()
	}

	// The token from a credential helper, as people have it in their configuration.
	store := filepath.Join(g.dir, "credentials")
	if err := os.WriteFile(store, []byte(strings.TrimSuffix(with(url.UserPassword(user, token)), "/svc/acme-git/team/repo.git")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.run(t, root, password, "config", "--global", "credential.helper", "store --file="+store)
	work := filepath.Join(g.dir, "work")
	g.run(t, g.dir, password, "clone", address, work)

	// Many small files and a large one that does not compress: the pack is more than http.postBuffer, and goes in chunks.
	for i := range 300 {
		write(t, filepath.Join(work, fmt.Sprintf("file-%d", i)), []byte(fmt.Sprintln("file", i)))
	}
	write(t, filepath.Join(work, "large"), noise(4<<20))
	g.run(t, work, password, "checkout", "-q", "-B", "main")
	g.run(t, work, password, "add", ".")
	g.run(t, work, password, "commit", "-q", "-m", "first")
	seen.take()
	g.run(t, work, password, "push", "origin", "main")
	if got := strings.Join(seen.take(), "\n"); !strings.Contains(got, "git-receive-pack") || !strings.Contains(got, "[chunked]") {
		t.Errorf("the push did not go in chunks:\n%s", got)
	}
	if there, here := g.run(t, bare, password, "rev-parse", "main"), g.run(t, work, password, "rev-parse", "main"); there != here {
		t.Errorf("the server has %s, the client %s", there, here)
	}

	// The token in the address.
	second := filepath.Join(g.dir, "second")
	g.run(t, root, password, "config", "--global", "--unset", "credential.helper")
	g.run(t, g.dir, password, "clone", with(url.UserPassword("whoever", token)), second)
	same(t, filepath.Join(work, "large"), filepath.Join(second, "large"))

	// Many commits that the server does not have: what git says it has, when it fetches, is more than a kilobyte, which it sends as gzip.
	g.run(t, work, password, "commit", "-q", "--allow-empty", "-m", "of work")
	for i := range 40 {
		g.run(t, second, password, "commit", "-q", "--allow-empty", "-m", fmt.Sprintln("of second", i))
	}
	// The token as it is given to actions/checkout: as a header.
	seen.take()
	g.run(t, work, password, "-c", "http.extraHeader=Authorization: Basic "+basicOf(user, token), "push", "origin", "main")
	for _, protocol := range []string{"2", "0"} {
		seen.take()
		g.run(t, second, password, "-c", "protocol.version="+protocol, "fetch", "origin")
		if protocol == "2" {
			if got := strings.Join(seen.take(), "\n"); !strings.Contains(got, "gzip version=2") {
				t.Errorf("no request was compressed, or of protocol 2:\n%s", got)
			}
			g.run(t, second, password, "update-ref", "-d", "refs/remotes/origin/main") // to be fetched once more
		}
	}
	if there, here := g.run(t, work, password, "rev-parse", "main"), g.run(t, second, password, "rev-parse", "origin/main"); there != here {
		t.Errorf("pushed %s, fetched %s", there, here)
	}

	// Anywhere else the token opens nothing, and nothing is asked of the server.
	seen.take()
	for name, args := range map[string][]string{
		"no token":        {"ls-remote", address},
		"another header":  {"-c", "http.extraHeader=X-Token: " + token, "ls-remote", address},
		"query":           {"ls-remote", base + "/team/repo.git?token=" + token},
		"path":            {"ls-remote", base + "/" + token + "/team/repo.git"},
		"header and URL":  {"-c", "http.extraHeader=Private-Token: " + token, "ls-remote", with(url.UserPassword(user, token))},
		"password itself": {"ls-remote", with(url.UserPassword(user, "a-password"))},
	} {
		if out, err := g.try(t, g.dir, args...); err == nil {
			t.Errorf("%s: git is let in\n%s", name, lastOf(out))
		}
	}
	// What a capability does not allow: a dumb fetch of a file of the repository.
	if status, shown := h.curl(t, "", "-u", user+":"+token, address+"/config"); status != "403" {
		t.Errorf("status %s\n%s", status, shown)
	}
	if got := seen.take(); got != nil {
		t.Errorf("the server got %q", got)
	}
}
