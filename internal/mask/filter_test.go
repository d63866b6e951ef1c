package mask

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawAlike draws secrets that a filter could take for one another, or for the text around them: of one letter, of two, with the same
// beginning, in another case, one the end of another; some shorter than its starts are at most, some longer.
func drawAlike(t *rapid.T) [][]byte {
	letters := rapid.SampledFrom([]string{"a", "ab", "aA", "a-", "eta oin", "\x00\xff", "0123456789abcdefABCDEF"}).Draw(t, "letters")
	some := rapid.SliceOfN(rapid.SampledFrom([]byte(letters)), 0, 24)
	stem := some.Draw(t, "stem")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []byte {
		v := slices.Clone(stem)
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			v = append(v, some.Draw(t, "tail")...)
		case 1:
			v = append(some.Draw(t, "head"), v...)
		case 2:
			v = bytes.ToUpper(v)
		case 3:
			v = append(v, v...)
		default:
			v = v[rapid.IntRange(0, len(v)).Draw(t, "from"):]
		}
		return v
	}), 1, 5).Draw(t, "values")
}

// I14, I28: what the filter passes by is what the slow model finds nothing in, whatever the secrets have in common with each other and with
// the text, and wherever the text is cut.
func TestI14FilterIsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model{rapid.IntRange(1, 20).Draw(t, "min"), drawAlike(t)}
		text := drawText(t, m)
		for _, v := range m.values {
			if rapid.Bool().Draw(t, "again") {
				text = append(text, bytes.Repeat(v, rapid.IntRange(1, 3).Draw(t, "times"))...)
				text = append(text, rapid.SliceOfN(rapid.SampledFrom(append([]byte("x"), v...)), 0, 40).Draw(t, "around")...)
			}
		}
		m.check(t, text, Replacement, func(left int) int { return rapid.IntRange(0, left).Draw(t, "chunk") })
	})
}

// I14: every form of secrets of many lengths is found at every place, whichever block of it the filter comes upon, with the text cut
// at every place of it; and in the case that the form has, or any.
func TestI14EveryFormAtEveryPlace(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"qrst", "p/ss w", "k3y+tst", "hunter/2", "tok_56789", "a-secret-of-19-chars", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababababab", "Pa55 <w\u00f6rd>&\"more\"",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			p := Compile(4, []byte(value))
			for _, form := range Forms([]byte(value), 4) {
				for before := range 2 * longestStart {
					text := slices.Concat(bytes.Repeat([]byte("."), before), form, bytes.Repeat([]byte("."), 3*longestStart))
					want := bytes.ReplaceAll(text, form, []byte(Replacement))
					for cut := range before + len(form) + 1 {
						s := p.NewScanner(Replacement)
						if got := s.End(s.Append(s.Append(nil, text[:cut]), text[cut:])); !bytes.Equal(got, want) {
							t.Fatalf("%q at %d, cut at %d: %q", form, before, cut, got)
						}
					}
				}
			}
		})
	}
}

// I14: of secrets that lie within each other and themselves, every occurrence is found in every text of their letters.
func TestI14EveryTextOfTwoLetters(t *testing.T) {
	t.Parallel()
	const size = 13
	for _, values := range [][]string{
		{"abbabbab", "abba"},
		{"abba", "bbab"},
		{"aaaa"},
		{"ababab", "bab"},
		{"aabaab", "abaa", "baab"},
		{"aaaaaaaab", "aaab"},
		{"abababababb", "ababb", "babab"},
		{"bbbbbbbba", "bbb"},
		{"abbabbab", "bbabba", "abba", "babb"},
		{"aaaaaaaaaaa", "aaaaaaaaab"},
	} {
		var all [][]byte
		for _, v := range values {
			all = append(all, []byte(v))
		}
		s := Compile(3, all...).NewScanner(Replacement)
		for number := range 1 << size {
			var text []byte
			for bit := range size {
				text = append(text, "ab"[number>>bit&1])
			}
			hidden := make([]bool, size+1)
			for _, v := range all {
				for i := range text {
					if bytes.HasPrefix(text[i:], v) {
						for j := range v {
							hidden[i+j] = true
						}
					}
				}
			}
			var want []byte
			for i, b := range text {
				switch {
				case !hidden[i]:
					want = append(want, b)
				case !hidden[i+1]:
					want = append(want, Replacement...)
				}
			}
			if got := s.End(s.Append(nil, text)); !bytes.Equal(got, want) {
				t.Fatalf("%q in %q: %q, not %q", values, text, got, want)
			}
		}
	}
}

// Many secrets share the table of blocks: none is lost in it.
func TestI14ManySecrets(t *testing.T) {
	t.Parallel()
	var values [][]byte
	var text, want []byte
	for i := range 3000 {
		v := fmt.Appendf(nil, "%04d-secret-%04d", i, i*7919%10000)
		values = append(values, v)
		text = append(append(text, v...), bytes.Repeat([]byte{'.'}, 1+i%40)...)
		want = append(append(want, Replacement...), bytes.Repeat([]byte{'.'}, 1+i%40)...)
	}
	s := Compile(8, values...).NewScanner(Replacement)
	if got := s.End(s.Append(nil, text)); !bytes.Equal(got, want) {
		t.Errorf("%d of 3000 replaced", s.Replaced())
	}
}

// A text that is nothing but the beginnings of a secret takes time in proportion to its length: else this test would take hours.
func TestAllBeginningsAreLinear(t *testing.T) {
	t.Parallel()
	const long = 16 << 10
	as := bytes.Repeat([]byte("a"), long)
	for _, c := range []struct{ secret, piece []byte }{
		{append(bytes.Clone(as), 'b'), as},
		{append(bytes.Clone(as), 'b'), append(bytes.Clone(as[:long-1]), 'c')},
		{bytes.Repeat([]byte("ab"), long/2), []byte("abababac")},
		{as, as},
	} {
		p := Compile(8, c.secret)
		s, out := p.NewScanner(Replacement), []byte(nil)
		for n := 0; n < 1<<20; n += len(c.piece) {
			out = s.Append(out[:0], c.piece)
		}
		if s.Held() > len(c.secret) || len(s.text) > 2*(len(c.secret)+len(c.piece)) {
			t.Errorf("%d bytes are held back, in %d bytes of memory", s.Held(), len(s.text))
		}
	}
}
