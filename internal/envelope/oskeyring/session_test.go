//go:build linux

package oskeyring

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tacit/internal/fault"
)

// login is a login session of our own: a private bus, and on it gnome-keyring when one was started. Its home outlives it.
type login struct {
	t       *testing.T
	env     map[string]string
	address string
}

func newLogin(t *testing.T, home string) *login {
	t.Helper()
	run := t.TempDir()
	l := &login{t: t, env: map[string]string{"HOME": home, "XDG_RUNTIME_DIR": run, "PATH": os.Getenv("PATH"), "XDG_DATA_HOME": filepath.Join(home, ".local/share")}}
	cmd := l.command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=unix:path="+filepath.Join(run, "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.start(cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	l.address = strings.TrimSpace(line)
	l.env["DBUS_SESSION_BUS_ADDRESS"] = l.address
	return l
}

func (l *login) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	for k, v := range l.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// start starts a daemon that ends with the test, and returns what ends it sooner.
func (l *login) start(cmd *exec.Cmd) (stop func()) {
	l.t.Helper()
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	l.t.Cleanup(stop)
	return stop
}

// connect returns a connection of the test's own to the bus.
func (l *login) connect() *dbus.Conn {
	l.t.Helper()
	conn, err := dbus.Connect(l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// gnomeKeyring starts gnome-keyring and waits until it is on the bus. With a password it unlocks the login keyring, or makes it.
func (l *login) gnomeKeyring(password string) (stop func()) {
	l.t.Helper()
	conn := l.connect()
	if err := conn.AddMatchSignal(dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)); err != nil {
		l.t.Fatal(err)
	}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)

	args := []string{"--foreground", "--components=secrets", "--control-directory=" + l.t.TempDir()}
	if password != "" {
		args = append(args, "--unlock")
	}
	cmd := l.command("gnome-keyring-daemon", args...)
	cmd.Stdin = strings.NewReader(password)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	stop = l.start(cmd)
	for {
		select {
		case s := <-signals:
			if len(s.Body) == 3 && s.Body[0] == service && s.Body[2] != "" {
				return stop
			}
		case <-time.After(20 * time.Second):
			l.t.Fatal("gnome-keyring does not come up")
		}
	}
}

func (l *login) getenv(name string) string { return l.env[name] }

func TestKeyringSurvivesANewLogin(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()
	key := []byte("AGE-SECRET-KEY-PQ-1QQQQ")

	first := newLogin(t, home)
	stop := first.gnomeKeyring("login password")
	k := New(first.getenv)
	if err := k.Probe(ctx); err != nil {
		t.Fatal("probe:", err)
	}
	if _, err := k.Load(ctx, "v_1", "1"); !errors.Is(err, fault.NotFound) {
		t.Fatal("load before store:", err)
	}
	for _, slot := range []string{"1", "2"} {
		if err := k.Store(ctx, "v_1", slot, append(key, slot...)); err != nil {
			t.Fatal("store:", err)
		}
	}
	if err := k.Store(ctx, "v_1", "1", append(key, '!')); err != nil { // in its place
		t.Fatal("store again:", err)
	}
	stop()

	second := newLogin(t, home)
	second.gnomeKeyring("login password")
	k = New(second.getenv)
	got, err := k.Load(ctx, "v_1", "1")
	if err != nil || !bytes.Equal(got, append(key, '!')) {
		t.Fatalf("after a new login: %q, %v", got, err)
	}
	if _, err := k.Load(ctx, "v_2", "1"); !errors.Is(err, fault.NotFound) {
		t.Error("another vault's slot:", err)
	}
	out, err := second.command("secret-tool", "lookup", "service", "tacit", "vault", "v_1", "slot", "2").Output()
	if err != nil || !bytes.Equal(bytes.TrimSpace(out), append(key, '2')) {
		t.Errorf("secret-tool: %q, %v", out, err)
	}
	for range 2 { // the second time there is nothing to remove
		if err := k.Delete(ctx, "v_1", "1"); err != nil {
			t.Fatal("delete:", err)
		}
	}
	if _, err := k.Load(ctx, "v_1", "1"); !errors.Is(err, fault.NotFound) {
		t.Error("load after delete:", err)
	}
	if _, err := k.Load(ctx, "v_1", "2"); err != nil {
		t.Error("the other slot's key is gone too:", err)
	}
}

func TestKeyIsNotInTheClearOnTheBus(t *testing.T) {
	t.Parallel()
	l := newLogin(t, t.TempDir())
	l.gnomeKeyring("x")
	spy := l.connect()
	if err := spy.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, []string{}, uint32(0)).Err; err != nil {
		t.Fatal(err)
	}
	seen := make(chan *dbus.Message, 1000)
	spy.Eavesdrop(seen)
	defer spy.Eavesdrop(nil) // else godbus may send to the channel that its Close closes
	k := New(l.getenv)
	key := []byte("canary-of-the-bus")
	if err := k.Store(t.Context(), "v", "1", key); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Load(t.Context(), "v", "1"); err != nil {
		t.Fatal(err)
	}
	stored := false
	for !stored || len(seen) > 0 {
		m := <-seen
		stored = stored || m.Headers[dbus.FieldMember].Value() == "CreateItem"
		for _, part := range m.Body {
			if s, ok := part.([]any); ok {
				for _, field := range s {
					if b, ok := field.([]byte); ok && bytes.Contains(b, key) {
						t.Fatal("the key went over the bus in the clear")
					}
				}
			}
		}
	}
}

func TestLockedWithoutDisplayIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	l := newLogin(t, home)
	stop := l.gnomeKeyring("pw")
	if err := New(l.getenv).Store(t.Context(), "v", "1", []byte("k")); err != nil {
		t.Fatal(err)
	}
	stop()

	l = newLogin(t, home)
	l.gnomeKeyring("") // nobody unlocked it
	begin := time.Now()
	_, err := New(l.getenv).Load(t.Context(), "v", "1")
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "locked") {
		t.Error("load:", err)
	}
	if err := New(l.getenv).Store(t.Context(), "v", "2", []byte("k")); !errors.Is(err, fault.Unavailable) {
		t.Error("store:", err)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

// Headless machines: no bus, a bus without a keyring, a bus that accepts and says nothing. All within the time of a probe.
func TestProbeIsBoundedAndSaysWhy(t *testing.T) {
	t.Parallel()
	bare := newLogin(t, t.TempDir())
	silent := silentBus(t)
	for _, c := range []struct {
		name string
		env  map[string]string
		why  string
	}{
		{"no bus", nil, "no session bus"},
		{"stale address", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + filepath.Join(t.TempDir(), "gone")}, "connect to the session bus"},
		{"a program for a bus", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unixexec:path=/bin/false"}, "no session bus"},
		{"autolaunch", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "autolaunch:", "DISPLAY": ":9"}, "no session bus"},
		{"no keyring", bare.env, "no keyring service runs"},
		{"silence", map[string]string{"DBUS_SESSION_BUS_ADDRESS": silent}, "does not answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begin := time.Now()
			err := New(func(n string) string { return c.env[n] }).Probe(ctx)
			if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want %q", err, c.why)
			}
			if d := time.Since(begin); d > 400*time.Millisecond {
				t.Errorf("took %v", d)
			}
		})
	}
}
