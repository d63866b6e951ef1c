package paths

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNetworkHere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "not", "yet", "there"), "/proc"} {
		if fstype, network, err := Network(path); network || err != nil {
			t.Errorf("%s: %q, %v, %v", path, fstype, network, err)
		}
	}
}

func TestNetworkMagic(t *testing.T) {
	t.Parallel()
	for magic, want := range map[uint32]string{
		0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x517b: "cifs", 0x01021997: "9p", 0x00c36400: "ceph",
	} {
		if got, ok := networkMagic(magic); !ok || got != want {
			t.Errorf("%#x: %q, %v, want %q", magic, got, ok, want)
		}
	}
	for _, magic := range []uint32{unix.EXT4_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.XFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC} {
		if got, ok := networkMagic(magic); ok {
			t.Errorf("%#x: %q", magic, got)
		}
	}
}

func TestMountType(t *testing.T) {
	t.Parallel()
	const table = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:40 / /home/ana/remote rw,nosuid shared:2 - fuse.sshfs ana@host:/ rw
41 22 0:41 / /home/ana/my\040disk rw - fuseblk /dev/sdb1 rw
42 41 0:42 / /home/ana/my\040disk/in rw master:3 - fuse.s3fs bucket rw
43 22 0:43 / /twice rw - fuse.gocryptfs a rw
44 22 0:44 / /twice rw - fuse.rclone b rw
broken line
`
	for path, want := range map[string]struct {
		fstype  string
		network bool
	}{
		"/home/ana/remote/vault": {"fuse.sshfs", true}, "/home/ana/remote": {"fuse.sshfs", true},
		"/home/ana/my disk/vault": {"fuseblk", false}, "/home/ana/my disk/in/x": {"fuse.s3fs", true}, "/twice/x": {"fuse.rclone", true},
	} {
		got := mountType(strings.NewReader(table), path)
		if got != want.fstype || localFUSE(got) == want.network {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := mountType(strings.NewReader(table), "/home/ana/remotely"); got != "ext4" {
		t.Errorf("a longer name is not below the mount: %q", got)
	}
}
