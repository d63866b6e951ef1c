package cli_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// stranger is the uid under which tests run a process whose rights count: root may everything.
const stranger = 65501

// TestI09UndumpableBeforeAPassphraseIsRead looks at tacit while it waits at a passphrase prompt: its own user must not be able
// to read its memory or attach to it. The kernel shows that by giving the files below /proc/PID to root.
func TestI09UndumpableBeforeAPassphraseIsRead(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to run as another user")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "tacit") // where the other user can execute it
	copyFile(t, bin)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, stranger, stranger); err != nil {
		t.Fatal(err)
	}
	for p := dir; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil { //nolint:gosec // holds a program, for another user to run
			t.Fatal(err)
		}
	}

	cmd := exec.Command(bin, "init", "--passphrase")
	cmd.Dir = data
	cmd.Env = []string{"TACIT_DIR=" + data, "HOME=" + data}
	tty, err := pty.StartWithAttrs(cmd, nil, &syscall.SysProcAttr{
		Setsid: true, Setctty: true, Credential: &syscall.Credential{Uid: stranger, Gid: stranger},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := watch(t, cmd, tty)
	s.expectHidden("New passphrase: ")

	proc := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid))
	for _, file := range []string{"mem", "environ", "maps"} {
		info, err := os.Stat(filepath.Join(proc, file))
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
			t.Errorf("%s of a process that reads a passphrase belongs to uid %d", file, uid)
		}
	}
	read := exec.Command("cat", filepath.Join(proc, "environ"))
	read.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	if out, err := read.CombinedOutput(); err == nil {
		t.Errorf("another process of the user can read the environment: %q", out)
	}
}

// copyFile copies this test binary, which is tacit when it is called by that name.
func copyFile(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755) //nolint:gosec // a program
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
