//go:build race

package enginetest

// Slow is how much less is done because the race detector makes everything slower. The whole is done without it.
const Slow = 5
