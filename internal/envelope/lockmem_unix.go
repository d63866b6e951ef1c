//go:build unix

package envelope

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapLocked returns fresh pages for n bytes with an inaccessible page before and after them, and the region to unmap.
func mapLocked(n int) (region, page []byte, err error) {
	size := os.Getpagesize()
	inner := pages(n, size)
	region, err = unix.Mmap(-1, 0, inner+2*size, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, nil, err
	}
	page = region[size : size+inner : size+inner]
	if err := unix.Mprotect(page, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		_ = unix.Munmap(region)
		return nil, nil, err
	}
	_ = unix.Mlock(page) // refused beyond RLIMIT_MEMLOCK: see newLockedBuffer
	hidePages(page)
	return region, page, nil
}

// unmapLocked wipes and unmaps what mapLocked returned as region.
func unmapLocked(region []byte) {
	size := os.Getpagesize()
	clear(region[size : len(region)-size])
	_ = unix.Munmap(region)
}
