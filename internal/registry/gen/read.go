package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tacit/internal/registry"
)

// A problem is one thing that is wrong with a file.
type problem struct {
	file string
	line int
	text string
}

func (p problem) String() string { return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.text) }

type problems []problem

func (p problems) Error() string { return fmt.Sprintf("%s (problems: %d)", p[0], len(p)) }

// A set is what was read from service files.
type set struct {
	services []*registry.Service // sorted by id; those without a problem of their own
	fileOf   map[string]string   // by id
	problems problems
}

// read reads the files and checks each, and all of them together: what is known by a name is known by it in one file only.
func read(files []string) (*set, error) {
	for i, f := range files {
		files[i] = filepath.Clean(f)
	}
	slices.Sort(files)
	s := &set{fileOf: map[string]string{}}
	names := map[string]string{} // what is claimed, to the file that claims it
	claim := func(file, what, name string) {
		key := what + " " + name
		if by, taken := names[key]; taken {
			s.problems = append(s.problems, problem{file, 1, fmt.Sprintf("the %s %s is also in %s", what, name, by)})
		}
		names[key] = file
	}
	for _, file := range slices.Compact(files) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		service, bad := registry.Check(text, registry.Builtin)
		for _, p := range bad {
			s.problems = append(s.problems, problem{file, p.Line, p.Text})
		}
		if service == nil {
			continue
		}
		if want := service.ID + ".yaml"; filepath.Base(file) != want {
			s.problems = append(s.problems, problem{file, 1, "the file must be called " + want})
		}
		claim(file, "service", service.ID)
		for name := range service.Names() {
			claim(file, "secret", name)
		}
		for _, c := range service.Capabilities {
			claim(file, "capability", c.ID)
		}
		s.services = append(s.services, service)
		s.fileOf[service.ID] = file
	}
	slices.SortFunc(s.services, func(a, b *registry.Service) int { return strings.Compare(a.ID, b.ID) })
	slices.SortStableFunc(s.problems, func(a, b problem) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	return s, nil
}
