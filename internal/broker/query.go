package broker

import (
	"iter"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"tacit/internal/fault"
)

// canonicalQuery returns the query in its one spelling, in its order: separated by single &, what needs no escape not escaped, all else
// in upper case, a plus as the space that it is in forms. Other reserved characters stay as they came, since APIs tell a,b from a%2Cb
// (RFC 3986, section 2.2): only names are judged, and those decoded.
func canonicalQuery(raw string) (string, error) {
	switch {
	case len(raw) > maxQuery:
		return "", fault.New(fault.Invalid, "the query is longer than %d bytes", maxQuery)
	case strings.Count(raw, "&") >= maxParameters:
		return "", fault.New(fault.Invalid, "the query has more than %d parameters", maxParameters)
	}
	query := raw
	if !isCanonicalQuery(raw) {
		b := make([]byte, 0, len(raw)+16)
		for parameter := range strings.SplitSeq(raw, "&") {
			if parameter == "" {
				continue
			}
			if len(b) > 0 {
				b = append(b, '&')
			}
			var err error
			if b, err = appendParameter(b, parameter); err != nil {
				return "", err
			}
		}
		query = string(b)
	}
	for parameter := range strings.SplitSeq(query, "&") {
		if err := checkParameter(parameterName(parameter)); err != nil {
			return "", err
		}
	}
	return query, nil
}

// appendParameter appends name=value in its one spelling.
func appendParameter(dst []byte, parameter string) ([]byte, error) {
	for i := 0; i < len(parameter); i++ {
		switch b := parameter[i]; {
		case isQueryLiteral(b):
			dst = append(dst, b)
		case b == '+':
			dst = append(dst, "%20"...)
		case b == '%':
			if i+2 >= len(parameter) || !isHex(parameter[i+1]) || !isHex(parameter[i+2]) {
				return nil, refuse("the query is not escaped as it should be").WithFix("escape a percent sign as %%25")
			}
			if d := unhex(parameter[i+1])<<4 | unhex(parameter[i+2]); isUnreserved(d) {
				dst = append(dst, d)
			} else {
				dst = appendEscaped(dst, d)
			}
			i += 2
		case b == ';': // some servers end a parameter here, and would see one more than we do
			return nil, refuse("the query has a semicolon").WithFix("escape a semicolon as %%3B, and separate parameters with &")
		case b <= ' ' || b == 0x7f || b == '#':
			return nil, refuse("the query has a control character, space or #").WithFix("escape a space as %%20 and # as %%23")
		default:
			dst = appendEscaped(dst, b)
		}
	}
	return dst, nil
}

// isCanonicalQuery reports whether nothing in a query could have another spelling.
func isCanonicalQuery(s string) bool {
	before := byte('&')
	for i := range len(s) {
		b := s[i]
		if b == '&' && before == '&' || b != '&' && !isQueryLiteral(b) {
			return false
		}
		before = b
	}
	return before != '&' || s == ""
}

// isQueryLiteral reports whether b stands in a parameter as it is (RFC 3986, section 3.4): see isSegmentLiteral.
func isQueryLiteral(b byte) bool {
	return b != '&' && isSegmentLiteral(b) || b == '/' || b == '?'
}

// parameterName returns the decoded name of a canonical parameter.
func parameterName(parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	if decoded, err := url.PathUnescape(name); err == nil { // it is canonical: it can be decoded
		return decoded
	}
	return name
}

// checkParameter refuses names that no server should see from a caller, whatever authenticates.
func checkParameter(name string) error {
	switch {
	case len(name) > maxParameterName || strings.Count(name, "[")+strings.Count(name, "]")+strings.Count(name, ".") > maxNameNesting:
		return fault.New(fault.Invalid, "the name of a query parameter is longer than %d bytes or nested too deeply", maxParameterName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return refuse("the name of a query parameter has a control character or is not UTF-8")
	case strings.ContainsAny(name, "&=;#") || escapedAgain(name):
		return refuse("the name of a query parameter has an escaped separator or is escaped twice")
	}
	var buf [64]byte
	for reading := range readings(name) {
		switch string(fold(buf[:0], reading)) {
		case "-method", "-httpmethod", "x-http-method", "x-http-method-override", "x-method-override":
			return refuse("a query parameter would change the method").WithFix("send the request with the method that is meant")
		case "access-token", "oauth-token", "authorization", "x-amz-credential", "x-amz-signature", "x-amz-security-token",
			"x-goog-credential", "x-goog-signature":
			return refuse("a query parameter would authenticate: the broker does that")
		}
	}
	return nil
}

// readings returns what a server may take for the name of a parameter: the name, and what servers that build arrays and objects from names
// read, key of key[], [key], key[0], key.x and .key.
func readings(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(name) {
			return
		}
		trimmed := strings.TrimLeft(name, "[. ")
		for i := range len(trimmed) {
			if b := trimmed[i]; (b == '[' || b == ']' || b == '.') && !yield(trimmed[:i]) {
				return
			}
		}
		if trimmed != name {
			yield(trimmed)
		}
	}
}

func unhex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}
