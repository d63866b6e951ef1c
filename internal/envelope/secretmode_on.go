//go:build goexperiment.runtimesecret

package envelope

import "runtime/secret"

// guarded calls fn, and erases the registers, stack and heap that fn used: at once, or for the heap when it is collected.
// Only Linux on amd64 and arm64 does; see package runtime/secret for the limits.
func guarded(fn func()) { secret.Do(fn) }
