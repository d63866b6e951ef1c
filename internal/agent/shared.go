package agent

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// Shared is a second socket, for other users of the machine (I10). Whoever asks there needs a token, whatever its uid: the socket
// has no owner, and none of the agent's own operations.
type Shared struct {
	Path  string // absolute; empty: there is none
	Group int    // of the socket, whose members may connect; -1: that of the directory or of the process, as the system has it
}

// sharedMode lets the group connect.
const sharedMode = 0o660

// sharedListener accepts connections of anybody whom the modes of the socket and its directory let through.
type sharedListener struct{ *net.UnixListener }

// Accept implements [net.Listener].
func (l sharedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err == nil {
			return &peerConn{UnixConn: c, peer: p, shared: true}, nil
		}
		_ = c.Close()
	}
}

// listen makes the socket. Its directory must be ours, and nobody else may write there: who can, can put another socket in its place
// and gather tokens.
func (s Shared) listen() (l sharedListener, err error) {
	dir := filepath.Dir(s.Path)
	info, err := os.Stat(dir)
	if err != nil {
		return l, paths.Explain(err, dir, "look at %s", dir)
	}
	if !filepath.IsAbs(s.Path) || len(s.Path) > maxSocketPath {
		return l, fault.New(fault.Usage, "the shared socket needs an absolute path of at most %d bytes: %s", maxSocketPath, s.Path).About(s.Path)
	}
	if err := ownDirectory(dir, info); err != nil {
		return l, err
	}
	switch info, err := os.Lstat(s.Path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return l, paths.Explain(err, s.Path, "look at %s", s.Path)
	case info.Mode().Type() != fs.ModeSocket:
		return l, fault.New(fault.Permissions, "%s is not a socket", s.Path).About(s.Path).WithFix("rm %s", paths.Quote(s.Path))
	default:
		if err := os.Remove(s.Path); err != nil {
			return l, paths.Explain(err, s.Path, "remove the old socket %s", s.Path)
		}
	}
	if l.UnixListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: s.Path, Net: "unix"}); err != nil {
		return l, paths.Explain(err, s.Path, "listen on %s", s.Path)
	}
	err = os.Chmod(s.Path, paths.FileMode) // closed, until it has its group
	if err == nil && s.Group >= 0 {
		err = os.Chown(s.Path, -1, s.Group)
	}
	if err == nil {
		err = os.Chmod(s.Path, sharedMode)
	}
	if err != nil {
		_ = l.Close()
		return sharedListener{}, paths.Explain(err, s.Path, "share %s", s.Path)
	}
	return l, nil
}
