package agent

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// privateBus starts a bus of the test's own and returns its address.
func privateBus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "bus.conf")
	err := os.WriteFile(config, []byte(fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:tmpdir=%s</listen><auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`, dir)), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--print-address")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("%v: install dbus-daemon", err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// login is a logind: it lets programs ask it to wait, and says when the machine sleeps.
type login struct {
	bus   *dbus.Conn
	asked chan [2]*os.File // a pipe, whose second end the program gets
}

// Inhibit is org.freedesktop.login1.Manager.Inhibit.
func (l *login) Inhibit(what, who, why, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || who != "tacit" || why == "" || mode != "delay" {
		return 0, dbus.MakeFailedError(fmt.Errorf("inhibit %s %s %s", what, who, mode))
	}
	fds := make([]int, 2)
	if err := syscall.Pipe2(fds, syscall.O_CLOEXEC); err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	ends := [2]*os.File{os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")}
	l.asked <- ends
	return dbus.UnixFD(fds[1]), nil
}

// inhibited returns our end of what the agent holds: it ends when the agent lets go. The agent is in this process, so that it has
// what it asked for is seen by the pipe's second end being open twice.
func (l *login) inhibited(t *testing.T) *os.File {
	t.Helper()
	ends := <-l.asked
	pipe, err := ends[1].Stat()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for open := 0; open < 3; {
		if open = 0; ctx.Err() != nil {
			t.Fatal("the agent did not get what it asked logind for")
		}
		all, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range all {
			if info, err := os.Stat(fd); err == nil && os.SameFile(info, pipe) {
				open++
			}
		}
	}
	_ = ends[1].Close()
	t.Cleanup(func() { _ = ends[0].Close() })
	return ends[0]
}

func playLogind(t *testing.T, address string) *login {
	t.Helper()
	bus, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	l := &login{bus, make(chan [2]*os.File, 4)}
	if err := bus.Export(l, logindPath, manager); err != nil {
		t.Fatal(err)
	}
	if reply, err := bus.RequestName(logind, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return l
}

func (l *login) sleeps(t *testing.T, bus *dbus.Conn, begins bool) {
	t.Helper()
	if err := bus.Emit(logindPath, manager+".PrepareForSleep", begins); err != nil {
		t.Fatal(err)
	}
}

// TestLocksBeforeSleep: the machine waits until the keys are gone.
func TestLocksBeforeSleep(t *testing.T) {
	t.Parallel()
	address := privateBus(t)
	login := playLogind(t, address)
	h := newHome(t)
	c, _ := h.start(func(o *Options) { o.SystemBus = address })
	held := login.inhibited(t)
	h.unlock(c)
	set(t, c, "a", "one")

	// Another program of the bus says the same, and is nobody.
	other, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	login.sleeps(t, other, true)
	login.sleeps(t, login.bus, false) // and that it woke up, which it did not sleep for
	mustGet(t, c, "a", "one")

	login.sleeps(t, login.bus, true)
	if _, err := held.Read(make([]byte, 1)); err == nil {
		t.Error("the agent wrote to logind's pipe")
	} // the agent let go
	if r, err := c.AgentStatus(t.Context()); err != nil || !r.Locked {
		t.Errorf("the machine sleeps with an open vault: %+v, %v", r, err)
	}
	login.sleeps(t, login.bus, false)
	login.inhibited(t) // for the next time
	h.unlock(c)
	mustGet(t, c, "a", "one")
}

// A bus that goes away, or was never there, is no reason to end.
func TestWithoutLogind(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start(func(o *Options) { o.SystemBus = privateBus(t) }) // nobody plays logind
	h.unlock(c)
	set(t, c, "a", "one")
	mustGet(t, c, "a", "one")
}
