package registry

import (
	"slices"
	"strings"

	"tacit/internal/httpgrammar"
)

// The words of a service file. Each function reports whether s is one.

// isServiceID: [a-z0-9][a-z0-9-]*, at most 64.
func isServiceID(s string) bool {
	return s != "" && len(s) <= 64 && s[0] != '-' && only(s, func(c byte) bool { return lower(c) || digit(c) || c == '-' })
}

// isCapabilityName: [a-z0-9][a-z0-9_-]*, at most 64: what stands after the slash of a capability's id.
func isCapabilityName(s string) bool {
	return s != "" && len(s) <= 64 && (lower(s[0]) || digit(s[0])) && only(s, func(c byte) bool { return lower(c) || digit(c) || c == '-' || c == '_' })
}

// isWord: [a-z][a-z0-9_]*, at most 64: a placeholder.
func isWord(s string) bool {
	return s != "" && len(s) <= 64 && lower(s[0]) && only(s, func(c byte) bool { return lower(c) || digit(c) || c == '_' })
}

// isField: a member of a JSON object or a parameter, [A-Za-z_$][A-Za-z0-9_$-]*, at most 64. A point is no part of it, so that nobody
// takes it for a path.
func isField(s string) bool {
	return s != "" && len(s) <= 64 && !digit(s[0]) && s[0] != '-' && only(s, func(c byte) bool { return letter(c) || digit(c) || c == '_' || c == '$' || c == '-' })
}

// isParameter: a query parameter or a field of a form, of characters that need no escape (RFC 3986, section 2.3) or are common in
// names, a[b].
func isParameter(s string) bool {
	return s != "" && len(s) <= 64 && only(s, func(c byte) bool { return letter(c) || digit(c) || strings.IndexByte("-._~[]", c) >= 0 })
}

// isToken: a token of HTTP (RFC 9110, section 5.6.2), at most 64: a header name.
func isToken(s string) bool {
	return len(s) <= 64 && httpgrammar.IsToken(s)
}

// isVariable: [A-Z_][A-Z0-9_]*, at most 64.
func isVariable(s string) bool {
	return s != "" && len(s) <= 64 && !digit(s[0]) && only(s, func(c byte) bool { return c >= 'A' && c <= 'Z' || digit(c) || c == '_' })
}

// steers reports whether a variable changes how programs run or where tacit looks, so that no service file may name it.
func steers(s string) bool {
	switch s {
	case "PATH", "HOME", "SHELL", "ENV", "BASH_ENV", "IFS", "TMPDIR", "USER", "NODE_OPTIONS", "PYTHONPATH", "PYTHONHOME", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "GODEBUG", "EDITOR", "PAGER":
		return true
	}
	return slices.ContainsFunc([]string{"LD_", "DYLD_", "TACIT_", "SSL_CERT_", "GIT_", "XDG_"}, func(p string) bool { return strings.HasPrefix(s, p) }) ||
		strings.HasSuffix(s, "_PROXY")
}

// hopByHop are headers that belong to the connection or to the framing of the message: no strategy sets them.
func hopByHop(header string) bool {
	switch header {
	case "host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect", "http2-settings",
		"content-length", "content-type", "content-encoding", "accept-encoding", "range":
		return true
	}
	return false
}

func only(s string, is func(c byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) bool  { return 'a' <= c && c <= 'z' }
func letter(c byte) bool { return lower(c | 0x20) }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
