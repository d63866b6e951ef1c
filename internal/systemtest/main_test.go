package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tacit/internal/engine/enginetest"
)

// TestMain makes this test binary a child of one of the tests when it is started as one.
func TestMain(m *testing.M) {
	status := enginetest.Main(m, enginetest.Target{}, jobs())
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(status)
}

// built is the directory of the program, once there is one.
var built string

// program builds tacit as it ships, once, and returns its path. It lies where every user may run it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tacit-systemtest")
	if err != nil {
		return "", err
	}
	built = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tacit")
	c := exec.Command("go", "build", "-trimpath", "-o", path, "tacit/cmd/tacit")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", &buildError{err, string(out)}
	}
	return path, os.Chmod(path, 0o755)
})

type buildError struct {
	err error
	out string
}

func (b *buildError) Error() string {
	return "build tacit: " + b.err.Error() + "\n" + strings.TrimSpace(b.out)
}

// tacit returns the path of the program.
func tacit(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// quickDir is a directory for the test, in memory where there is such a place: for tests that are about content, not about disks.
func quickDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tacit-systemtest")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
