// Package order sorts lists by a comparison. It does what slices.SortFunc does, which the compiler copies for every type that it is used
// with, 20 kB each: here all types share one copy, that of package sort. Where sorting takes time that somebody waits for, or the type is
// an ordered one, package slices is the better choice.
package order

import "sort"

// By sorts list, leaving what is equal in the order that it was in. compare returns a negative number when a comes before b.
func By[T any](list []T, compare func(a, b T) int) {
	sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}
