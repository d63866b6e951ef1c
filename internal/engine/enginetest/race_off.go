//go:build !race

package enginetest

// Slow is how much less is done because the race detector makes everything slower: here, none.
const Slow = 1
