package mask

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// easeAll feeds text in pieces and eases after each.
func easeAll(p *Patterns, most int, pieces ...string) string {
	s := p.NewScanner(Replacement)
	var out []byte
	for _, piece := range pieces {
		out = s.Append(out, []byte(piece))
		out = s.Ease(out, most)
	}
	return string(s.End(out))
}

// I14: a secret that comes byte by byte, with a pause after each, shows no more than what easing was allowed.
func TestI14EasingShowsOnlyTheBeginning(t *testing.T) {
	t.Parallel()
	const value = "correct-horse-battery"
	p := Compile(4, []byte(value))
	bytewise := strings.Split("a "+value+" b", "")
	for most := range 6 {
		want := "a " + value[:most] + "*** b"
		if got := easeAll(p, most, bytewise...); got != want {
			t.Errorf("most %d: %q, not %q", most, got, want)
		}
	}
	if got := easeAll(p, 3, "Password: co"); got != "Password: co" {
		t.Errorf("a prompt: %q", got)
	}
}

// Eased or not, however it is cut: every byte of a secret but its first ones is hidden, and everything else is there.
func TestI14EasingProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 4, 9, -1)
		value := letters.Draw(t, "value")
		p := Compile(4, []byte(value))
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 60, -1).Draw(t, "text")
		most := rapid.IntRange(0, 3).Draw(t, "most")
		s := p.NewScanner("#")
		var out []byte
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			out = s.Append(out, []byte(rest[:n]))
			if rapid.Bool().Draw(t, "ease") {
				out = s.Ease(out, most)
			}
			rest = rest[n:]
		}
		out = s.End(out)
		plain := p.NewScanner("#")
		want := plain.End(plain.Append(nil, []byte(text)))
		if !strings.Contains(text, value) && !bytes.Equal(out, want) {
			t.Fatalf("%q became %q, not %q", text, out, want)
		}
		if strings.Contains(string(out), value) {
			t.Fatalf("%q shows in %q", value, out)
		}
	})
}
