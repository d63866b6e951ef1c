package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

func TestLockedBuffer(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, KeySize, 4 * KeySize, 5000} {
		b, err := newLockedBuffer(n)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.bytes(), make([]byte, n)) {
			t.Errorf("%d bytes are not %d zeros", len(b.bytes()), n)
		}
		for i := range b.bytes() {
			b.bytes()[i] = 0xff
		}
		if s := fmt.Sprintf("%v %+v %#v %x %d %s", b, b, b, b, b, b); s != "*** *** *** *** *** ***" {
			t.Error("prints as", s)
		}
		b.free()
		b.free()
		if b.bytes() != nil {
			t.Error("still there")
		}
		if err := b.use(func([]byte) error { return nil }); !errors.Is(err, errWiped) {
			t.Error("used after free:", err)
		}
	}
}

// Many more than RLIMIT_MEMLOCK allows, and freed while others use them.
func TestLockedBufferIsFreedUnderUse(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for range 300 {
		b, err := newLockedBuffer(KeySize)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for {
				if err := b.use(func(p []byte) error { _ = p[0]; runtime.Gosched(); return nil }); err != nil {
					return
				}
			}
		})
		wg.Go(b.free)
	}
	wg.Wait()
}

func BenchmarkLockedBuffer(b *testing.B) {
	for b.Loop() {
		m, err := newLockedBuffer(KeySize)
		if err != nil {
			b.Fatal(err)
		}
		m.free()
	}
}
