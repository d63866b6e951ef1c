package envelope

// Undump does nothing: Windows writes no core file unless an administrator has asked for one, for a program by its name.
func Undump() error { return nil }

// NoCores does nothing, for the same reason.
func NoCores() error { return nil }
