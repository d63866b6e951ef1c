package server

import (
	"bytes"
	"testing"
)

// TestI32TokenAcrossReads cuts every text of two letters into reads in every way: the token is seen when its last byte comes, and no text
// without it is taken for one that has it.
func TestI32TokenAcrossReads(t *testing.T) {
	t.Parallel()
	const size = 7
	for _, token := range []string{"a", "ab", "aab", "abab", "aaaa"} {
		for letters := range 1 << size {
			var text []byte
			for i := range size {
				text = append(text, "ab"[letters>>i&1])
			}
			for cuts := range 1 << (size - 1) {
				g := &guardedBody{token: []byte(token)}
				for from, to := 0, 1; to <= size; to++ {
					if to < size && cuts>>(to-1)&1 == 0 {
						continue
					}
					got, want := g.holds(text[from:to]), bytes.Contains(text[:to], g.token)
					if got != want {
						t.Fatalf("token %s in %s, cut at %06b: %t after %d bytes", token, text, cuts, got, to)
					}
					if got {
						break
					}
					from = to
				}
			}
		}
	}
}
