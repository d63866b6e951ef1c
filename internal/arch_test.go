package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The picture, from the top. A package may import what stands in a layer below its own, and its own parent and children
// (engine/bolt implements engine). Nothing else: not sideways, not up.
//
// A package that is missing here fails the test, so that a new one is given its place on purpose. A folder counts as part of the
// listed one that it is in, unless it is listed itself.
var layers = [][]string{
	// Wiring.
	{"cmd/tacit", "cmd/tacit-server"},
	// Doors: parse, call keeper, print.
	{"internal/cli", "internal/tui"},
	// The door that stays open: the server on a unix socket.
	{"internal/agent"},
	// The door of HTTP, for whoever listens.
	{"internal/server"},
	// Formats: they turn files into keeper's entries and back, for the doors. And keeper at a distance.
	{"internal/transfer", "internal/remote", "internal/chain"},
	// What keeper's requests and answers look like in HTTP.
	{"internal/wire"},
	// The one way in.
	{"internal/keeper"},
	// Rooms.
	{
		"internal/vault", "internal/audit", "internal/provider", "internal/broker", "internal/policy",
		"internal/config", "internal/handoff",
		"internal/transfer/backup", // the one format that keeper itself writes and reads
	},
	// Where ciphertext lives, and the keys. They do not know each other.
	{"internal/engine", "internal/envelope"},
	// One job each, for whoever needs it.
	{"internal/registry"}, // data about services, for broker and keeper
	{"internal/generate", "internal/memdir", "internal/clipboard", "internal/transfer/jsonstream", "internal/flatjson", "internal/dotenv", "internal/strictcbor", "internal/mask", "internal/demo", "internal/settings", "internal/interpolate", "internal/order", "internal/roundtrip"},
	{"internal/http1"}, // what all of them listen with, demo too
	// Words, times, places and shapes.
	{"internal/name", "internal/when", "internal/paths", "internal/httpgrammar", "client", "sdk"},
	// What every other package may say.
	{"internal/fault", "internal/secret"},
}

// across are the imports within one layer that are meant to be there. Each says why.
var across = map[[2]string]string{}

// outside is what is not part of the program: tools and benchmarks, which may import what they measure.
var outside = []string{"bench", "scripts", "docs"}

const module = "tacit/"

// TestImportsPointDown checks every file of every platform, whatever its build tags.
func TestImportsPointDown(t *testing.T) {
	layer := map[string]int{} // 0 is the top
	for i, l := range layers {
		for _, p := range l {
			layer[p] = i
		}
	}
	// place finds the listed package that pkg is or is part of.
	place := func(pkg string) (string, bool) {
		for p := pkg; p != "." && p != "/"; p = path.Dir(p) {
			if _, ok := layer[p]; ok {
				return p, true
			}
		}
		return "", false
	}

	for _, edge := range imports(t, "..") {
		from, ok := place(edge.from)
		if !ok {
			t.Errorf("%s: package %s has no place in the picture: give it one in internal/arch_test.go", edge.file, edge.from)
			continue
		}
		to, ok := place(edge.to)
		if !ok {
			t.Errorf("%s: %s imports %s, which has no place in the picture: give it one in internal/arch_test.go", edge.file, edge.from, edge.to)
			continue
		}
		switch {
		case from == to, layer[from] < layer[to]:
		case across[[2]string{from, to}] != "":
		case layer[from] == layer[to]:
			t.Errorf("%s: %s imports %s, its neighbour: imports point down the picture only", edge.file, edge.from, edge.to)
		default:
			t.Errorf("%s: %s imports %s, which is above it: imports point down the picture only", edge.file, edge.from, edge.to)
		}
	}
}

// The rules that matter most, said once more by name, so that a change of the picture cannot lose them. The file of "but" puts a
// keeper together, and for that only it may.
func TestWhoKnowsWhom(t *testing.T) {
	for _, rule := range []struct{ who, mustNotKnow, why, but string }{
		{"internal/engine", "internal/envelope", "an engine sees ciphertext only", ""},
		{"internal/envelope", "internal/engine", "keys know no storage", ""},
		{"internal/envelope", "internal/name", "keys know no names", ""},
		{"internal/engine", "internal/secret", "an engine sees ciphertext only", ""},
		{"internal/audit", "internal/vault", "the log knows no secrets", ""},
		{"internal/cli", "internal/vault", "a door reads secrets through keeper", ""},
		{"internal/cli", "internal/engine", "a door reads secrets through keeper", "internal/cli/open.go"},
		{"internal/cli", "internal/audit", "a door reads the log through keeper", ""},
		{"internal/server", "internal/vault", "a door reads secrets through keeper", ""},
		{"internal/agent", "internal/vault", "a door reads secrets through keeper", ""},
		{"internal/transfer", "internal/vault", "a format knows entries, not where they are kept", ""},
		{"client", "internal", "others import it", ""},
	} {
		for _, edge := range imports(t, "..") {
			if within(edge.from, rule.who) && within(edge.to, rule.mustNotKnow) && edge.file != rule.but {
				t.Errorf("%s: %s imports %s: %s", edge.file, edge.from, edge.to, rule.why)
			}
		}
	}
}

// Package cli is the program; only main may start it.
func TestOnlyMainImportsTheCommandLine(t *testing.T) {
	for _, edge := range imports(t, "..") {
		if within(edge.to, "internal/cli") && !within(edge.from, "internal/cli") && edge.from != "cmd/tacit" {
			t.Errorf("%s: %s imports %s", edge.file, edge.from, edge.to)
		}
	}
}

// An edge is one import of a package of this module by another.
type edge struct{ file, from, to string }

// imports lists the edges between the packages below root, tests not counted, in the order of the files.
func imports(t *testing.T, root string) []edge {
	t.Helper()
	var edges []edge
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, file)
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || name == "integration" || slices.Contains(outside, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ok := strings.CutPrefix(p, module); ok && to != path.Dir(name) {
				edges = append(edges, edge{name, path.Dir(name), to})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(edges) == 0 {
		t.Fatal("no import found: is this the root of the module?")
	}
	return edges
}

// within reports whether pkg is parent or below it.
func within(pkg, parent string) bool { return pkg == parent || strings.HasPrefix(pkg, parent+"/") }
