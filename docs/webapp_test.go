//go:build unix

package docs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode/utf16"
)

// TestWebApp goes through the page of the sample project as it is written, with a PostgreSQL of its own, and then looks for the secrets.
func TestWebApp(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: the name is too long for the agent's socket.
	home, err := os.MkdirTemp("", "webapp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	install(t, build(t), home)
	if err := os.CopyFS(filepath.Join(home, "webapp"), os.DirFS(filepath.Join(root, "examples", "webapp"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(home, "webapp", "deploy.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	data, port := startPostgres(t)
	deployments := newDeployments(t)
	given := "export TMPDIR=$HOME WEBAPP_PGPORT=" + strconv.Itoa(port) + " WEBAPP_DEPLOY_URL=" + deployments.url + "\n"

	if out, err := follow(home, false, "TACIT_PASSPHRASE='correct horse battery staple' sh -c 'tacit init -q --passphrase && tacit unlock -q'"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { _, _ = follow(home, false, "tacit agent stop") })
	var said strings.Builder
	page := read(t, filepath.Join(root, "examples", "webapp", "README.md"))
	for _, b := range blocks(page) {
		if slices.Contains(b.attrs, "no-run") {
			continue
		}
		script, want := instrument(b.script)
		out, err := follow(home, false, given+script)
		if err != nil {
			t.Fatalf("README.md:%d: %v\n%s\n%s", b.line, err, b.script, out)
		}
		for _, w := range missing(out, want) {
			t.Errorf("README.md:%d: the output lacks %q:\n%s\n%s", b.line, w, b.script, out)
		}
		said.WriteString(out)
	}

	secrets := map[string]string{"the passphrase": "correct horse battery staple"}
	names, err := follow(home, false, "tacit list --names")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		value, err := follow(home, false, "tacit get "+name)
		if err != nil {
			t.Fatal(err, value)
		}
		secrets[name] = value
	}
	if len(secrets) != 5 {
		t.Errorf("%d secrets: %s", len(secrets), names)
	}
	if got := deployments.tokens(); len(got) != 1 || got[0] != "Bearer "+secrets["webapp/deploy-token"] {
		t.Errorf("the deployment service got %d requests, or another token", len(got))
	}
	for name, value := range secrets {
		for _, form := range canaries(value) {
			if strings.Contains(said.String(), form) && name != "webapp/deploy-token" { // which the page sets, and does not print
				t.Errorf("the output shows %s", name)
			}
		}
	}
	for _, dir := range []string{home, data} {
		scan(t, dir, secrets)
	}
}

// canaries are the forms in which a secret is looked for: plain, base64 at three alignments, hex, UTF-16.
func canaries(value string) []string {
	var all []string
	for at := range 3 { // what encodes neighbours' bits is cut off
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", at) + value))
		all = append(all, strings.TrimRight(b[(at*8+5)/6:], "=")[:len(value)])
	}
	var wide bytes.Buffer
	for _, u := range utf16.Encode([]rune(value)) {
		wide.Write([]byte{byte(u), byte(u >> 8)})
	}
	return append(all, value, hex.EncodeToString([]byte(value)), wide.String())
}

// The look for secrets finds them.
func TestCanaries(t *testing.T) {
	t.Parallel()
	value := "a secret ✓ of some length"
	for at := range 3 {
		text := strings.Repeat("-", at) + value + "--"
		for _, written := range []string{text, base64.StdEncoding.EncodeToString([]byte(text)), hex.EncodeToString([]byte(text))} {
			if !slices.ContainsFunc(canaries(value), func(form string) bool { return strings.Contains(written, form) }) {
				t.Errorf("not found in %q", written)
			}
		}
	}
}

// scan looks for secrets in every file below a directory. The README alone may hold one: the token that it sets.
func scan(t *testing.T, dir string, secrets map[string]string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a database goes on working
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files++
		for name, value := range secrets {
			for _, form := range canaries(value) {
				if bytes.Contains(b, []byte(form)) && !(d.Name() == "README.md" && name == "webapp/deploy-token") {
					t.Errorf("%s holds %s", path, name)
				}
			}
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("scan %s: %d files: %v", dir, files, err)
	}
}

// deployments is the service that the deployment goes to.
type deployments struct {
	url string
	mu  sync.Mutex
	got []string
}

func newDeployments(t *testing.T) *deployments {
	d := new(deployments)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.URL.Path != "/regions/eu-1/webapp" {
			http.NotFound(w, r)
			return
		}
		d.got = append(d.got, r.Header.Get("Authorization"))
	}))
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

func (d *deployments) tokens() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

// startPostgres starts a server on 127.0.0.1 whose administrator needs no password there and everybody else does, and returns where its data is.
func startPostgres(t *testing.T) (data string, port int) {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		t.Skip("PostgreSQL is not installed: make test-deps")
	}
	bin := programs[len(programs)-1]
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// It does not run as root.
	var as *syscall.SysProcAttr
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	data = filepath.Join(dir, "data")
	do := func(program string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, program), args...)
		cmd.Dir, cmd.SysProcAttr, cmd.Env = dir, as, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
		log, err := os.Create(filepath.Join(dir, program+".log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log // files: a server that goes on would keep a pipe open
		if err := cmd.Run(); err != nil {
			said, _ := os.ReadFile(log.Name())
			more, _ := os.ReadFile(filepath.Join(dir, "server.log"))
			t.Fatalf("%s: %v\n%s%s", program, err, said, more)
		}
	}
	do("initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync")
	trust := "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(trust), 0o644); err != nil {
		t.Fatal(err)
	}
	port = freePort(t)
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off", port)
	do("pg_ctl", "--pgdata", data, "--wait", "--log", filepath.Join(dir, "server.log"), "--options", options, "start")
	t.Cleanup(func() { do("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop") })
	return data, port
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
