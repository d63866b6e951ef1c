package agent

import (
	"bytes"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// solLocal is SOL_LOCAL of <sys/un.h>.
const solLocal = 0

// peerOf asks the kernel who connected (LOCAL_PEERCRED, LOCAL_PEERPID).
func peerOf(c *net.UnixConn) (p Peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var cred *unix.Xucred
	controlErr := raw.Control(func(fd uintptr) {
		if cred, err = unix.GetsockoptXucred(int(fd), solLocal, unix.LOCAL_PEERCRED); err == nil {
			p.PID, err = unix.GetsockoptInt(int(fd), solLocal, unix.LOCAL_PEERPID)
		}
	})
	if controlErr != nil {
		return p, controlErr
	}
	if err != nil {
		return p, os.NewSyscallError("getsockopt LOCAL_PEERCRED", err)
	}
	p.UID, p.Executable = int(cred.Uid), executableOf(p.PID)
	return p, nil
}

// executableOf reads the path of a process's program: sysctl kern.procargs2 is a count of four bytes, the path, and the arguments.
func executableOf(pid int) string {
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(b) < 4 {
		return ""
	}
	path, _, _ := bytes.Cut(b[4:], []byte{0})
	return string(path)
}

// sameProgram reports whether a process runs the file that we run. known is false where that cannot be seen.
func sameProgram(p Peer) (same, known bool) {
	theirs, err := os.Stat(p.Executable)
	if err != nil {
		return false, false
	}
	self, err := os.Executable()
	if err != nil {
		return false, false
	}
	ours, err := os.Stat(self)
	if err != nil {
		return false, false
	}
	return os.SameFile(theirs, ours), true
}
