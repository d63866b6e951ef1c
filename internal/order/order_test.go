package order_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/order"
)

// TestBy: the result is that of slices.SortStableFunc.
func TestBy(t *testing.T) {
	t.Parallel()
	type pair struct{ key, was int }
	rapid.Check(t, func(t *rapid.T) {
		var list []pair
		for i, key := range rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "keys") {
			list = append(list, pair{key, i})
		}
		byKey := func(a, b pair) int { return cmp.Compare(a.key, b.key) }
		want := slices.Clone(list)
		slices.SortStableFunc(want, byKey)
		if order.By(list, byKey); !slices.Equal(list, want) {
			t.Errorf("%v, want %v", list, want)
		}
	})
}
