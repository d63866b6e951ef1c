package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail
	Test        string
	Output      string
	FailedBuild string
}

// A run is one `go test`, as far as it was read.
type run struct {
	w        io.Writer
	output   map[string][]string // of tests and packages ("pkg", "pkg.Test") that have not ended
	failing  map[string]bool     // packages in which a test failed
	running  map[string]bool     // tests that have not ended
	passed   map[string]bool
	failed   map[string]bool
	skips    map[string]string // why
	packages int
}

func newRun(w io.Writer) *run {
	return &run{
		w: w, output: map[string][]string{}, failing: map[string]bool{}, running: map[string]bool{},
		passed: map[string]bool{}, failed: map[string]bool{}, skips: map[string]string{},
	}
}

// read takes events until r ends. A line that is no event (a compiler's warning) is printed as it is.
func (r *run) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				r.take(e)
			} else {
				r.printf("%s", line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *run) printf(format string, args ...any) { fmt.Fprintf(r.w, format, args...) }

func (r *run) take(e event) {
	id := e.Package
	if e.Test != "" {
		id += "." + e.Test
	}
	switch e.Action {
	case "build-output":
		r.printf("%s", e.Output)
	case "run":
		r.running[id] = true
	case "output":
		r.output[id] = append(r.output[id], e.Output)
	case "pass", "fail", "skip":
		delete(r.running, id)
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(id, e)
		}
		delete(r.output, id)
	}
}

func (r *run) endTest(id string, e event) {
	switch e.Action {
	case "pass":
		r.passed[id] = true
	case "skip":
		r.skips[id] = reason(r.output[id])
	case "fail":
		r.failed[id] = true
		r.failing[e.Package] = true
		r.printf("%s", strings.Join(r.output[id], ""))
	}
}

// endPackage prints what go test prints of a package: one line if it passed. A package that failed without a test that did
// (it did not build, panicked, or ran out of time) is a failure of its own.
func (r *run) endPackage(e event) {
	r.packages++
	out := r.output[e.Package]
	if e.Action != "fail" {
		for _, line := range out {
			if strings.HasPrefix(line, "ok ") {
				r.printf("%s", line)
			}
		}
		return
	}
	for id := range r.running { // cut off: what it said is the only hint
		if strings.HasPrefix(id, e.Package+".") {
			r.failed[id] = true
			r.failing[e.Package] = true
			r.printf("--- CUT OFF: %s\n%s", id, strings.Join(r.output[id], ""))
			delete(r.running, id)
			delete(r.output, id)
		}
	}
	if !r.failing[e.Package] {
		r.failed[e.Package] = true
	}
	r.printf("%s", strings.Join(out, ""))
}

// reason is what a skipped test said, without where it said it.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if i := strings.Index(line, ".go:"); i >= 0 { // "file_test.go:12: why"
			if _, why, ok := strings.Cut(line[i+len(".go:"):], ": "); ok {
				line = why
			}
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
