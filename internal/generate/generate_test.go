package generate

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/sethvargo/go-diceware/diceware"

	"tacit/internal/fault"
)

func TestValueHasItsKindAndLength(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, form string
		lengths    []int
	}{
		{"", `^[A-Za-z0-9]{%}$`, []int{1, 2, 32, 1000}},
		{Alnum, `^[A-Za-z0-9]{%}$`, []int{1, 31, 32, 64, 999}},
		{Symbols, "^[!-~]{%}$", []int{1, 32, 1000}},
		{Hex, `^[0-9a-f]{%}$`, []int{1, 32, 33, 1000}},
		{Base64, `^[A-Za-z0-9+/]{%}$`, []int{1, 32, 1000}},
	} {
		for _, n := range tt.lengths {
			v, err := Value(rand.Reader, tt.kind, n)
			if err != nil {
				t.Fatalf("%s %d: %v", tt.kind, n, err)
			}
			// regexp bounds repetition at 1000, hence the lengths.
			if ok, _ := regexp.MatchString(strings.ReplaceAll(tt.form, "%", itoa(n)), string(v.Reveal())); !ok {
				t.Errorf("%s %d: got %q", tt.kind, n, v.Reveal())
			}
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestLengthBounds(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		for _, n := range []int{-1, MaxLength + 1, math.MaxInt, math.MinInt} {
			if _, err := Value(rand.Reader, kind, n); !errors.Is(err, fault.Usage) {
				t.Errorf("%s %d: got %v, want a usage error", kind, n, err)
			}
		}
		v, err := Value(rand.Reader, kind, 0)
		if err != nil || v.Len() == 0 {
			t.Errorf("%s, default length: %v", kind, err)
		}
		if kind == UUID {
			continue
		}
		for _, n := range []int{1, MaxLength} {
			v, err := Value(rand.Reader, kind, n)
			if err != nil || v.Len() < n {
				t.Errorf("%s %d: %d bytes, %v", kind, n, v.Len(), err)
			}
		}
	}
	if _, err := Value(rand.Reader, UUID, 32); !errors.Is(err, fault.Usage) {
		t.Errorf("uuid of another length: %v", err)
	}
	if _, err := Value(rand.Reader, "base32", 8); !errors.Is(err, fault.Usage) {
		t.Errorf("unknown kind: %v", err)
	}
}

// The statistic is chi-square over single characters. For d degrees of freedom it has mean d and variance 2d; six standard
// deviations are passed about once in 10⁸ runs of a fair source, and a modulo bias (256%62 = 8 characters 25 % likelier) gives
// thousands.
func TestCharactersAreUniform(t *testing.T) {
	t.Parallel()
	for kind, size := range map[string]int{Alnum: 62, Symbols: 88, Hex: 16, Base64: 64} {
		const draws = 400
		var count [256]int
		for range draws {
			v, err := Value(rand.Reader, kind, MaxLength)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range v.Reveal() {
				count[b]++
			}
		}
		if chi, d, seen := chiSquare(count[:], size, draws*MaxLength); seen != size || chi > d+6*math.Sqrt(2*d) {
			t.Errorf("%s: %d of %d characters, chi-square %.0f for %.0f degrees of freedom", kind, seen, size, chi, d)
		}
	}
}

func chiSquare(count []int, size, total int) (chi, degrees float64, seen int) {
	want := float64(total) / float64(size)
	for _, n := range count {
		if n > 0 {
			seen++
			chi += (float64(n) - want) * (float64(n) - want) / want
		}
	}
	chi += float64(size-seen) * want
	return chi, float64(size - 1), seen
}

func TestWordsAreUniform(t *testing.T) {
	t.Parallel()
	list, index := wordList()
	counts := make([]int, len(list))
	const draws = 40
	for range draws {
		v, err := Value(rand.Reader, Words, MaxLength)
		if err != nil {
			t.Fatal(err)
		}
		got := splitWords(string(v.Reveal()), index)
		if len(got) != MaxLength {
			t.Fatalf("got %d words, want %d", len(got), MaxLength)
		}
		for _, w := range got {
			counts[index[w]]++
		}
	}
	chi, d, _ := chiSquare(counts, len(list), draws*MaxLength)
	if chi > d+6*math.Sqrt(2*d) {
		t.Errorf("chi-square %.0f for %.0f degrees of freedom", chi, d)
	}
}

// Some words hold a hyphen themselves ("drop-down"). If their parts were words too, two draws would give one value and the
// entropy that the doc comment promises would be a little less.
func TestWordsCanBeToldApart(t *testing.T) {
	t.Parallel()
	list, index := wordList()
	if len(list) != 7776 {
		t.Fatalf("the list has %d words", len(list))
	}
	for _, w := range list {
		if parts := strings.Split(w, "-"); len(parts) > 1 {
			all := true
			for _, p := range parts {
				_, ok := index[p]
				all = all && ok
			}
			if all {
				t.Errorf("%q is also %d words", w, len(parts))
			}
		}
	}
}

func wordList() (list []string, index map[string]int) {
	index = map[string]int{}
	all := diceware.WordListEffLarge()
	for roll := 11111; roll <= 66666; roll++ {
		if w := all.WordAt(roll); w != "" {
			index[w] = len(list)
			list = append(list, w)
		}
	}
	return list, index
}

func splitWords(s string, index map[string]int) (out []string) {
	parts := strings.Split(s, "-")
	for i := 0; i < len(parts); i++ {
		if i+1 < len(parts) {
			if both := parts[i] + "-" + parts[i+1]; index[both] > 0 {
				out = append(out, both)
				i++
				continue
			}
		}
		if _, ok := index[parts[i]]; !ok {
			return nil
		}
		out = append(out, parts[i])
	}
	return out
}

func TestUUIDIsVersion4(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for range 1000 {
		v, err := Value(rand.Reader, UUID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !form.Match(v.Reveal()) {
			t.Fatalf("got %q", v.Reveal())
		}
	}
	// The example of RFC 9562, appendix A.3, from its random bits.
	bits, _ := hex.DecodeString("919108f752d133205bacf847db4148a8")
	v, err := Value(bytes.NewReader(bits), UUID, 0)
	if err != nil || string(v.Reveal()) != "919108f7-52d1-4320-9bac-f847db4148a8" {
		t.Errorf("got %q, %v", v.Reveal(), err)
	}
}

// A byte that would be taken modulo the alphabet must be drawn again, not folded in.
func TestBytesBeyondTheBoundAreDrawnAgain(t *testing.T) {
	t.Parallel()
	input := bytes.Repeat([]byte{255}, 64)
	input[5], input[9] = 0, 247 // 248 is the largest multiple of 62
	v, err := Value(bytes.NewReader(input), Alnum, 2)
	if err != nil || string(v.Reveal()) != "A9" {
		t.Errorf("got %q, %v", v.Reveal(), err)
	}
}

func TestBase64OfWholeBytesDecodes(t *testing.T) {
	t.Parallel()
	v, err := Value(rand.Reader, Base64, 44)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := base64.StdEncoding.DecodeString(string(v.Reveal())); err != nil || len(b) != 33 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestBrokenRandomnessIsAnError(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		if v, err := Value(io.LimitReader(rand.Reader, 3), kind, 0); err == nil || v.Len() != 0 {
			t.Errorf("%s: %d bytes, %v", kind, v.Len(), err)
		}
	}
}

func TestSymbolsNeedNoEscape(t *testing.T) {
	t.Parallel()
	v, err := Value(rand.Reader, Symbols, MaxLength)
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexAny(v.Reveal(), "\"'`\\$ \t\n"); i >= 0 {
		t.Errorf("found %q", v.Reveal()[i])
	}
}
