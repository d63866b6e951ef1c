//go:build linux

package oskeyring

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"tacit/internal/envelope/oskeyring/keyringtest"
	"tacit/internal/fault"
)

func TestKeyringSurvivesANewLogin(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()
	key := []byte("AGE-SECRET-KEY-PQ-1QQQQ")

	first := keyringtest.New(t, home)
	stop := first.GnomeKeyring("login password")
	k := New(first.Getenv)
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

	second := keyringtest.New(t, home)
	second.GnomeKeyring("login password")
	k = New(second.Getenv)
	got, err := k.Load(ctx, "v_1", "1")
	if err != nil || !bytes.Equal(got, append(key, '!')) {
		t.Fatalf("after a new login: %q, %v", got, err)
	}
	if _, err := k.Load(ctx, "v_2", "1"); !errors.Is(err, fault.NotFound) {
		t.Error("another vault's slot:", err)
	}
	out, err := second.Command("secret-tool", "lookup", "service", "tacit", "vault", "v_1", "slot", "2").Output()
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
	l := keyringtest.New(t, t.TempDir())
	l.GnomeKeyring("x")
	spy := l.Connect()
	if err := spy.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, []string{}, uint32(0)).Err; err != nil {
		t.Fatal(err)
	}
	seen := make(chan *dbus.Message, 1000)
	spy.Eavesdrop(seen)
	defer spy.Eavesdrop(nil) // else godbus may send to the channel that its Close closes
	k := New(l.Getenv)
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
	l := keyringtest.New(t, home)
	stop := l.GnomeKeyring("pw")
	if err := New(l.Getenv).Store(t.Context(), "v", "1", []byte("k")); err != nil {
		t.Fatal(err)
	}
	stop()

	l = keyringtest.New(t, home)
	l.GnomeKeyring("") // nobody unlocked it
	begin := time.Now()
	_, err := New(l.Getenv).Load(t.Context(), "v", "1")
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "locked") {
		t.Error("load:", err)
	}
	if err := New(l.Getenv).Store(t.Context(), "v", "2", []byte("k")); !errors.Is(err, fault.Unavailable) {
		t.Error("store:", err)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

// Headless machines: no bus, a bus without a keyring, a bus that accepts and says nothing. All within the time of a probe.
func TestProbeIsBoundedAndSaysWhy(t *testing.T) {
	t.Parallel()
	bare := keyringtest.New(t, t.TempDir())
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
		{"no keyring", bare.Env, "no keyring service runs"},
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
