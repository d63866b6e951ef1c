package broker

// Authenticates reports whether a header of that name authenticates, or might: the kind that no caller sets (I25).
func Authenticates(header string) bool {
	var buf [maxFieldName]byte
	return len(header) <= maxFieldName && kindOf(string(fold(buf[:0], header))) == fieldAuth
}
