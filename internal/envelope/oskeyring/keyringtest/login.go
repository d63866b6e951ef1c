//go:build linux

// Package keyringtest makes login sessions for tests: a D-Bus of their own and, on it, gnome-keyring as users have it.
package keyringtest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const service = "org.freedesktop.secrets"

// Login is a login session of a test's own: a private bus, and on it gnome-keyring when one was started. Its home outlives it.
type Login struct {
	t *testing.T
	// Env is the environment of the session.
	Env     map[string]string
	address string
}

// New starts a session, which ends with the test.
func New(t *testing.T, home string) *Login {
	t.Helper()
	run := t.TempDir()
	l := &Login{t: t, Env: map[string]string{"HOME": home, "XDG_RUNTIME_DIR": run, "PATH": os.Getenv("PATH"), "XDG_DATA_HOME": filepath.Join(home, ".local/share")}}
	cmd := l.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=unix:path="+filepath.Join(run, "bus"))
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
	l.Env["DBUS_SESSION_BUS_ADDRESS"] = l.address
	return l
}

// Getenv looks a variable of the session up.
func (l *Login) Getenv(name string) string { return l.Env[name] }

// Command returns a program of the session.
func (l *Login) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	for k, v := range l.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// start starts a daemon that ends with the test, and returns what ends it sooner.
func (l *Login) start(cmd *exec.Cmd) (stop func()) {
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

// Connect returns a connection of the test's own to the bus.
func (l *Login) Connect() *dbus.Conn {
	l.t.Helper()
	conn, err := dbus.Connect(l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// GnomeKeyring starts gnome-keyring and waits until it is on the bus. With a password it unlocks the login keyring, or makes it.
func (l *Login) GnomeKeyring(password string) (stop func()) {
	l.t.Helper()
	conn := l.Connect()
	if err := conn.AddMatchSignal(dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)); err != nil {
		l.t.Fatal(err)
	}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)

	args := []string{"--foreground", "--components=secrets", "--control-directory=" + l.t.TempDir()}
	if password != "" {
		args = append(args, "--unlock")
	}
	cmd := l.Command("gnome-keyring-daemon", args...)
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
