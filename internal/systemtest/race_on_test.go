//go:build race

package systemtest

// slow is how much less is done because the race detector makes everything slower. The whole is done without it.
const slow = 5
