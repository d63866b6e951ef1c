package server_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tacit/internal/fault"
)

// TestDocumentedStatus: docs/api.md says which status every code has.
func TestDocumentedStatus(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range fault.Codes() {
		found := false
		for line := range strings.Lines(string(page)) {
			cells := strings.Split(line, "|")
			if len(cells) == 5 && strings.Contains(cells[1], "`"+string(code)+"`") {
				found = strings.Contains(cells[2], fmt.Sprint(code.Status()))
			}
		}
		if !found {
			t.Errorf("docs/api.md does not say that %s is %d", code, code.Status())
		}
	}
}
