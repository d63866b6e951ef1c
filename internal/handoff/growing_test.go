package handoff

import (
	"strings"
	"testing"

	"tacit/internal/mask"
)

// I14: a secret is hidden from the moment it was added, wherever another one that was there before is in the middle of being printed.
func TestI14SecretsThatComeLater(t *testing.T) {
	t.Parallel()
	first, second := "first-secret-value", "second-secret-value"
	both := mask.Compile(MinMasked, []byte(first), []byte(second))
	text := "begin " + first + " between " + second + " end " + first
	want := "begin *** between *** end ***"
	for cut := range len("begin " + first + " between ") { // the second is added here, before it was printed
		for step := 1; step < 9; step++ {
			now := mask.Compile(MinMasked, []byte(first))
			g := newGrowing(nil, func() *mask.Patterns { return now })
			var out []byte
			feed := func(part string) {
				for len(part) > 0 {
					n := min(step, len(part))
					out = g.Append(out, []byte(part[:n]))
					part = part[n:]
				}
			}
			feed(text[:cut])
			now = both
			feed(text[cut:])
			if out = g.End(out); string(out) != want {
				t.Fatalf("cut at %d, %d bytes at once: %q", cut, step, out)
			}
			if len(g.stages) > 2 {
				t.Errorf("%d scanners", len(g.stages))
			}
		}
	}
}

// A pause shows but the first letters, also when secrets were added in the middle of one.
func TestI14PauseWhileSecretsCome(t *testing.T) {
	t.Parallel()
	first := "first-secret-value"
	for cut := range len(first) {
		now := mask.Compile(MinMasked, []byte(first))
		g := newGrowing(nil, func() *mask.Patterns { return now })
		out := g.Ease(g.Append(nil, []byte(first[:cut])))
		now = mask.Compile(MinMasked, []byte(first), []byte("another-secret"))
		out = g.Append(out, []byte(first[cut:]+" another"))
		out = g.Ease(out)
		out = g.End(g.Append(out, []byte("-secret.")))
		if s := string(out); strings.Contains(s, first[3:]) || strings.Contains(s, "another-secret") || !strings.HasSuffix(s, ".") {
			t.Errorf("cut at %d: %q", cut, s)
		}
	}
}

// What is known from the beginning is hidden too, also across the borders of the two.
func TestI14FixedAndMore(t *testing.T) {
	t.Parallel()
	text, want := "a fixed-secret and a later-secret.\n", "a *** and a ***.\n"
	for step := 1; step < len(text); step++ {
		more := mask.Compile(MinMasked, []byte("later-secret"))
		g := newGrowing(func() *mask.Patterns { return mask.Compile(MinMasked, []byte("fixed-secret")) }, func() *mask.Patterns { return more })
		var out []byte
		for rest := text; rest != ""; {
			n := min(step, len(rest))
			out, rest = g.Append(out, []byte(rest[:n])), rest[n:]
		}
		if out = g.End(out); string(out) != want {
			t.Errorf("%d bytes at once: %q", step, out)
		}
	}
}

// Nothing is known at first.
func TestGrowingFromNothing(t *testing.T) {
	t.Parallel()
	now := mask.Compile(MinMasked)
	g := newGrowing(nil, func() *mask.Patterns { return now })
	out := g.Append(nil, []byte("a line\nits"))
	now = mask.Compile(MinMasked, []byte("some-secret"))
	if out = g.End(g.Append(out, []byte(" some-secret\n"))); string(out) != "a line\nits ***\n" || len(g.stages) != 1 {
		t.Errorf("%q, %d scanners", out, len(g.stages))
	}
}
