package registry_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"tacit/internal/registry"
)

// The built-in services are laid out by the linker: nothing of the package runs when a program starts. (What the runtime does for each
// package with such work is printed by GODEBUG=inittrace=1.)
func TestNothingRunsAtTheStart(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "init internal/bytealg @") && !strings.Contains(string(out), "init runtime @") {
		t.Fatalf("the runtime prints no trace:\n%s", out)
	}
	if strings.Contains(string(out), "init tacit/internal/registry @") {
		t.Errorf("the package has work at the start:\n%s", out)
	}
}

// What is laid out is what the rules accept: each service is written down and read back as itself, and its examples are its own.
func TestBuiltinServices(t *testing.T) {
	t.Parallel()
	c, err := registry.NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Services() {
		again, problems := registry.Check(s.Encode(), registry.Builtin)
		if again == nil || again.Hash() != s.Hash() {
			t.Errorf("%s: %v", s.ID, problems)
		}
		if s.Pin() != "builtin/"+s.ID {
			t.Errorf("%s: pin %s", s.ID, s.Pin())
		}
	}
}

// The examples of docs/services.md are services, and do what the page says.
func TestExamplesOfTheGuide(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/services.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []*registry.Service
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		s, err := registry.ParseService([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if _, err := registry.NewCatalog(all...); err != nil {
		t.Error(err)
	}
	if c, err := all[0].Match("GET", []string{"v1", "things", "42"}); err == nil {
		t.Errorf("GET /v1/things/42 belongs to %s", c.ID)
	}
}
