package mask

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A model is what the package promises, written as directly as possible: it looks for every form at every place.
type model struct {
	min    int
	values [][]byte
}

type modelForm struct {
	text    []byte
	anyCase bool
}

func (m model) forms() []modelForm {
	var all []modelForm
	for _, v := range m.values {
		eachForm(v, m.min, lowerDigits, func(f []byte, anyCase bool) { all = append(all, modelForm{f, anyCase}) })
	}
	return all
}

// at reports whether text begins with the form.
func (f modelForm) at(text []byte) bool {
	return len(text) >= len(f.text) && f.equal(text[:len(f.text)], f.text)
}

func (f modelForm) equal(a, b []byte) bool {
	if f.anyCase {
		return bytes.Equal(lowerASCII(a), lowerASCII(b))
	}
	return bytes.Equal(a, b)
}

func lowerASCII(b []byte) []byte {
	b = slices.Clone(b)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// mask returns the text with every run of bytes that belong to a form replaced, and how many there were.
func (m model) mask(text []byte, replacement string) (masked []byte, count int64) {
	return m.maskAlso(text, len(text), replacement)
}

// maskAlso is mask, with everything from an offset on hidden too.
func (m model) maskAlso(text []byte, from int, replacement string) (masked []byte, count int64) {
	hidden := make([]bool, len(text))
	for i := from; i < len(text); i++ {
		hidden[i] = true
	}
	for _, f := range m.forms() {
		for i := range text {
			if f.at(text[i:]) {
				for j := range f.text {
					hidden[i+j] = true
				}
			}
		}
	}
	for i, h := range hidden {
		switch {
		case !h:
			masked = append(masked, text[i])
		case i == 0 || !hidden[i-1]:
			masked = append(masked, replacement...)
			count++
		}
	}
	return masked, count
}

// open returns the length of the longest end of the text that is a true prefix of a form.
func (m model) open(text []byte) int {
	longest := 0
	for _, f := range m.forms() {
		for n := longest + 1; n < len(f.text) && n <= len(text); n++ {
			if f.equal(text[len(text)-n:], f.text[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// check compares a scanner with the model. cut says how long the next chunk is, given what is left.
func (m model) check(t interface {
	Helper()
	Fatalf(string, ...any)
}, text []byte, replacement string, cut func(left int) int,
) {
	t.Helper()
	s := Compile(m.min, m.values...).NewScanner(replacement)
	var got []byte
	for at := 0; at < len(text); {
		n := cut(len(text) - at)
		got = s.Append(got, text[at:at+n])
		at += n
		if open := m.open(text[:at]); s.Held() > open {
			t.Fatalf("after %q: %d bytes are held back, but only %d are the beginning of a form", text[:at], s.Held(), open)
		}
	}
	got = s.End(got)
	want, count := m.mask(text, replacement)
	if !bytes.Equal(got, want) || s.Replaced() != count {
		t.Fatalf("values %q, text %q:\ngot  %q, %d replaced\nwant %q, %d replaced", m.values, text, got, s.Replaced(), want, count)
	}
	// I14, I28: no form in what comes out. One that the replacement is part of says nothing of the text.
	for _, f := range m.forms() {
		if strings.Contains(string(f.text), "*") {
			continue
		}
		for i := range got {
			if f.at(got[i:]) {
				t.Fatalf("values %q, text %q: %q came through in %q", m.values, text, f.text, got)
			}
		}
	}
}

// drawValue draws a secret of few different bytes, so that the forms overlap each other and themselves, or of any.
func drawValue() *rapid.Generator[[]byte] {
	return rapid.OneOf(
		rapid.SliceOfN(rapid.SampledFrom([]byte("ab")), 0, 12),
		rapid.SliceOfN(rapid.SampledFrom([]byte("aA%2fF/")), 0, 10),
		rapid.SliceOfN(rapid.SampledFrom([]byte("a\n\r \t<é\"\\")), 0, 16),
		rapid.SliceOfN(rapid.Byte(), 0, 20),
		rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
	)
}

// drawText draws a text of forms, beginnings and ends of forms, and other things.
func drawText(t *rapid.T, m model) []byte {
	pieces := []*rapid.Generator[[]byte]{
		rapid.SliceOfN(rapid.SampledFrom([]byte("aAbB%2fF/\\u0")), 0, 12),
		rapid.SliceOfN(rapid.Byte(), 0, 6),
		rapid.SliceOfN(rapid.SampledFrom([]byte("ab cd%")), 20, 60),
	}
	if forms := m.forms(); len(forms) > 0 {
		pieces = append(pieces, rapid.Custom(func(t *rapid.T) []byte {
			f := rapid.SampledFrom(forms).Draw(t, "form").text
			from := rapid.IntRange(0, min(3, len(f))).Draw(t, "from")
			to := rapid.IntRange(max(from, len(f)-3), len(f)).Draw(t, "to")
			f = slices.Clone(f[from:to])
			if rapid.IntRange(0, 4).Draw(t, "case") == 0 {
				for i := range f {
					if rapid.Bool().Draw(t, "upper") {
						f[i] = bytes.ToUpper(f[i : i+1])[0]
					}
				}
			}
			return f
		}))
	}
	return bytes.Join(rapid.SliceOfN(rapid.OneOf(pieces...), 0, 8).Draw(t, "pieces"), nil)
}

func TestScannerIsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model{rapid.IntRange(0, 8).Draw(t, "min"), rapid.SliceOfN(drawValue(), 0, 3).Draw(t, "values")}
		m.check(t, drawText(t, m), Replacement, func(left int) int { return rapid.IntRange(0, left).Draw(t, "chunk") })
	})
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("abcabc"), []byte("bcab"), []byte("xabcabcabcax"), uint8(3))
	f.Add([]byte("p/ss w\"rd\n"), []byte("p%2Fss"), []byte(`{"a":"p\/ss w\u0022rd"} p%2fss%20w%22rd`), uint8(1))
	f.Add([]byte{0, 1, 2, 3, 255}, []byte("\xffaaaa"), []byte("AAECA/8AAQID/w"), uint8(2))
	f.Fuzz(func(t *testing.T, one, two, text []byte, chunk uint8) {
		if len(one)+len(two) > 200 || len(text) > 1000 {
			return
		}
		m := model{4, [][]byte{one, two}}
		m.check(t, text, Replacement, func(left int) int { return min(left, int(chunk)+1) })
	})
}
