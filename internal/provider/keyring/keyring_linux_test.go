package keyring

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/internal/envelope/oskeyring"
	"tacit/internal/envelope/oskeyring/keyringtest"
	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

func of(t *testing.T, getenv func(string) string, pairs ...any) provider.Provider {
	t.Helper()
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table(pairs...)}, provider.World{Getenv: getenv, Debug: func(string, ...any) {}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func session(t *testing.T) *keyringtest.Login {
	t.Helper()
	l := keyringtest.New(t, t.TempDir())
	l.GnomeKeyring("login password")
	return l
}

// The suite against gnome-keyring itself.
func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{New: func(t *testing.T, w provider.World) providertest.Subject {
		l := session(t)
		w.Getenv = l.Getenv
		p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table()}, w)
		if err != nil {
			t.Fatal(err)
		}
		return providertest.Subject{Provider: p, Foreign: func() {
			if err := oskeyring.New(l.Getenv).Store(t.Context(), "v_1", "1", []byte(providertest.Canary)); err != nil { // the key of a slot
				t.Error(err)
			}
			other(t, l, "another service", "service", "another", "username", "key-x")
			other(t, l, "no name of ours", "service", "tacit", "username", "no name of ours")
			other(t, l, "no user", "service", "tacit", "kind", "x")
		}}
	}})
}

// other stores an item as another program.
func other(t *testing.T, l *keyringtest.Login, value string, attributes ...string) {
	t.Helper()
	cmd := l.Command("secret-tool", append([]string{"store", "--label=other"}, attributes...)...)
	cmd.Stdin = strings.NewReader(value)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("secret-tool: %v %s", err, out)
	}
}

func TestSharesItemsWithOtherPrograms(t *testing.T) {
	t.Parallel()
	l := session(t)
	other(t, l, "theirs", "service", "tacit", "username", "db-password")
	p := of(t, l.Getenv)
	it, err := p.Read(t.Context(), "db-password", "")
	if err != nil || string(it.Value.Reveal()) != "theirs" {
		t.Errorf("Read: %q, %v", it.Value.Reveal(), err)
	}
	if _, err := p.Write(t.Context(), "db-password", secret.New([]byte("ours"))); err != nil {
		t.Fatal(err)
	}
	out, err := l.Command("secret-tool", "lookup", "service", "tacit", "username", "db-password").Output()
	if err != nil || !bytes.Equal(bytes.TrimSpace(out), []byte("ours")) {
		t.Errorf("secret-tool: %q, %v", out, err)
	}
	if _, err := of(t, l.Getenv, "service", "another").Read(t.Context(), "db-password", ""); !errors.Is(err, fault.NotFound) {
		t.Errorf("another service: %v", err)
	}
	other(t, l, "second", "service", "tacit", "username", "db-password", "application", "x")
	for what, err := range map[string]error{
		"Read":   second(p.Read(t.Context(), "db-password", "")),
		"Write":  second(p.Write(t.Context(), "db-password", secret.New([]byte("x")))),
		"Delete": second(p.Delete(t.Context(), "db-password")),
	} {
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "2 items") {
			t.Errorf("%s of what is there twice: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// I12: the key of a vault's slot is in the same keyring and is no secret, whatever is asked for.
func TestI12KeysOfSlotsAreNoSecrets(t *testing.T) {
	t.Parallel()
	l := session(t)
	if err := oskeyring.New(l.Getenv).Store(t.Context(), "v_1", "1", []byte(providertest.Canary)); err != nil {
		t.Fatal(err)
	}
	p := of(t, l.Getenv)
	for _, n := range []string{"v_1", "v_1/1", "tacit"} {
		if it, err := p.Read(t.Context(), n, ""); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s: %q, %v", n, it.Value.Reveal(), err)
		}
	}
	if err := p.List(t.Context(), func(it provider.Item) error { return errors.New(it.Name) }); err != nil {
		t.Errorf("listed: %v", err)
	}
}

// I19: a keyring that is not there, says nothing or is locked has not said that there is no such secret. Without a display it is
// known at once.
func TestI19UnknownIsNotMissing(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	first := keyringtest.New(t, home)
	stop := first.GnomeKeyring("pw")
	if _, err := of(t, first.Getenv).Write(t.Context(), "db", secret.New([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	stop()
	locked := keyringtest.New(t, home)
	locked.GnomeKeyring("") // nobody unlocked it
	bare := keyringtest.New(t, t.TempDir())
	silent := map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + silentSocket(t)}
	for _, test := range []struct {
		name   string
		getenv func(string) string
		why    string
	}{
		{"no bus", func(string) string { return "" }, "no session bus"},
		{"no keyring", bare.Getenv, "no keyring service runs"},
		{"silent bus", func(n string) string { return silent[n] }, "does not answer"},
		{"locked", locked.Getenv, "locked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := of(t, test.getenv)
			for what, do := range map[string]func(context.Context) error{
				"Read":            func(ctx context.Context) error { return second(p.Read(ctx, "db", "")) },
				"Read of nothing": func(ctx context.Context) error { return second(p.Read(ctx, "nothing", "")) },
				"Write":           func(ctx context.Context) error { return second(p.Write(ctx, "db", secret.New([]byte("y")))) },
				"Delete":          func(ctx context.Context) error { return second(p.Delete(ctx, "nothing")) },
				"List":            func(ctx context.Context) error { return p.List(ctx, func(provider.Item) error { return nil }) },
				"Health":          p.Health,
			} {
				begin := time.Now()
				err := do(t.Context())
				var e *fault.Error
				if !errors.As(err, &e) || e.Code != fault.Unavailable || e.Fix == "" || !strings.Contains(err.Error(), test.why) {
					t.Errorf("%s: %v, want %q", what, err, test.why)
				}
				if took := time.Since(begin); took > 3*time.Second {
					t.Errorf("%s took %v", what, took)
				}
			}
		})
	}
}

// silentSocket is a bus that accepts and never answers.
func silentSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return path
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := Make(provider.Spec{Name: "keyring", Settings: providertest.Table("service", "")}, provider.World{})
	if !errors.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), "tacit.yaml:2: service is") {
		t.Error(err)
	}
}
