package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// inLogin runs shell commands in a login session of their own: a private bus with a gnome-keyring that was unlocked, both gone
// afterwards. The keyring's files are below the user's home, which outlives the session.
func (u *user) inLogin(commands string) string {
	u.t.Helper()
	runtime := u.t.TempDir()
	if err := os.Chmod(runtime, 0o700); err != nil {
		u.t.Fatal(err)
	}
	const session = `
gnome-keyring-daemon --foreground --unlock --components=secrets --control-directory="$XDG_RUNTIME_DIR" < <(printf login-password) >/dev/null 2>&1 &
keyring=$!
trap 'kill $keyring; wait $keyring 2>/dev/null || true' EXIT
for i in $(seq 400); do
	dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets |
		grep -q 'boolean true' && break
	sleep 0.05
done
`
	c := exec.Command("dbus-run-session", "--", "bash", "-euc", session+commands)
	c.Env = append(u.command().Env, "XDG_RUNTIME_DIR="+runtime, "XDG_DATA_HOME="+filepath.Join(u.home, ".local/share"),
		"PATH="+filepath.Dir(tacit(u.t))+":"+os.Getenv("PATH"))
	c.Dir = u.home
	c.SysProcAttr = noTerminal()
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		u.t.Fatalf("%v\n%s%s", err, out, errs.String())
	}
	return string(out)
}

// TestKeyringSlot makes a vault that the keyring opens, uses it after a new login, and takes the slot away again.
func TestKeyringSlot(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	if got := u.inLogin(`tacit -q init --keyring >/dev/null; printf kept | tacit -q set a >/dev/null; tacit get a`); got != "kept" {
		t.Fatalf("in the login that made it: %q", got)
	}
	if got := u.inLogin(`tacit get a`); got != "kept" {
		t.Fatalf("in the next login: %q", got)
	}
	begun := time.Now()
	u.fails(6, "locked", "locked|keyring", "", "get", "a") // no session here: told at once, and not hanging
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("without a session it took %v", took)
	}
	got := u.inLogin(`
		secret-tool search --all service tacit 2>/dev/null | grep -c '^\[' || true
		tacit -q slot add key-file id.txt >/dev/null
		tacit -q slot rm 1 --force >/dev/null
		secret-tool search --all service tacit 2>/dev/null | grep -c '^\[' || true`)
	if got != "1\n0\n" {
		t.Errorf("items in the keyring before and after the slot was removed: %q", got)
	}
	if got := u.ok("", "get", "a"); got != "kept" {
		t.Errorf("by the key file: %q", got)
	}
}

// TestPluginSlot wraps and unwraps a slot by an age plugin, through the program. The plugin that was on PATH when the slot was added is
// the one that is used.
func TestPluginSlot(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	bin := filepath.Join(u.home, "bin")
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "age-plugin-tacittest"), "../envelope/testdata/age-plugin-tacittest")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity := plugin.EncodeIdentity("tacittest", []byte(key.String()))
	path := u.env
	u.env = append(path, "PATH="+bin+":"+os.Getenv("PATH"))
	u.ok("", "init", "--recipient", plugin.EncodeRecipient("tacittest", []byte(key.Recipient().String())))
	u.env = append(path, "TACIT_IDENTITY="+identity) // not on PATH any more
	u.ok("kept", "set", "a")
	if got := u.ok("", "get", "a"); got != "kept" {
		t.Errorf("by the plugin: %q", got)
	}
	u.ok("", "rotate-root")
	if got := u.ok("", "get", "a"); got != "kept" {
		t.Errorf("by the plugin, after a rotation: %q", got)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	u.env = append(path, "TACIT_IDENTITY="+plugin.EncodeIdentity("tacittest", []byte(other.String())))
	u.fails(4, "wrong_key", "", "", "get", "a")
}
