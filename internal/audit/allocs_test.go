//go:build unix

package audit

import "testing"

// TestAppendAllocations: what an agent's append allocates does not creep up. Most of it is for looking whether the log still goes on
// where it did; a record costs next to nothing.
func TestAppendAllocations(t *testing.T) {
	opts := testOptions(t)
	opts.SegmentSize = 0
	l := Open(opts)
	keep(t, l)
	r, few := read(1), reads(1, 11)
	one := testing.AllocsPerRun(200, func() { add(t, l, r) })
	if one > 22 {
		t.Errorf("an append allocates %v times", one)
	}
	if more := testing.AllocsPerRun(200, func() { add(t, l, few...) }); more > one+10*2 {
		t.Errorf("ten more records cost %v allocations", more-one)
	}
}
