package agent

import (
	"context"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
)

// systemBus is where the bus is on every Linux: the agent's environment names no other.
const systemBus = "unix:path=/run/dbus/system_bus_socket"

const (
	logind     = "org.freedesktop.login1"
	logindPath = dbus.ObjectPath("/org/freedesktop/login1")
	manager    = logind + ".Manager"
)

// lockBeforeSleep calls lock before the machine suspends or hibernates, until ctx ends. It asks logind to wait for that
// (https://systemd.io/INHIBITOR_LOCKS, "delay"): the memory of a machine that sleeps can be taken home and read.
func lockBeforeSleep(ctx context.Context, address string, lock func()) error {
	if address == "" {
		address = systemBus
	}
	bus, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	defer bus.Close()
	// The bus lets only who owns the name send in its name.
	if err := bus.AddMatchSignalContext(ctx, dbus.WithMatchSender(logind), dbus.WithMatchObjectPath(logindPath),
		dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForSleep")); err != nil {
		return fmt.Errorf("ask for the signals of logind: %w", err)
	}
	signals := make(chan *dbus.Signal, 8)
	bus.Signal(signals)
	waits := inhibit(ctx, bus)
	defer func() { release(waits) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, ok := <-signals:
			if !ok {
				return fmt.Errorf("the system bus has gone")
			}
			var begins bool
			if s.Name != manager+".PrepareForSleep" || dbus.Store(s.Body, &begins) != nil {
				continue
			}
			if begins {
				lock()
				release(waits) // now it may sleep
				waits = nil
			} else if waits == nil {
				waits = inhibit(ctx, bus)
			}
		}
	}
}

// inhibit makes sleep wait for the file that it returns to be closed. nil when logind does not want to: then the vault locks a
// moment too late rather than not at all.
func inhibit(ctx context.Context, bus *dbus.Conn) *os.File {
	var fd dbus.UnixFD
	call := bus.Object(logind, logindPath).CallWithContext(ctx, manager+".Inhibit", dbus.FlagNoAutoStart, "sleep", "tacit", "forget the keys of the vault", "delay")
	if err := call.Store(&fd); err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), "inhibitor")
}

func release(f *os.File) {
	if f != nil {
		_ = f.Close()
	}
}
