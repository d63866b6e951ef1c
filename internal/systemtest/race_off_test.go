//go:build !race

package systemtest

const slow = 1
