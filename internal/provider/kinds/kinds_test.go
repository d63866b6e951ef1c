package kinds_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/kinds"
	"tacit/internal/settings"
)

func world() provider.World {
	return provider.World{Getenv: func(string) string { return "" }, Now: time.Now, Debug: func(string, ...any) {}}
}

// TestEveryKindChecksItsSettings: an unknown key is an error with its line, or the kind says what is missing first; nothing is asked.
func TestEveryKindChecksItsSettings(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds.Names() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			at := settings.Place{File: "tacit.yaml", Line: 4}
			table := &settings.Table{Place: at, Members: []settings.Member{{Key: "no_such_key", Value: settings.Value{Place: at, Text: "x"}}}}
			_, err := kinds.Make(provider.Spec{Name: "p", Type: kind, Settings: table}, world())
			if !errors.Is(err, fault.Usage) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestUnknownKind(t *testing.T) {
	t.Parallel()
	if _, err := kinds.Make(provider.Spec{Name: "p", Type: "floppy"}, world()); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), `no type "floppy"`) {
		t.Errorf("%v", err)
	}
}

// TestEveryKindIsInTheTable: a folder with a Make is a kind that somebody can declare.
func TestEveryKindIsInTheTable(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("kinds.go")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, file := range folders {
		folder := filepath.Base(filepath.Dir(file))
		source, err := os.ReadFile(file)
		if err != nil || folder == "kinds" || strings.HasSuffix(file, "_test.go") || !strings.Contains(string(source), "\nfunc Make(") {
			continue
		}
		if !strings.Contains(string(table), folder+".Make") {
			missing = append(missing, folder)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		t.Errorf("not in the table: %s", strings.Join(missing, ", "))
	}
}
