//go:build unix

package audit

import (
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"tacit/internal/paths/pathstest"
)

// bigLog makes a log of n records.
func bigLog(b *testing.B, n int) *Log {
	b.Helper()
	opts := testOptions(b)
	opts.SegmentSize = 0
	l := Open(opts)
	for i := 0; i < n; i += 10_000 {
		add(b, l, reads(i+1, min(10_000, n-i))...)
	}
	// What the disk still has to write is not what is measured.
	if _, err := l.Append(b.Context(), true, func(Last) ([]*Record, error) { return reads(n+1, 1), nil }); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	return l
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{100, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			l := bigLog(b, n)
			b.ReportAllocs()
			for b.Loop() {
				add(b, l, read(1))
			}
		})
	}
}

// BenchmarkAppendTogether is 16 callers at once, as an agent has them.
func BenchmarkAppendTogether(b *testing.B) {
	for _, durable := range []bool{false, true} {
		b.Run(map[bool]string{true: "durable", false: "written"}[durable], func(b *testing.B) {
			l := bigLog(b, 100)
			stop := l.KeepSynced(SyncWithin)
			b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := read(1)
				for pb.Next() {
					if _, err := l.Append(b.Context(), durable, func(Last) ([]*Record, error) { return []*Record{r}, nil }); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			if err := stop(); err != nil {
				b.Error(err)
			}
		})
	}
}

// BenchmarkAppendFresh is one append in a new process, as `tacit get` does it; not durable, so without the disk.
func BenchmarkAppendFresh(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "audit")
	fill(b, childOptions(dir), 3)
	var took []time.Duration
	for b.Loop() {
		out, err := pathstest.Command(b, "fresh", dir).Output()
		if err != nil {
			b.Fatal(err)
		}
		d, err := time.ParseDuration(string(out))
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, d)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[0].Nanoseconds()), "ns/min")
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "ns/median")
}

func BenchmarkVerify(b *testing.B) {
	const n = 200_001
	l := bigLog(b, n-1)
	for _, keys := range []bool{true, false} {
		b.Run(map[bool]string{true: "keys", false: "chain"}[keys], func(b *testing.B) {
			opts := l.opts
			if !keys {
				opts.Keys = nil
			}
			l := Open(opts)
			for b.Loop() {
				if r, err := l.Verify(b.Context(), nil, func() (uint64, error) { return 1, nil }); err != nil || r.Bad != nil {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	const n = 200_001
	l := bigLog(b, n-1)
	for name, q := range map[string]Query{"limit": {Limit: 50}, "no summary": {Limit: 50, NoSummary: true}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if found, err := l.Query(b.Context(), q, nil); err != nil || len(found.Lines) != 50 {
					b.Fatal(err)
				}
			}
		})
	}
}
