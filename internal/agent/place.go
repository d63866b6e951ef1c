package agent

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// place is where an agent lives: two locks, held for its whole life, and its socket.
//
// One lock lies beside the vault, so that a vault has one agent; one beside the socket, so that a socket has one agent, whatever
// vault it serves. Who has both knows that a socket which is there belongs to nobody any more, without asking it.
type place struct {
	vault, socket *os.File
	listener      peerListener
	path          string
	is            fs.FileInfo // of the socket, as it was made
}

// lockFiles returns the paths of both locks.
func lockFiles(l paths.Layout) (vault, socket string) {
	return filepath.Join(filepath.Dir(l.Vault), "agent.lock"), l.Socket + ".lock"
}

// claim takes the place. fault.Exists when another agent has it.
func claim(l paths.Layout) (*place, error) {
	p := new(place)
	if err := p.take(l); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

func (p *place) take(l paths.Layout) (err error) {
	vaultLock, socketLock := lockFiles(l)
	if p.vault, err = hold(vaultLock, "an agent runs for this vault already"); err != nil {
		return err
	}
	if p.socket, err = hold(socketLock, "the agent of another vault has the socket "+l.Socket); err != nil {
		return err
	}
	p.path = l.Socket
	if p.listener, err = listen(p.path); err != nil {
		return err
	}
	if p.is, err = os.Lstat(p.path); err != nil {
		return paths.Explain(err, p.path, "look at %s", p.path)
	}
	return nil
}

// abandoned looks every so often whether the socket still leads here, and returns true when it does not, or false when ctx ends. Who
// removes the directory of an agent means to be rid of it, and one that nobody can reach should not keep a vault open.
func (p *place) abandoned(ctx context.Context, every time.Duration) bool {
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
			now, err := os.Lstat(p.path)
			if err == nil && os.SameFile(now, p.is) {
				continue
			}
			p.listener.SetUnlinkOnClose(false) // what is there now is not ours
			return true
		}
	}
}

// leave gives the place back. The socket goes first: nobody may find it while its lock is free.
func (p *place) leave() {
	if p.listener.UnixListener != nil {
		_ = p.listener.Close() // removes the socket
	}
	for _, f := range []*os.File{p.socket, p.vault} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// hold takes a lock for life and writes into it whose it is.
func hold(path, taken string) (*os.File, error) {
	if err := paths.EnsureDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, ok, err := paths.TryLock(path)
	if err != nil {
		return nil, err
	}
	if !ok {
		if pid := holder(path); pid > 0 {
			taken += " (pid " + strconv.Itoa(pid) + ")"
		}
		return nil, fault.New(fault.Exists, "%s", taken).About(path).WithFix("tacit agent stop")
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, paths.Explain(err, path, "write %s", path)
	}
	return f, nil
}

// holder returns the process that a lock file names, or 0. It is to be believed while somebody holds the lock.
func holder(path string) int {
	f, err := paths.Open(path, os.O_RDONLY)
	if err != nil {
		return 0
	}
	defer f.Close()
	b := make([]byte, 16)
	n, _ := f.Read(b)
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b[:n])))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// running reports whether an agent holds the lock of this vault, and its process where that is known, else 0.
func running(l paths.Layout) (held bool, pid int, err error) {
	path, _ := lockFiles(l)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	f, free, err := paths.TryLock(path)
	if err != nil || free {
		_ = f.Close()
		return false, 0, err
	}
	return true, holder(path), nil
}

// maxSocketPath is the longest path of a socket that every system takes: sun_path of macOS, less the byte that ends it.
const maxSocketPath = 103

// listen makes the socket: 0600, in a directory that only we can enter. One that a killed agent left is removed; anything else in
// its place is not.
func listen(path string) (l peerListener, err error) {
	if len(path) > maxSocketPath {
		return l, fault.New(fault.Usage, "the path of the agent's socket is too long for a socket: %s", path).About(path).
			WithFix("set XDG_RUNTIME_DIR, or TACIT_DIR, to a shorter one")
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return l, paths.Explain(err, path, "look at %s", path)
	case info.Mode().Type() != fs.ModeSocket:
		return l, fault.New(fault.Permissions, "%s is not a socket", path).About(path).WithFix("rm %s", paths.Quote(path))
	default:
		if err := os.Remove(path); err != nil {
			return l, paths.Explain(err, path, "remove the old socket %s", path)
		}
	}
	if l.UnixListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
		return l, paths.Explain(err, path, "listen on %s", path)
	}
	if err := os.Chmod(path, paths.FileMode); err != nil {
		_ = l.Close()
		return peerListener{}, paths.Explain(err, path, "chmod %s", path)
	}
	return l, nil
}
