package sdk_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tacit/internal/demo"
)

const (
	key   = "demo-key-of-the-sdks-0123456789"
	value = "the value of the key"
)

// built is the program as it ships, made once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tacit-sdk")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "tacit"), "./cmd/tacit")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		_, _ = os.Stderr.Write(out)
		return dir, err
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// A home has a vault, with its agent unlocked.
type home struct {
	t     *testing.T
	dir   string
	bin   string
	token string // may read api/*
}

func newHome(t *testing.T) *home {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	// Not below the directory of the test, whose name may be too long for a socket.
	dir, err := os.MkdirTemp("", "sdk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &home{t: t, dir: dir, bin: bin}
	u, err := demo.Start(demo.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	service, err := u.ServiceFile("openai")
	if err != nil {
		t.Fatal(err)
	}
	h.must(service, "tacit", "service", "add", "-")
	h.must(key, "tacit", "set", "-q", "DEMO_OPENAI_KEY")
	h.must("an older value", "tacit", "set", "api/key")
	h.must(value, "tacit", "set", "api/key")
	h.must(`{"user":"ana","port":5432}`, "tacit", "set", "settings")
	h.must("\xff\x00\x01\x02", "tacit", "set", "--raw", "binary")
	h.must("long gone", "tacit", "set", "old", "--expires", "2020-01-01")
	h.token = strings.TrimSpace(h.must("", "tacit", "token", "create", "agent/test", "--allow", "read api/*"))
	h.must("", "tacit", "unlock", "-q")
	t.Cleanup(func() { _, _, _ = h.do("", "tacit", "agent", "stop") })
	return h
}

// environ is the environment of every program that runs here.
func (h *home) environ() []string {
	return []string{
		"HOME=" + h.dir, "PATH=" + h.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + h.dir, "TMPDIR=" + h.dir,
		"LANG=C.UTF-8", "TEST_TOKEN=" + h.token, "TEST_KEY=" + key, "PYTHONDONTWRITEBYTECODE=1",
	}
}

func (h *home) do(stdin, name string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stdin = h.environ(), strings.NewReader(stdin)
	if name == "tacit" {
		cmd.Path = filepath.Join(h.bin, name)
		cmd.Err = nil
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (h *home) must(stdin, name string, args ...string) string {
	h.t.Helper()
	stdout, stderr, err := h.do(stdin, name, args...)
	if err != nil {
		h.t.Fatalf("%s %q: %v\n%s%s", name, args, err, stdout, stderr)
	}
	return stdout
}

// suite runs the tests of an SDK in its own language. What they print holds no secret, also when they fail.
func (h *home) suite(name string, args ...string) {
	h.t.Helper()
	stdout, stderr, err := h.do("", name, args...)
	if strings.Contains(stdout+stderr, key) {
		h.t.Error("the output shows the key of the service")
	}
	if err != nil {
		h.t.Fatalf("%s %q: %v\n%s%s", name, args, err, stdout, stderr)
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("js", "test", "*.test.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatal("no tests: ", err)
	}
	newHome(t).suite("node", append([]string{"--test"}, files...)...)
}

func TestPython(t *testing.T) {
	t.Parallel()
	newHome(t).suite("python3", "-W", "error", "-m", "unittest", "discover", "--start-directory", filepath.Join("python", "tests"), "--top-level-directory", "python")
}

// Every file of the package is one that Python reads, and typed: mypy says so where it is installed.
func TestPythonIsTyped(t *testing.T) {
	t.Parallel()
	mypy, err := exec.LookPath("mypy")
	if err != nil {
		t.Skip("mypy is not installed: make test-deps")
	}
	cmd := exec.Command(mypy, "--cache-dir", t.TempDir(), "tacit")
	cmd.Dir = "python"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
