package vault_test

import (
	"context"
	"fmt"
	"testing"

	"tacit/internal/name"
	"tacit/internal/vault"
)

// BenchmarkImport measures records a second of the two ways in.
func BenchmarkImport(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				r := newRig(b)
				if err := r.v.Import(context.Background(), vault.Import{OnConflict: vault.ConflictFail, Hooks: r.hooks}, entries(n, "x")); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "secrets/s")
		})
	}
}

// BenchmarkFind measures one lookup with its value, and one listing of 10,000.
func BenchmarkFind(b *testing.B) {
	r := newRig(b)
	if err := r.v.Import(context.Background(), vault.Import{OnConflict: vault.ConflictFail, Hooks: r.hooks}, entries(10_000, "x")); err != nil {
		b.Fatal(err)
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.get("x005000"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			err := r.v.View(context.Background(), func(v *vault.Reader) error { return listAll(v) })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("missing", func(b *testing.B) {
		for b.Loop() {
			r.reopen()
			_ = r.unlock()
			_ = r.v.View(context.Background(), func(v *vault.Reader) error { _, err := v.Find([]name.Scope{name.Global}, "no"); return err })
		}
	})
}

// BenchmarkRotate moves a vault of 50,000 secrets to a new root key.
func BenchmarkRotate(b *testing.B) {
	r := newRig(b)
	if err := r.v.Import(context.Background(), vault.Import{OnConflict: vault.ConflictFail, Hooks: r.hooks}, entries(50_000, "x")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r.begin()
		var m vault.Moving
		batches := 0
		for more := true; more; batches++ {
			var err error
			if more, err = r.v.MoveBatch(context.Background(), &m); err != nil {
				b.Fatal(err)
			}
		}
		if err := r.v.FinishRotation(context.Background(), r.hooks, nil); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(batches), "batches")
	}
	b.ReportMetric(50_000*float64(b.N)/b.Elapsed().Seconds(), "secrets/s")
}
