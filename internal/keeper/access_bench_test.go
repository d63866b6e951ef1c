package keeper_test

import (
	"fmt"
	"testing"

	"tacit/internal/keeper"
)

// BenchmarkCountedRead reads with a token that is good for so many uses, beside a thousand grants and a hundred other tokens: each use is
// a change of the vault, after which the tokens are read anew, and the policies are not compiled anew.
func BenchmarkCountedRead(b *testing.B) {
	k := newHome(b).open()
	set(b, k, "a", "one")
	for i := range 1000 {
		if _, err := k.Grant(b.Context(), owner, "agent/other", fmt.Sprintf("read g%d/*", i)); err != nil {
			b.Fatal(err)
		}
	}
	for range 100 {
		token(b, k, keeper.TokenRequest{Principal: "agent/other", Allow: []string{"read **"}})
	}
	c, _ := token(b, k, keeper.TokenRequest{Allow: []string{"read a"}, Uses: 1 << 30})
	for b.Loop() {
		if _, err := getAs(b, k, c, "a"); err != nil {
			b.Fatal(err)
		}
	}
}
