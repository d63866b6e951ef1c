package broker

import (
	"unicode"
	"unicode/utf8"
)

// fold appends the form of a name in which it is compared: case folded as Unicode has it (K, the sign of kelvin, is a k; long s is an
// s), and - for all but letters and digits. Servers that hand names on as variables (CGI, PHP, WSGI) make one of X-Api-Key and
// X_Api_Key, of api_key and api.key.
func fold(dst []byte, name string) []byte {
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			dst = append(dst, byte(r))
		case 'A' <= r && r <= 'Z':
			dst = append(dst, byte(r)|0x20)
		case r < utf8.RuneSelf:
			dst = append(dst, '-')
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return dst
}

// sameName reports whether two folded names have the same letters and digits.
func sameName(a, b []byte) bool {
	for {
		for len(a) > 0 && a[0] == '-' {
			a = a[1:]
		}
		for len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
		if len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if a[0] != b[0] {
			return false
		}
		a, b = a[1:], b[1:]
	}
}
