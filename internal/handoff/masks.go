package handoff

import (
	"bytes"
	"slices"
	"sync"

	"tacit/internal/mask"
)

// MinMasked is the shortest secret that is masked, in bytes (I14): what is shorter stands by chance in whatever a program prints.
const MinMasked = 4

// Masks returns what compiles the patterns that hide the secrets of the variables in what a program prints, nil if nothing is to be hidden;
// and the names of the secrets that are too short for it. It may be called from several goroutines, and compiles once.
func Masks(variables []Variable) (p func() *mask.Patterns, short []string) {
	seen := map[string]bool{}
	var values [][]byte
	for _, v := range variables {
		for _, s := range v.Holds {
			value := s.Value.Reveal()
			if len(bytes.TrimSpace(value)) < MinMasked && !slices.Contains(short, s.Name) {
				short = append(short, s.Name)
			}
			if len(value) >= MinMasked && !seen[string(value)] {
				seen[string(value)] = true
				values = append(values, value)
			}
		}
	}
	if len(values) == 0 {
		return nil, short
	}
	return sync.OnceValue(func() *mask.Patterns { return mask.Compile(MinMasked, values...) }), short
}

// easeMost returns how many bytes of a secret may be shown when a program pauses in the middle of it: a fifth of the shortest form, but at
// least one and at most three.
//
// Nobody can tell a prompt that ends in the first letter of a secret, or the echo of a key, from a secret that is printed slowly.
// Held back for good, the first would make programs unusable: with ten secrets in all their forms most letters begin one. So the
// first bytes may pass, and the rest of the secret stays hidden however slowly it comes.
func easeMost(p *mask.Patterns) int { return min(max(p.Shortest()/5, 1), 3) }

// cutMost returns how many bytes of a secret may be shown when the output ends in the middle of it: half of the shortest form, but at least
// three, which stand at the end of many texts by chance, and at most 16, because half of a long one is too much.
func cutMost(p *mask.Patterns) int { return min(max(p.Shortest()/2, 3), 16) }
