package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/paths"
)

// Examination is what is known about the agent of a vault when somebody asks whether all is well with it.
type Examination struct {
	Layout  paths.Layout
	Version string // of this program
	Now     time.Time
	Report  Report // what the agent says of itself
	Err     error  // why there is none; [ErrNotRunning] when there is no agent
	Shared  Shared // as the user's configuration has it
	Config  string // file of the configuration
	Linger  string // file that exists when the user's processes outlive their last login; empty: none tells
}

// longOpen is how far away the time may be at which the vault locks in any case, before that is worth a word.
const longOpen = 24 * time.Hour

// Examine says what is well and what is not: for doctor. It asks nobody and changes nothing.
func (e Examination) Examine() []client.DoctorCheck {
	x := &findings{}
	switch {
	case NotRunning(e.Err):
		x.add("agent", "skip", "", "none is running", "")
		return x.all
	case e.Err != nil:
		x.fail("agent", "warn", e.Layout.Socket, e.Err)
		return x.all
	}
	e.version(x)
	e.sockets(x)
	e.times(x)
	e.configuration(x)
	return x.all
}

// findings are what was found.
type findings struct{ all []client.DoctorCheck }

func (x *findings) add(check, status, object, detail, fix string) {
	c := client.DoctorCheck{Check: check, Status: status, Detail: detail}
	if object != "" {
		c.Object = &object
	}
	if fix != "" {
		c.Fix = &fix
	}
	x.all = append(x.all, c)
}

func (x *findings) fail(check, status, object string, err error) {
	var f *fault.Error
	fix := ""
	if errors.As(err, &f) {
		fix = f.Fix
	}
	x.add(check, status, object, err.Error(), fix)
}

func (e Examination) version(x *findings) {
	pid := ""
	if e.Report.PID != nil {
		pid = ", pid " + strconv.Itoa(*e.Report.PID)
	}
	if v := e.Report.Version; v == nil || *v != e.Version {
		said := "another version"
		if v != nil {
			said = "tacit " + *v
		}
		x.add("agent", "warn", "", "runs"+pid+", but is "+said+" and this is "+e.Version+": commands leave it out", "tacit agent stop, then tacit unlock")
		return
	}
	x.add("agent", "ok", "", "runs"+pid+", and is this version", "")
}

// sockets checks who can connect.
func (e Examination) sockets(x *findings) {
	path := e.Layout.Socket
	err := paths.CheckDir(filepath.Dir(path))
	if err == nil {
		err = checkSocket(path, paths.FileMode, -1)
	}
	if err != nil {
		x.fail("agent.socket", "fail", path, err)
	} else {
		x.add("agent.socket", "ok", path, "only you can connect", "")
	}
	if e.Shared.Path == "" {
		return
	}
	switch err := e.Shared.check(); {
	case errors.Is(err, fs.ErrNotExist):
		x.add("agent.shared_socket", "warn", e.Shared.Path, "is not there: the agent was started before it was configured, or somebody removed it", "tacit agent stop, then tacit unlock")
	case err != nil:
		x.fail("agent.shared_socket", "fail", e.Shared.Path, err)
	default:
		x.add("agent.shared_socket", "ok", e.Shared.Path, "only its group can connect, and needs a token", "")
	}
}

// checkSocket refuses what is not a socket with at most these modes, and of this group where one is told (-1: none).
func checkSocket(path string, mode fs.FileMode, group int) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return paths.Explain(err, path, "look at %s", path)
	case info.Mode().Type() != fs.ModeSocket:
		return fault.New(fault.Permissions, "is not a socket").WithFix("tacit agent stop, then tacit unlock")
	case info.Mode().Perm()&^mode != 0:
		return fault.New(fault.Permissions, "has the mode %04o, and %04o is enough", info.Mode().Perm(), mode).WithFix("chmod %04o %s", mode, paths.Quote(path))
	}
	if got, known := groupOf(info); group >= 0 && known && got != group {
		return fault.New(fault.Permissions, "belongs to the group %d instead of %d", got, group).WithFix("tacit agent stop, then tacit unlock")
	}
	return nil
}

// times says how long the vault stays open, and what could keep it so for longer than its user thinks.
func (e Examination) times(x *findings) {
	at := e.Report.LocksAt
	switch {
	case e.Report.Locked || at == nil:
		x.add("agent.lock", "ok", "", "the vault is locked", "")
		return
	case at.Sub(e.Now) > longOpen:
		x.add("agent.lock", "note", "", "the vault stays open until "+at.UTC().Format(time.RFC3339)+", or until nobody uses it", "tacit unlock --for 8h")
	default:
		x.add("agent.lock", "ok", "", "the vault locks at "+at.UTC().Format(time.RFC3339)+" at the latest", "")
	}
	if e.Linger == "" {
		return
	}
	if _, err := os.Lstat(e.Linger); err == nil {
		x.add("agent.linger", "note", e.Linger, "your processes outlive your last login, so a log-out does not lock the vault", "tacit lock before you log out, or loginctl disable-linger")
	}
}

// configuration says whether the agent goes by what the file says now.
func (e Examination) configuration(x *findings) {
	if said := e.Report.ConfigError; said != nil {
		x.add("agent.config", "warn", e.Config, "could not be read again, so the agent goes by what it said before: "+*said, "mend it, then tacit agent reload")
		return
	}
	info, err := os.Lstat(e.Config)
	if at := e.Report.ConfigReadAt; err == nil && at != nil && info.ModTime().Truncate(time.Second).After(*at) {
		x.add("agent.config", "note", e.Config, "was changed after the agent read it", "tacit agent reload")
		return
	}
	x.add("agent.config", "ok", "", "the agent has read it as it is", "")
}
