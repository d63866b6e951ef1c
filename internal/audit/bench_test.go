package audit

import (
	"testing"
)

func BenchmarkAppend(b *testing.B) {
	opts := testOptions(b)
	opts.SegmentSize = 0
	l, _ := fill(b, opts, 1000)
	b.ReportAllocs()
	for b.Loop() {
		add(b, l, read(1))
	}
}
