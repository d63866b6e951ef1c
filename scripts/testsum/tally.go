package main

import (
	"fmt"
	"maps"
	"slices"
)

// A tally counts the tests of one or more runs.
type tally struct {
	passed, failed int
	ran            map[string]bool   // tests that passed or failed in some run
	skips          map[string]string // tests that some run skipped, and why
}

func (r *run) tally() tally {
	t := tally{passed: len(r.passed), failed: len(r.failed), ran: map[string]bool{}, skips: maps.Clone(r.skips)}
	maps.Copy(t.ran, r.passed)
	maps.Copy(t.ran, r.failed)
	return t
}

func (t *tally) add(u tally) {
	t.passed += u.passed
	t.failed += u.failed
	if t.ran == nil {
		t.ran, t.skips = map[string]bool{}, map[string]string{}
	}
	maps.Copy(t.ran, u.ran)
	maps.Copy(t.skips, u.skips)
}

// skipped lists the tests that no run ran.
func (t tally) skipped() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(t.skips)) {
		if !t.ran[name] {
			names = append(names, name)
		}
	}
	return names
}

// ok reports whether something passed, nothing failed and, if noSkip, nothing was left out.
func (t tally) ok(noSkip bool) bool {
	return t.passed > 0 && t.failed == 0 && !(noSkip && len(t.skipped()) > 0)
}

func (t tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if n := len(t.skipped()); n > 0 {
		s += fmt.Sprintf(", %d skipped", n)
	}
	return s
}
