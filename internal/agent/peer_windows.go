package agent

import (
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// sioGetPeerPID is SIO_AF_UNIX_GETPEERPID of <afunix.h>.
const sioGetPeerPID = 0x58000100

// peerOf finds the process that connected and compares its user with ours: there are no uids, so a process of our own user has
// the one that package os gives to us, and any other has another.
func peerOf(c *net.UnixConn) (p Peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	var pid, returned uint32
	controlErr := raw.Control(func(fd uintptr) {
		err = windows.WSAIoctl(windows.Handle(fd), sioGetPeerPID, nil, 0, (*byte)(unsafe.Pointer(&pid)), uint32(unsafe.Sizeof(pid)), &returned, nil, 0)
	})
	if controlErr != nil {
		return p, controlErr
	}
	if err != nil {
		return p, os.NewSyscallError("WSAIoctl SIO_AF_UNIX_GETPEERPID", err)
	}
	p.PID = int(pid)
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return p, os.NewSyscallError("OpenProcess", err)
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return p, os.NewSyscallError("OpenProcessToken", err)
	}
	defer func() { _ = token.Close() }()
	theirs, err := token.GetTokenUser()
	if err != nil {
		return p, err
	}
	ours, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return p, err
	}
	p.UID = os.Geteuid()
	if !theirs.User.Sid.Equals(ours.User.Sid) {
		p.UID++
	}
	path := make([]uint16, windows.MAX_LONG_PATH)
	n := uint32(len(path))
	if windows.QueryFullProcessImageName(process, 0, &path[0], &n) == nil {
		p.Executable = windows.UTF16ToString(path[:n])
	}
	return p, nil
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
