package handoff

import (
	"fmt"
	"strings"
)

// encodeURLs percent-encodes the values of a span that stand within a URL, for the part of it in which they do.
func (l *Layout) encodeURLs(s span, bits []bit) error {
	for i, b := range bits {
		if !b.value {
			continue
		}
		at := l.at[b.hole]
		from, to := max(s.from, at-maxURL), min(s.to, at+maxURL)
		part, ok := urlPart(l.text[from:to], at-from)
		switch {
		case ok:
		case l.everywhere:
			part = asComponent
		default:
			continue
		}
		encoded, err := part(b.text)
		if err != nil {
			return of(b, err)
		}
		bits[i].text = encoded
	}
	return nil
}

// maxURL bounds how far around a value a URL is looked for, in bytes.
const maxURL = 2 << 10

// urlEnd are the bytes that no URL goes beyond. A semicolon is one of them: it separates the parts of connection strings, of which one may
// be a URL and the next a key that nobody decodes.
const urlEnd byteSet = " \t\r\n\"'`<>|\\^;(){}"

// urlPart says how a value at a place of a text is encoded, and whether that is within a URL: a scheme and "://" stand before it, with nothing
// between that ends a URL.
func urlPart(text string, at int) (encode func(string) (string, error), ok bool) {
	before, after := text[:at], text[at:]
	if strings.Contains(before, `:\/\/`) { // some write JSON so
		before = strings.ReplaceAll(before, `\/`, "/")
	}
	start := strings.LastIndex(before, "://")
	if start < 0 || !hasScheme(before[:start]) {
		return nil, false
	}
	before = before[start+len("://"):]
	for i := range len(before) {
		if urlEnd.has(before[i]) {
			return nil, false
		}
	}
	if strings.ContainsAny(before, "/?#") {
		segment := before[strings.LastIndexAny(before, "/?#")+1:]
		if strings.ContainsAny(before, "?#") || strings.Trim(segment, string(hole)+".") != "" {
			return asComponent, true
		}
		return asSegment, true
	}
	for i := 0; i < len(after) && !urlEnd.has(after[i]) && !byteSet("/?#").has(after[i]); i++ {
		if after[i] == '@' {
			return asComponent, true // user or password
		}
	}
	return asHost, true
}

// hasScheme reports whether s ends in what may stand before "://".
func hasScheme(s string) bool {
	i := len(s)
	for i > 0 && (isAlnum(s[i-1]) || byteSet("+-.").has(s[i-1])) {
		i--
	}
	return i < len(s) && isAlnum(s[i])
}

func isAlnum(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' }

// asComponent leaves only what has no meaning anywhere in a URL (RFC 3986, 2.3, unreserved).
func asComponent(v string) (string, error) {
	var out strings.Builder
	for i := range len(v) {
		if c := v[i]; isAlnum(c) || byteSet("-._~").has(c) {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String(), nil
}

// asSegment is asComponent where a path's segment begins: there, dots mean something that no encoding takes from them.
func asSegment(v string) (string, error) {
	if v != "" && strings.Trim(v, ".") == "" {
		return "", &misfit{"is nothing but dots, which lead to another place in the path of a URL", ""}
	}
	return asComponent(v)
}

// asHost lets hosts and ports pass, and nothing that would end them: percent-encoding is not decoded there by everybody.
func asHost(v string) (string, error) {
	for i := range len(v) {
		if !isAlnum(v[i]) && !byteSet("-._:[],").has(v[i]) {
			return "", &misfit{"is no host and port, and stands where a URL has them", "--escape with the kind of the file leaves URLs in it alone"}
		}
	}
	return v, nil
}
