package audit

import (
	"runtime"
	"testing"
	"time"
)

// After an intent of another process the log is looked at for what a power loss took, since that one may have died over it. The intent that
// a process has appended itself costs its outcome nothing: not memory as large as the log for each change. The test is not parallel, since
// it counts what the whole process allocates.
func TestAnOutcomeReadsOnlyTheEnd(t *testing.T) {
	o := testOptions(t)
	o.SegmentSize = 64 << 20
	o.Booted = func() time.Time { return time.Unix(0, 0) }
	l := Open(o)
	add(t, l, reads(1, 4000)...)
	intent, outcome := read(4001), read(4002)
	intent.Stage, intent.Revision = Intent, 2
	outcome.Revision = 2

	add(t, l, intent)
	const little = 256 << 10
	if n := allocated(func() { add(t, l, outcome) }); n > little {
		t.Errorf("an outcome takes %d bytes of memory", n)
	}

	intent.Revision = 3
	add(t, l, intent)
	if n := allocated(func() { add(t, Open(o), read(4004)) }); n < little {
		t.Errorf("behind an intent of another process %d bytes of memory were read: that is no longer look", n)
	}
}

// allocated returns how many bytes of memory do takes.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
