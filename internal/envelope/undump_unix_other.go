//go:build unix && !linux

package envelope

// Undump switches core files off (I09). These systems have no way for a process to become unreadable for its own user that a
// signed, hardened build does not have already; what it starts inherits the limit.
func Undump() error { return NoCores() }
