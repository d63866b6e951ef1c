package httpgrammar_test

import (
	"strings"
	"testing"

	"tacit/internal/httpgrammar"
)

// TestI25EveryByte compares with the rules as they are written down: tchar of RFC 9110, section 5.6.2, and the CTL of RFC 5234 without HTAB.
func TestI25EveryByte(t *testing.T) {
	t.Parallel()
	const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := range 256 {
		c := byte(i)
		token := strings.IndexByte(tchar, c) >= 0
		control := c <= 0x1f && c != 0x09 || c == 0x7f
		inside := "a" + string([]byte{c}) + "a"
		if httpgrammar.IsTokenByte(c) != token || httpgrammar.IsToken(inside) != token || httpgrammar.IsToken([]byte(inside)) != token {
			t.Errorf("%q in a token", c)
		}
		if httpgrammar.IsControl(c) != control || httpgrammar.HasControl(inside) != control || httpgrammar.HasControl([]byte(inside)) != control {
			t.Errorf("%q in a value", c)
		}
	}
	if httpgrammar.IsToken("") || httpgrammar.HasControl("") {
		t.Error("nothing at all")
	}
}

func TestListHas(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{
		"close": true, "keep-alive, Close": true, "keep-alive,\tclose ": true, "x|close": true, ",close,": true,
		"": false, "closed": false, "keep-alive close": false, "\"close\"": false, "x|keep-alive": false,
	} {
		if got := httpgrammar.ListHas(strings.Split(list, "|"), "close"); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
}
