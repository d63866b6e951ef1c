package envelope

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// errWiped is the answer of a key that was destroyed, by [Root.Wipe] or [Keys.Wipe].
var errWiped = errors.New("the key was wiped")

// lockedBuffer is memory outside the Go heap for a key (I09): not swapped out, between two pages that fault, left out of core
// dumps and zero in a forked child, each as far as the system can. It may be used by several goroutines; free waits for them.
type lockedBuffer struct {
	mu      sync.RWMutex
	data    []byte // nil after free
	region  []byte // what the system gave: the pages around data too
	cleanup runtime.Cleanup
}

// newLockedBuffer returns n zero bytes. A system that refuses to lock memory (RLIMIT_MEMLOCK) is no error: the key would
// otherwise be nowhere at all. A buffer that is dropped without free is freed by the garbage collector.
func newLockedBuffer(n int) (*lockedBuffer, error) {
	region, page, err := mapLocked(n)
	if err != nil {
		return nil, fmt.Errorf("map locked memory: %w", err)
	}
	// The end of the data is the end of the page, so that reading past it faults.
	b := &lockedBuffer{data: page[len(page)-n:], region: region}
	b.cleanup = runtime.AddCleanup(b, func(region []byte) { unmapLocked(region) }, region)
	return b, nil
}

// bytes returns the memory itself, or nil after free. Whoever shares the buffer with other goroutines takes [lockedBuffer.use].
func (b *lockedBuffer) bytes() []byte { return b.data }

// use calls fn with the memory, which stays mapped until fn returns.
func (b *lockedBuffer) use(fn func([]byte) error) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.data == nil {
		return errWiped
	}
	return fn(b.data)
}

// free overwrites the memory and gives it back. More than once is fine.
func (b *lockedBuffer) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.data == nil {
		return
	}
	clear(b.data)
	b.cleanup.Stop()
	unmapLocked(b.region)
	b.data, b.region = nil, nil
}

// pages returns n rounded up to whole pages.
func pages(n, size int) int { return (n + size - 1) / size * size }
