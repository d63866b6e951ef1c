// Package systemtest attacks the whole of tacit, from outside and from above: through package keeper in processes that are
// killed, and through the program as it ships. It has no code of its own, only tests; each is named after what it tries to break.
//
// The suite runs in bounded time. TACIT_LONG=1 in the environment multiplies the work. It needs Linux, root (it mounts a small
// file system and becomes another user) and strace.
package systemtest
