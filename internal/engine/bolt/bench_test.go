package bolt_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
)

// filled makes a database of n records with values of size bytes, and says how long that took.
func filled(t testing.TB, n, size int) (*bolt.Engine, time.Duration) {
	t.Helper()
	e := bolt.Open(newVault(t), bolt.Options{})
	w, err := e.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	value := make([]byte, size)
	start := time.Now()
	err = w.Replace(func(put func(k, v []byte) error) error {
		key := make([]byte, 0, 64)
		for i := range n {
			binary.BigEndian.PutUint64(value, uint64(i))
			if err := put(recordKey(key[:0], i), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, time.Since(start)
}

func recordKey(b []byte, i int) []byte { return fmt.Appendf(b, "v/%030d", i) }

// BenchmarkGet opens the file and reads one record, as a command does.
func BenchmarkGet(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, _ := filled(b, n, 500)
			b.ReportAllocs()
			for b.Loop() {
				err := e.View(context.Background(), func(s engine.Snapshot) error {
					_, ok, err := s.Get(recordKey(nil, rand.IntN(n)))
					if !ok {
						b.Error("a record is missing")
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCommit makes small durable changes and reports their median.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, _ := filled(b, n, 500)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				change := &engine.Batch{}
				for range 4 {
					change.Put(recordKey(nil, rand.IntN(n)), make([]byte, 500))
				}
				if err := enginetest.Commit(context.Background(), e, change); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		})
	}
}

// BenchmarkReplace loads a new file, ascending.
func BenchmarkReplace(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		_, took := filled(b, n, 500)
		b.ReportMetric(n/took.Seconds(), "records/s")
	}
}

// BenchmarkScan reads everything.
func BenchmarkScan(b *testing.B) {
	const n = 200_000
	e, _ := filled(b, n, 500)
	for b.Loop() {
		seen := 0
		err := e.View(context.Background(), func(s engine.Snapshot) error {
			return s.Scan(nil, nil, func(k, v []byte) error { seen++; return nil })
		})
		if err != nil || seen != n {
			b.Fatal(seen, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
