package envelope

import "golang.org/x/sys/unix"

// hidePages keeps pages out of core dumps and gives zeros in their place to a child that forks. Kernels that do not know the
// advice (WIPEONFORK came with 4.14) ignore it.
func hidePages(page []byte) {
	_ = unix.Madvise(page, unix.MADV_DONTDUMP)
	_ = unix.Madvise(page, unix.MADV_WIPEONFORK)
}
