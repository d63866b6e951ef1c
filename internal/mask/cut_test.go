package mask

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// I14: a stream that ends in the middle of a secret shows no more of it than is allowed, in whatever form.
func TestI14CutHidesTheBeginning(t *testing.T) {
	t.Parallel()
	const value = "correct-horse-battery"
	p := Compile(4, []byte(value))
	for _, form := range Forms([]byte(value), 4) {
		for n := range form {
			want := "it is " + string(form[:n])
			if n > 6 {
				want = "it is " + Replacement
			}
			for step := 1; step < 5; step++ {
				s := p.NewScanner(Replacement)
				var out []byte
				for rest := []byte("it is " + string(form[:n])); len(rest) > 0; rest = rest[min(step, len(rest)):] {
					out = s.Ease(s.Append(out, rest[:min(step, len(rest))]), 0)
				}
				if out = s.Cut(out, 6); string(out) != want {
					t.Errorf("%d bytes of %q, %d at once: %q, not %q", n, form, step, out, want)
				}
			}
		}
	}
}

// What was shown already in a pause is not shown again, and the next stream begins anew.
func TestCutAfterEase(t *testing.T) {
	t.Parallel()
	s := Compile(4, []byte("correct-horse")).NewScanner(Replacement)
	out := s.Ease(s.Append(nil, []byte("a cor")), 3)
	out = s.Cut(s.Append(out, []byte("rect")), 3)
	if string(out) != "a cor***" {
		t.Errorf("%q", out)
	}
	if out := s.Cut(s.Append(nil, []byte("-horse")), 3); string(out) != "-horse" {
		t.Errorf("%q", out)
	}
}

// Cut is End of the same text with the longest beginning of a form at its end taken for a form.
func TestCutIsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model{rapid.IntRange(1, 8).Draw(t, "min"), rapid.SliceOfN(drawValue(), 0, 3).Draw(t, "values")}
		text := drawText(t, m)
		most := rapid.IntRange(0, 6).Draw(t, "most")
		s := Compile(m.min, m.values...).NewScanner(Replacement)
		got := s.Cut(s.Append(nil, text), most)
		open := m.open(text)
		if open <= most {
			open = 0
		}
		if want, _ := m.maskAlso(text, len(text)-open, Replacement); !bytes.Equal(got, want) {
			t.Fatalf("values %q, text %q, most %d: %q, not %q", m.values, text, most, got, want)
		}
	})
}
