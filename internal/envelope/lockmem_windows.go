package envelope

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapLocked returns fresh pages for n bytes with an inaccessible page before and after them, and the region to unmap.
func mapLocked(n int) (region, page []byte, err error) {
	size := os.Getpagesize()
	inner := pages(n, size)
	addr, err := windows.VirtualAlloc(0, uintptr(inner+2*size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_NOACCESS)
	if err != nil {
		return nil, nil, err
	}
	// The memory is not Go's: reading the address as a pointer, not converting it, says so to vet.
	region = unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), inner+2*size)
	page = region[size : size+inner : size+inner]
	var old uint32
	if err := windows.VirtualProtect(addr+uintptr(size), uintptr(inner), windows.PAGE_READWRITE, &old); err != nil {
		_ = windows.VirtualFree(addr, 0, windows.MEM_RELEASE)
		return nil, nil, err
	}
	_ = windows.VirtualLock(addr+uintptr(size), uintptr(inner)) // refused beyond the working set: see newLockedBuffer
	return region, page, nil
}

// unmapLocked wipes and frees what mapLocked returned as region.
func unmapLocked(region []byte) {
	size := os.Getpagesize()
	clear(region[size : len(region)-size])
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(region))), 0, windows.MEM_RELEASE)
}
