package agent

import (
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who connected (SO_PEERCRED, as it was at connect(2)). The program is best effort: a peer that has made
// itself unreadable, or that was replaced by another program since, does not show what it was.
func peerOf(c *net.UnixConn) (p Peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var cred *unix.Ucred
	pidfd := -1
	controlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if n, e := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD); e == nil {
			pidfd = n
		}
	})
	if controlErr != nil {
		return p, controlErr
	}
	if err != nil {
		return p, os.NewSyscallError("getsockopt SO_PEERCRED", err)
	}
	p = Peer{UID: int(cred.Uid), PID: int(cred.Pid)}
	if p.PID > 0 {
		p.Executable, _ = os.Readlink(procFile(p.PID, "exe"))
	}
	if pidfd >= 0 { // since Linux 6.5: the peer still lives, so the number was not given to another process meanwhile
		if unix.PidfdSendSignal(pidfd, 0, nil, 0) == unix.ESRCH {
			p.Executable = ""
		}
		_ = unix.Close(pidfd)
	}
	return p, nil
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// sameProgram reports whether a process runs the file that we run. known is false where that cannot be seen: a process that made
// itself unreadable, as every agent does, shows its program to root only.
func sameProgram(p Peer) (same, known bool) {
	theirs, err := os.Stat(procFile(p.PID, "exe"))
	if err != nil {
		return false, false
	}
	ours, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false, false
	}
	return os.SameFile(theirs, ours), true
}
