//go:build unix && !linux

package envelope

// hidePages does nothing: these systems have no such advice. Undump keeps the whole process out of core dumps instead.
func hidePages([]byte) {}
