package agent

import (
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

// listen makes the socket. Its directory must be ours, and nobody else may write there: who can, can put another socket in its place
// and gather tokens.
func (s Shared) listen() (l peerListener, err error) {
	dir := filepath.Dir(s.Path)
	info, err := os.Stat(dir)
	if err != nil {
		return l, paths.Explain(err, dir, "look at %s", dir)
	}
	if !filepath.IsAbs(s.Path) {
		return l, fault.New(fault.Usage, "agent.shared_socket is not an absolute path: %s", s.Path).About(s.Path)
	}
	if err := ownDirectory(dir, info); err != nil {
		return l, err
	}
	if l, err = listen(s.Path); err != nil {
		return l, err
	}
	l.shared = true
	if s.Group >= 0 {
		err = os.Chown(s.Path, -1, s.Group)
	}
	if err == nil {
		err = os.Chmod(s.Path, sharedMode)
	}
	if err != nil {
		_ = l.Close()
		return peerListener{}, paths.Explain(err, s.Path, "share %s", s.Path)
	}
	return l, nil
}

// check says what is wrong with the socket that somebody made with listen, if anything is.
func (s Shared) check() error {
	dir := filepath.Dir(s.Path)
	info, err := os.Stat(dir)
	if err != nil {
		return paths.Explain(err, dir, "look at %s", dir)
	}
	if err := ownDirectory(dir, info); err != nil {
		return err
	}
	return checkSocket(s.Path, sharedMode, s.Group)
}
