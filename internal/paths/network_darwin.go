package paths

import "golang.org/x/sys/unix"

// fileSystem asks statfs(2), which says whether a file system is local.
func fileSystem(path string) (string, bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", false, err
	}
	return unix.ByteSliceToString(st.Fstypename[:]), st.Flags&unix.MNT_LOCAL == 0, nil
}
