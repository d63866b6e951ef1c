package policy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// A Case is one line of a test file: a request and what should become of it.
type Case struct {
	Line    int
	Request Request
	Allow   bool
	// Bare says that the file gives only the object's name: the caller may complete the object from what the vault knows of it.
	Bare bool
}

// A Result is a case and what became of it.
type Result struct {
	Case
	Decision Decision
	OK       bool
}

// String returns the result as one line, such as "line 4: agent/bar read prod/db: should be allow, is deny (no rule matched)".
func (r Result) String() string {
	q := r.Request
	s := fmt.Sprintf("line %d: %s %s %s: ", r.Line, q.Principal, q.Action, q.Object)
	if r.OK {
		return s + "ok, " + word(r.Allow) + " (" + r.Decision.Reason + ")"
	}
	return s + "should be " + word(r.Allow) + ", is " + word(r.Decision.Allow) + " (" + r.Decision.Reason + ")"
}

func word(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}

// Test runs cases. A case without a time is at now.
func (s *Set) Test(cases []Case, now time.Time) []Result {
	results := make([]Result, len(cases))
	for i, c := range cases {
		if c.Request.Context.Time.IsZero() {
			c.Request.Context.Time = now
		}
		d := s.Decide(c.Request)
		results[i] = Result{Case: c, Decision: d, OK: d.Allow == c.Allow}
	}
	return results
}

// Bounds of a test file (I08).
const (
	maxTestFile  = 1 << 20
	maxTestDepth = 8
)

// ParseTestFile reads the cases of `policy test FILE`:
//
//	cases:
//	  - {principal: agent/bar, action: read, object: prod/db, expect: deny}
//	  - principal: agent/bar
//	    action: read
//	    object: {name: ci/one, scope: workspace/web, tags: [ci], exposure: readable}
//	    context: {time: 2026-12-01T09:00:00Z, door: socket, uid: 1000, workspace: web, group: dev}
//	    expect: allow
//
// The list may also be the whole file. An object is a name — of a capability for use, else of a secret — or a mapping with kind,
// name, scope, groups, tags, pin, exposure, service, method, path, principal (of a token). Anchors, aliases and unknown keys are errors. Errors are of
// class fault.Invalid and begin with the line.
func ParseTestFile(text []byte) ([]Case, error) {
	if len(text) > maxTestFile {
		return nil, fault.New(fault.Invalid, "line 1: the file is larger than 1 MiB")
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, fault.New(fault.Invalid, "line 1: the file has no cases")
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxTestDepth)))); err != nil {
		return nil, yamlError(text, err)
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind == yaml.MappingNode {
		var list *yaml.Node
		if err := members(root, func(key string, v *yaml.Node) error {
			if key != "cases" {
				return unknown(v, key)
			}
			list = v
			return nil
		}); err != nil {
			return nil, err
		}
		if list == nil {
			return nil, atLine(root, "the file has no cases")
		}
		root = list
	}
	if root.Kind != yaml.SequenceNode || len(root.Content) == 0 {
		return nil, atLine(root, "expected a list of cases")
	}
	cases := make([]Case, len(root.Content))
	for i, n := range root.Content {
		if err := cases[i].read(n); err != nil {
			return nil, err
		}
	}
	return cases, nil
}

// yamlError says what is not YAML, and where.
func yamlError(text []byte, err error) error {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return fault.New(fault.Invalid, "line 1: the file is not one YAML document")
	}
	line := min(max(e.Mark.Line, 1), bytes.Count(text, []byte("\n"))+1) // some errors stand after the end
	switch e.Stage {
	case yaml.ScannerStage, yaml.ParserStage:
		return fault.New(fault.Invalid, "line %d: not valid YAML: %s", line, strings.TrimPrefix(e.Message, "yaml: "))
	case yaml.ComposerStage:
		return fault.New(fault.Invalid, "line %d: anchors and aliases are not supported", line)
	}
	return fault.New(fault.Invalid, "line %d: not valid YAML", line)
}

func atLine(n *yaml.Node, format string, args ...any) error {
	return fault.New(fault.Invalid, "line %d: %s", max(n.Line, 1), fmt.Sprintf(format, args...))
}

func unknown(n *yaml.Node, key string) error { return atLine(n, "unknown key %q", clip(key)) }

// members calls each with the members of a mapping.
func members(n *yaml.Node, each func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return atLine(n, "expected a mapping")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Anchor != "" || v.Anchor != "" || v.Kind == yaml.AliasNode {
			return atLine(k, "anchors, aliases and keys that are no words are not supported")
		}
		if seen[k.Value] {
			return atLine(k, "%q is there twice", clip(k.Value))
		}
		seen[k.Value] = true
		if err := each(k.Value, v); err != nil {
			return err
		}
	}
	return nil
}

// scalar reads the text of a value as it is written.
func scalar(to *string, n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return atLine(n, "expected a word")
	}
	*to = n.Value
	return nil
}

func scalars(to *[]string, n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return atLine(n, "expected a list")
	}
	*to = make([]string, len(n.Content))
	for i, c := range n.Content {
		if err := scalar(&(*to)[i], c); err != nil {
			return err
		}
	}
	return nil
}

// read reads one case.
func (c *Case) read(n *yaml.Node) error {
	c.Line = n.Line
	var principal, action, expect string
	var object *yaml.Node
	q := &c.Request
	q.Context.UID = -1
	if err := members(n, func(key string, v *yaml.Node) error {
		switch key {
		case "principal":
			return scalar(&principal, v)
		case "action":
			return scalar(&action, v)
		case "object":
			object = v
			return nil
		case "context":
			return q.Context.read(v)
		case "expect":
			return scalar(&expect, v)
		}
		return unknown(v, key)
	}); err != nil {
		return err
	}
	var err error
	if q.Principal, err = ParsePrincipal(principal); err != nil {
		return atLine(n, "%v", err)
	}
	if q.Action, err = ParseAction(action); err != nil {
		return atLine(n, "%v", err)
	}
	if expect != "allow" && expect != "deny" {
		return atLine(n, "expect is allow or deny")
	}
	c.Allow = expect == "allow"
	if object == nil {
		return atLine(n, "the case has no object")
	}
	q.Object = Object{Kind: q.Action.objectKind(), Scope: name.Global}
	if c.Bare = object.Kind == yaml.ScalarNode; c.Bare {
		err = scalar(&q.Object.Name, object)
	} else {
		err = q.Object.read(object)
	}
	if err != nil {
		return err
	}
	return q.check(object)
}

// check refuses a request that keeper would never ask, because a case with one tests nothing.
func (q Request) check(n *yaml.Node) error {
	if !q.Action.appliesTo(q.Object.Kind) {
		return atLine(n, "%s", nonsense)
	}
	if why := name.Problem(q.Object.Name); q.Object.named() && why != "" {
		return atLine(n, "%q is not a name: %s", clip(q.Object.Name), why)
	}
	return nil
}

// read reads an object that is a mapping.
func (o *Object) read(n *yaml.Node) error {
	return members(n, func(key string, v *yaml.Node) error {
		switch key {
		case "kind":
			if err := scalar((*string)(&o.Kind), v); err != nil || !slices.Contains(objectKinds(), o.Kind) {
				return atLine(v, "a kind is one of %s", join(objectKinds(), ", "))
			}
		case "name":
			return scalar(&o.Name, v)
		case "scope":
			var s string
			if err := scalar(&s, v); err != nil {
				return err
			}
			scope, err := name.ParseScope(s)
			if err != nil {
				return atLine(v, "%v", err)
			}
			o.Scope = scope
		case "groups":
			return scalars(&o.Groups, v)
		case "tags":
			return scalars(&o.Tags, v)
		case "pin":
			return scalar(&o.Pin, v)
		case "exposure":
			var s string
			if err := scalar(&s, v); err != nil || s != "readable" && s != "sealed" {
				return atLine(v, "exposure is readable or sealed")
			}
			o.Sealed = s == "sealed"
		case "principal":
			return scalar((*string)(&o.Owner), v)
		case "service":
			return scalar(&o.Service, v)
		case "method":
			return scalar(&o.Method, v)
		case "path":
			return scalar(&o.Path, v)
		default:
			return unknown(v, key)
		}
		return nil
	})
}

// read reads a context.
func (c *Context) read(n *yaml.Node) error {
	return members(n, func(key string, v *yaml.Node) error {
		switch key {
		case "time":
			t, err := time.Parse(time.RFC3339, v.Value)
			if err != nil {
				return atLine(v, "time is written as 2026-12-31T09:00:00Z")
			}
			c.Time = t
		case "door":
			return scalar(&c.Door, v)
		case "uid":
			uid, err := strconv.Atoi(v.Value)
			if err != nil || uid < -1 {
				return atLine(v, "uid is a number")
			}
			c.UID = uid
		case "workspace":
			return scalar(&c.Workspace, v)
		case "group":
			return scalar(&c.Group, v)
		default:
			return unknown(v, key)
		}
		return nil
	})
}
