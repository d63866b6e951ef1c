package registry

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"tacit/internal/fault"
	"tacit/internal/order"
)

// Bounds of a service file (I08).
const (
	maxSize         = 512 << 10 // bytes
	maxDepth        = 16
	maxHosts        = 64
	maxSecrets      = 16
	maxAliases      = 32
	maxFields       = 16 // of auth, scopes, returns, variables
	maxCapabilities = 1024
	maxPaths        = 2048 // of all capabilities together
	maxText         = 512  // bytes of one line of text
	maxBody         = 32 << 10
	maxPEM          = 64 << 10
	maxProblems     = 50 // said of one file
)

// A Problem is one thing that is wrong with a service file.
type Problem struct {
	Line int // from 1
	Text string
}

func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Text) }

// ParseService reads a service of the user's own. The error is of class fault.Invalid, begins with the line of the first problem and
// says how many more there are; see [Check] for all of them.
func ParseService(text []byte) (*Service, error) {
	s, problems := Check(text, Own)
	if len(problems) == 0 {
		return s, nil
	}
	err := fault.New(fault.Invalid, "%s", problems[0])
	if more := len(problems) - 1; more > 0 {
		err = fault.New(fault.Invalid, "%s (and %d more)", problems[0], more)
	}
	return nil, err.WithFix("docs/services.md says what may stand in a service file")
}

// Check reads a service file and says all that is wrong with it, in the order of the lines. Built-in services are held to stricter
// rules than the user's own. The service is nil if there is a problem. Whatever the text, time and memory are bounded.
func Check(text []byte, origin Origin) (*Service, []Problem) {
	root, problem := load(text)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	r := &reader{origin: origin, lines: lines(text)}
	s := r.service(root)
	if len(r.problems) > 0 {
		order.By(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
		return nil, r.problems
	}
	s.index = compile(s.Capabilities)
	if origin == Own {
		s.pin = s.Pin() // of the whole definition, which requests must not each go through
	}
	return s, nil
}

// load returns the one mapping that text is.
func load(text []byte) (*yaml.Node, *Problem) {
	if len(text) > maxSize {
		return nil, &Problem{1, "the file is larger than 512 KiB"}
	}
	if onlyComments(text) { // which is no document for the parser
		return nil, &Problem{1, "the file is empty"}
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth)))); err != nil {
		return nil, notYAML(text, err)
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	return root, nil
}

// notYAML says why text is not YAML, and where.
func notYAML(text []byte, err error) *Problem {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return &Problem{1, "the file is not one YAML document"}
	}
	line := min(max(e.Mark.Line, 1), lines(text))
	switch e.Stage {
	case yaml.ScannerStage, yaml.ParserStage:
		return &Problem{line, "not valid YAML: " + strings.TrimPrefix(e.Message, "yaml: ")}
	case yaml.ComposerStage:
		return &Problem{line, "anchors and aliases are not supported"}
	}
	return &Problem{line, "not valid YAML, or nested too deeply"}
}

// lines counts the lines. Some nodes and errors stand after the last one; they are said of it.
func lines(text []byte) int { return bytes.Count(text, []byte("\n")) + 1 }

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
