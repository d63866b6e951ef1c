package handoff

// SessionCommand is never the first argument on Windows, where programs get no terminal of their own.
const SessionCommand = "__session"

// Session does nothing on Windows.
func Session([]string) int { return ExitNotFound }
