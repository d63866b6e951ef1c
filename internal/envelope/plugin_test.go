package envelope

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"tacit/internal/fault"
)

// builtPlugin is the test plugin, built once.
var builtPlugin = sync.OnceValues(func() (program string, err error) {
	dir, err := os.MkdirTemp("", "tacittest")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "age-plugin-tacittest")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/age-plugin-tacittest").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	b, err := os.ReadFile(path)
	return string(b), err
})

// withPlugin installs the test plugin (testdata/age-plugin-tacittest) on the machine and returns the recipient and identity of a
// key that it has.
func withPlugin(m *machine) (recipient, identity string) {
	m.t.Helper()
	program, err := builtPlugin()
	if err != nil {
		m.t.Fatal(err)
	}
	m.write("bin/age-plugin-tacittest", program, 0o755)
	m.LookPath = func(file string) (string, error) { return m.path("bin/" + file), nil }
	m.Environ = []string{"TACITTEST_LOG=" + m.path("log"), "TACITTEST_KEY=" + m.path("default.txt")}
	k, err := age.GenerateX25519Identity()
	if err != nil {
		m.t.Fatal(err)
	}
	m.write("default.txt", k.String(), 0o600)
	return plugin.EncodeRecipient("tacittest", []byte(k.Recipient().String())), plugin.EncodeIdentity("tacittest", []byte(k.String()))
}

func TestPluginSlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	recipient, identity := withPlugin(m)
	s := m.make("1", Spec{Kind: SlotRecipient, Recipient: recipient})
	if s.Plugin != m.path("bin/age-plugin-tacittest") || s.Recipient != recipient {
		t.Errorf("slot: %q %q", s.Plugin, s.Recipient)
	}
	// From here on PATH would find nothing, or something else.
	m.LookPath = nil

	m.env["TACIT_IDENTITY"] = identity
	m.opens("1", s)
	delete(m.env, "TACIT_IDENTITY")
	m.IdentityFiles = []string{m.write("plugin.txt", "# a plugin's key\n"+identity+"\n", 0o600)}
	m.opens("1", s)
	m.IdentityFiles = nil
	m.opens("1", s) // with the plugin's default identity
	again, _, err := m.Remake(t.Context(), s, nil, 2, m.root)
	if err != nil {
		t.Fatal(err)
	}
	m.opens("1", again)

	m.write("default.txt", strings.TrimSpace(newX25519(t)), 0o600)
	m.fails(fault.Locked, "slot 1 (age plugin)|TACIT_IDENTITY_FILE", s)

	m.Environ = append(m.Environ, "TACITTEST_PIN=1")
	m.IdentityFiles = []string{m.path("plugin.txt")}
	m.fails(fault.Locked, "wrong PIN", s)
	m.atTerminal("1234").opens("1", s)
	if len(m.asked) != 1 || m.asked[0] != "tacittest: PIN: " {
		t.Errorf("asked %q", m.asked)
	}
}

func newX25519(t testing.TB) string {
	t.Helper()
	k, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return k.String() + "\n"
}

// A key file that holds a plugin's identity: the recipient is not known, so encrypting takes the identity.
func TestKeyFileOfAPlugin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	_, identity := withPlugin(m)
	path := m.write("yubi.txt", identity+"\n", 0o600)
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: path})
	if s.Recipient != "" || s.Plugin == "" {
		t.Errorf("slot: %q %q", s.Recipient, s.Plugin)
	}
	m.opens("1", s)
	next := newMachine(t).root
	again, _, err := m.Remake(t.Context(), s, nil, 2, next)
	if err != nil {
		t.Fatal(err)
	}
	m.root = next
	m.opens("1", again)
}

// I12: a plugin never sees a passphrase or an identity of tacit's, whatever the variable of an environment slot is called.
func TestI12PluginEnvironment(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	recipient, identity := withPlugin(m)
	canary := strings.TrimSpace(newKey(t))
	m.Environ = append(m.Environ, "TACIT_PASSPHRASE=canary", "TACIT_PASSPHRASE_FILE=canary", "tacit_passphrase=canary", "TACIT_IDENTITY="+identity,
		"TACIT_IDENTITY_FILE=canary", "TACIT_TOKEN=canary", "MY_CI_KEY="+canary, "LATER= "+canary, "PLAIN=stays")
	m.env["TACIT_IDENTITY"] = identity
	s := m.make("1", Spec{Kind: SlotRecipient, Recipient: recipient})
	m.opens("1", s)
	log, err := os.ReadFile(m.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(log, []byte("canary")) || bytes.Contains(log, []byte("AGE-")) || bytes.Contains(log, []byte("TACIT_")) {
		t.Errorf("the plugin saw:\n%s", log)
	}
	if n := bytes.Count(log, []byte("PLAIN=stays")); n != 2 {
		t.Errorf("the plugin ran %d times with the rest of the environment", n)
	}
	if n := bytes.Count(log, []byte(m.path("bin/age-plugin-tacittest")+"\n")); n != 2 {
		t.Errorf("the plugin ran %d times by its path", n)
	}
}

// Whoever edits the vault names the program that runs: it must be a plugin of that name that nobody else can have written.
func TestPluginOfASlotMustBeOne(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	recipient, identity := withPlugin(m)
	s := m.make("1", Spec{Kind: SlotRecipient, Recipient: recipient})
	m.env["TACIT_IDENTITY"] = identity
	ran := m.path("ran")
	script := "#!/bin/sh\ntouch " + ran + "\n"
	for _, path := range []string{m.write("bin/evil", script, 0o755), m.write("bin/age-plugin-other", script, 0o755)} {
		evil := s
		evil.Plugin = path
		m.fails(fault.WrongKey, "TACIT_IDENTITY opens no slot", evil)
	}
	shared := s
	shared.Plugin = m.write("shared/age-plugin-tacittest", script, 0o755)
	if err := os.Chmod(shared.Plugin, 0o777); err != nil {
		t.Fatal(err)
	}
	delete(m.env, "TACIT_IDENTITY")
	m.fails(fault.Locked, "can be changed by others", shared)
	if _, err := os.Stat(ran); err == nil {
		t.Error("it ran")
	}
	gone := s
	gone.Plugin = m.path("gone/age-plugin-tacittest")
	m.fails(fault.Locked, "gone/age-plugin-tacittest", gone)
}

// I08: a plugin that talks nonsense, talks for ever or not at all costs a bounded time and memory.
func TestI08HostilePlugin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	recipient, _ := withPlugin(m)
	s := m.make("1", Spec{Kind: SlotRecipient, Recipient: recipient})
	for name, script := range map[string]string{
		"exits":         "exit 0",
		"nonsense":      "echo nonsense",
		"endless line":  "exec cat /dev/zero",
		"endless words": "exec yes '-> msg\n'",
		"endless body":  "echo '-> file-key 0'; exec yes AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"bad index":     "printf -- '-> file-key 7\n\n-> done\n\n'",
		"wrong key":     "printf -- '-> file-key 0\nAAAAAAAAAAAAAAAAAAAAAA\n-> done\n\n'",
		"control":       "printf -- '-> error\n\\n\n'; printf -- '-> error\n" + "G1szMW0\n'",
	} {
		s.Plugin = m.write(filepath.Join(strings.ReplaceAll(name, " ", "-"), "age-plugin-tacittest"), "#!/bin/sh\n"+script+"\n", 0o755)
		root, _, err := m.Open(t.Context(), []Slot{s})
		if root != nil || err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Plugin = m.write("silent/age-plugin-tacittest", "#!/bin/sh\nexec sleep 1000\n", 0o755)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, _, err := m.Open(ctx, []Slot{s}); err == nil {
		t.Error("opened")
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}
