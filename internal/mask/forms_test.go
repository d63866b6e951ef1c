package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// masked returns the text with the values replaced.
func masked(text string, min int, values ...string) string {
	var all [][]byte
	for _, v := range values {
		all = append(all, []byte(v))
	}
	s := Compile(min, all...).NewScanner(Replacement)
	return string(s.End(s.Append(nil, []byte(text))))
}

// I14 and I28: the forms as people meet them.
func TestI14FormsOfASecret(t *testing.T) {
	t.Parallel()
	const secret = `p/ss "w0rd" <&> ü😀?` + "\n\t" + `ende\ `
	js := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "the quick brown fox", "the quick brown fox"},
		{"raw", "x" + secret + "y", "x***y"},
		{"twice", secret + "," + secret, "***,***"},
		{"one after the other", secret + secret, "***"},
		{"basic", "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+secret)), "Basic dXNlcjp***"},
		{"base64", base64.StdEncoding.EncodeToString([]byte(secret)), "***"},
		{"base64url, no padding", base64.RawURLEncoding.EncodeToString([]byte(secret)), "***"},
		{"base64 of more", base64.StdEncoding.EncodeToString([]byte("12" + secret + "345")), "MTJ***MzQ1"},
		{"hex", hex.EncodeToString([]byte(secret)), "***"},
		{"hex in capitals", fmt.Sprintf("%X", secret), "***"},
		{"hex in both", "0x" + mixCase(hex.EncodeToString([]byte(secret))), "0x***"},
		{"query", "q=" + url.QueryEscape(secret) + "&r=1", "q=***&r=1"},
		{"path segment", "/v1/" + url.PathEscape(secret) + "/x", "/v1/***/x"},
		{"path", (&url.URL{Path: "/v1/" + secret}).String(), "/v1/***"},
		{"connection string", (&url.URL{Scheme: "pg", User: url.UserPassword("me", secret), Host: "db"}).String(), "pg://me:***@db"},
		{"form", url.Values{"p": {secret}}.Encode(), "p=***"},
		{"encodeURIComponent", "p%2Fss%20%22w0rd%22%20%3C%26%3E%20%C3%BC%F0%9F%98%80%3F%0A%09ende%5C%20", "***"},
		{"lower-case escapes", strings.ToLower(url.QueryEscape(secret)), "***"},
		{"mixed escapes", "p%2Fss%20%22w0rd%22%20%3c%26%3E%20%C3%Bc%f0%9F%98%80%3f%0A%09ende%5C%20", "***"},
		{"JSON", js(map[string]string{"p": secret}), `{"p":"***"}`},
		{"JSON without HTML", `"p/ss \"w0rd\" <&> ü😀?\n\tende\\ "`, `"***"`},
		{"JSON of PHP", `"p\/ss \"w0rd\" <&> \u00fc\ud83d\ude00?\n\tende\\ "`, `"***"`},
		{"JSON of Python", `"p/ss \"w0rd\" <&> \u00fc\ud83d\ude00?\n\tende\\ "`, `"***"`},
		{"JSON of .NET", `"p/ss \u0022w0rd\u0022 \u003C\u0026\u003E \u00FC\uD83D\uDE00?\n\tende\\ "`, `"***"`},
		{"JSON, all that can be", `p\u002fss \u0022w0rd\u0022 \u003c\u0026\u003e \u00fc\ud83d\ude00?\u000a\u0009ende\u005c `, `***`},
		{"a line", `got p/ss "w0rd" <&> ü😀? and`, "got *** and"},
		{"another", "ende\\\r\n", "***\r\n"},
		{"another case", strings.ToUpper(secret), strings.ToUpper(secret)},
		{"cut", secret[1 : len(secret)-8], secret[1 : len(secret)-8]},
	} {
		if got := masked(c.text, 4, secret); got != c.want {
			t.Errorf("%s: %s became\n%s, not\n%s", c.name, c.text, got, c.want)
		}
	}
}

func mixCase(s string) string {
	b := []byte(s)
	for i := range b {
		if i%3 == 0 {
			b[i] = bytes.ToUpper(b[i : i+1])[0]
		}
	}
	return string(b)
}

func TestI14MinimumLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, text, want string
		min               int
	}{
		{"abcd", "xabcdx", "x***x", 4},
		{"abc", "xabcx", "xabcx", 4},
		{"abcdefg", "abcdefg", "abcdefg", 8},
		{"abcdefgh", "abcdefgh", "***", 8},
		{"", "text", "text", 0},
		{"a", "cat", "c***t", 0},
		{"longlonglong\nabc\nabcd", "abc abcd longlonglong", "abc *** ***", 4}, // a short line is no form
		{"abcd\n", "abcd YWJjZA==", "*** ***", 4},                              // with and without the newline
		{"abc\n", "abc", "abc", 4},
		{"abc\nde\n", "abc\nde abc\r\nde\r\n", "*** ***", 4}, // as a terminal prints it
	} {
		if got := masked(c.text, c.min, c.value); got != c.want {
			t.Errorf("%q in %q, from %d bytes: %q, not %q", c.value, c.text, c.min, got, c.want)
		}
	}
	if f := Forms([]byte("abc"), 4); f != nil {
		t.Errorf("a value that is too short has the forms %q", f)
	}
	if !Compile(4, []byte("abc"), nil).Empty() || Compile(4, []byte("abcd")).Empty() {
		t.Error("Empty is wrong")
	}
}

// What well-known encoders write is hidden, wherever in a longer text the secret stands. Only base64 may show a character at each end.
func TestI14EveryEncoder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.OneOf(
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 4, 40), func(b []byte) string { return string(b) }),
			rapid.StringN(4, 40, -1),
			rapid.StringMatching(`[ -~]{4,40}`),
		).Draw(t, "secret")
		before, after := rapid.StringMatching(`\PC{0,5}`).Draw(t, "before"), rapid.StringMatching(`\PC{0,5}`).Draw(t, "after")
		all := before + secret + after
		encoders := map[string]func(string) string{
			"raw":          func(s string) string { return s },
			"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
			"HEX":          func(s string) string { return fmt.Sprintf("%X", s) },
			"QueryEscape":  url.QueryEscape,
			"PathEscape":   url.PathEscape,
			"path":         func(s string) string { return (&url.URL{Path: s}).EscapedPath() },
			"UserPassword": func(s string) string { return url.UserPassword("", s).String()[1:] },
		}
		if utf8.ValidString(secret) && utf8.ValidString(before) {
			encoders["json"] = func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) }
			encoders["json, no HTML"] = func(s string) string {
				var b bytes.Buffer
				e := json.NewEncoder(&b)
				e.SetEscapeHTML(false)
				_ = e.Encode(s)
				return strings.Trim(b.String(), "\"\n")
			}
		}
		for name, encode := range encoders {
			if strings.HasPrefix(name, "json") && strings.ContainsAny(secret, `"`) {
				continue // Trim would take the secret's own quotes
			}
			if form := encode(secret); len(form) >= 4 && strings.Contains(masked(encode(all), 4, secret), form) && !strings.Contains(form, "*") {
				t.Fatalf("%s of %q shows %q", name, all, form)
			}
		}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte(all))
			first, last := (8*len(before)+5)/6, 8*(len(before)+len(secret))/6
			if got := masked(text, 4, secret); !strings.HasPrefix(got, text[:min(first, 1)]) || strings.Contains(got, text[first:last]) {
				t.Fatalf("base64 of %q is %q and became %q", all, text, got)
			}
		}
	})
}

// What is taken to be plain is what every style leaves as it is.
func TestPlain(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		value := []byte{byte(b)}
		changed := false
		for _, s := range urlStyles {
			form, _ := s.escape(value, lowerDigits)
			changed = changed || string(form) != string(value)
		}
		for _, s := range jsonStyles {
			form, _, _ := s.escape(value, lowerDigits)
			changed = changed || string(form) != string(value)
		}
		if changed && isPlain(value) {
			t.Errorf("%q is not plain", value)
		}
	}
}

func TestFormsAreEachThereOnce(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"plainkey", "a/b+c d?", "ä\n\"<&>", "\xff\xfe\x00abcd"} {
		forms := Forms([]byte(v), 4)
		seen := map[string]bool{}
		for _, f := range forms {
			if seen[string(f)] || len(f) < 4 {
				t.Errorf("%q: form %q", v, f)
			}
			seen[string(f)] = true
			if got := masked(string(f), 4, v); got != Replacement {
				t.Errorf("%q: form %q became %q", v, f, got)
			}
		}
		if !slices.ContainsFunc(forms, func(f []byte) bool { return string(f) == v }) {
			t.Errorf("%q is none of its own forms", v)
		}
	}
}

// Bytes that are no UTF-8 become one and the same character in JSON: a form that is nothing else would hide all such text.
func TestLossyJSONIsNoForm(t *testing.T) {
	t.Parallel()
	if got := masked(`"\ufffd\ufffd\ufffd\ufffd"`, 4, "\xff\xfe\xfd\xfc"); !strings.Contains(got, "ufffd") {
		t.Errorf("a value of four bytes that are no UTF-8 hides %q", got)
	}
	if got := masked(`"abcd\ufffd"`, 4, "abcd\xff"); got != `"***"` {
		t.Errorf("got %q", got)
	}
}

func TestLowerIsLower(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x, want uint64
		for i, b := range rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "bytes") {
			x |= uint64(b) << (8 * i)
			want |= uint64(lowerASCII([]byte{b})[0]) << (8 * i)
		}
		if got := lower(x); got != want {
			t.Fatalf("lower(%016x) = %016x, not %016x", x, got, want)
		}
	})
	for b := range 256 {
		if got, want := lower(uint64(b)<<24), uint64(lowerASCII([]byte{byte(b)})[0])<<24; got != want {
			t.Errorf("lower of %#x is %#x, not %#x", b, got, want)
		}
	}
}
