package paths

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystem asks statfs(2). FUSE hides what is behind it; /proc/self/mountinfo names it.
func fileSystem(path string) (string, bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", false, err
	}
	if fstype, ok := networkMagic(uint32(st.Type)); ok {
		return fstype, true, nil
	}
	if uint32(st.Type) != unix.FUSE_SUPER_MAGIC {
		return "", false, nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", false, err
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "fuse", true, nil // unknown: better one warning too many
	}
	defer f.Close()
	fstype := mountType(f, real)
	return fstype, !localFUSE(fstype), nil
}

// networkMagic maps statfs types (linux/magic.h, statfs(2)) to names.
func networkMagic(magic uint32) (string, bool) {
	switch magic {
	case unix.NFS_SUPER_MAGIC:
		return "nfs", true
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return "cifs", true
	case unix.SMB2_SUPER_MAGIC:
		return "smb2", true
	case unix.V9FS_MAGIC:
		return "9p", true
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "afs", true
	case unix.CEPH_SUPER_MAGIC:
		return "ceph", true
	case unix.CODA_SUPER_MAGIC:
		return "coda", true
	case 0x564c:
		return "ncp", true
	case 0x0bd00bd0:
		return "lustre", true
	case 0x47504653:
		return "gpfs", true
	}
	return "", false
}

// localFUSE reports whether a FUSE file system keeps its data on this machine.
func localFUSE(fstype string) bool {
	switch fstype {
	case "fuseblk", "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "fuse.securefs", "fuse.ecryptfs", "fuse.bindfs", "fuse.fuse-overlayfs",
		"fuse.mergerfs", "fuse.ntfs-3g", "fuse.zfs", "fuse.lxcfs":
		return true
	}
	return false
}

// mountType returns the type of the mount that holds path, from a mountinfo table (proc_pid_mountinfo(5)): field 5 is the mount
// point, the type follows a lone "-". Of several the longest counts, and of equals the last, which hides the others.
func mountType(mountinfo io.Reader, path string) string {
	fstype, longest := "fuse", -1
	s := bufio.NewScanner(mountinfo)
	for s.Scan() {
		before, after, ok := strings.Cut(s.Text(), " - ")
		fields, types := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(types) < 1 {
			continue
		}
		at := unescapeMount(fields[4])
		if len(at) >= longest && (at == "/" || path == at || strings.HasPrefix(path, at+"/")) {
			fstype, longest = types[0], len(at)
		}
	}
	return fstype
}

// unescapeMount undoes the kernel's escapes: space, tab, newline and backslash are octal.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
