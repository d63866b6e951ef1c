// Package project_test holds docs/tacit.schema.json, with a validator that is not ours, against what the program itself accepts.
package project_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"tacit/internal/config"
)

const file = "../../docs/tacit.schema.json"

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	schema, err := c.Compile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// value turns YAML into what JSON would be.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return value(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		all := make([]any, len(n.Content))
		for i, c := range n.Content {
			all[i] = value(c)
		}
		return all
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		return json.Number(n.Value)
	}
	return n.Value
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var n yaml.Node
	if err := yaml.Load([]byte(text), &n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return schema.Validate(value(&n))
}

// TestSchemaAgreesWithTheProgram: what one accepts the other does.
func TestSchemaAgreesWithTheProgram(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	example, err := os.ReadFile(filepath.FromSlash("../../docs/project.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for text, good := range map[string]bool{
		string(example): true,
		"{}":            true, "secrets:\n": true, "env:\n": true, "vars: {a: [1, {b: true}], c: null}": true, "targets: {a: {b: c}}": true,
		"secrets: {default_provider: x, overlap: 30d, cache: {ttl: 0, max_age: 24h}}": true, "secrets: {providers: {local: }}": true,
		"secrets: {providers: {a: {type: exec, priority: 10, required: true, timeout: 5s, command: [x, y], other: {deep: 1}}}}": true,
		"env: {A: 1, B: true, C: '${secret:x}'}":      true,
		"env_files: [.env, /etc/env]":                 true,
		"tasks: {a: make, b: {command: x, stdin: y}}": true,
		"tasks: {a: {steps: [x, {name: n, command: y, env: {A: b}, stdin: z}], params: [p, {name: q, description: d, default: 1}], env: {}}}": true,
		"profiles: {p: {env: {A: b}, env_files: [x], vars: {a: 1}}, q: }":                                                                     true,

		"name: x": false, "access_control: {}": false, "agent: {}": false, "proxy: {}": false, "vault: {}": false, "[]": false, "text": false,
		"secrets: {audit: {retain: 7y}}": false, "secrets: {cache: {age: 1s}}": false, "secrets: []": false, "secrets: {overlap: soon}": false,
		"secrets: {providers: {1a: {}}}": false, "secrets: {providers: {a: {priority: high}}}": false, "secrets: {providers: {a: {priority: 1001}}}": false,
		"secrets: {providers: {a: {required: maybe}}}": false, "secrets: {providers: {a: x}}": false, "secrets: {default_provider: 'a b'}": false,
		"env: {A-B: x}": false, "env: {A: [x]}": false, "env: {A: }": false, "env: [A]": false, "env_files: x": false, "env_files: [[x]]": false, "env_files: ['']": false, "vars: [a]": false, "targets: x": false,
		"tasks: {'a b': x}": false, "tasks: {a: {}}": false, "tasks: {a: {command: x, steps: [y]}}": false, "tasks: {a: {stdin: x, steps: [y]}}": false, "tasks: {a: {steps: []}}": false,
		"tasks: {a: {steps: [{name: x}]}}": false, "tasks: {a: {steps: [{command: x, shell: y}]}}": false, "tasks: {a: ''}": false, "tasks: {a: [x]}": false, "tasks: {a: }": false,
		"tasks: {a: {command: x, params: {p: 1}}}": false, "tasks: {a: {command: x, params: [{default: 1}]}}": false, "tasks: {a: {command: x, params: ['p q']}}": false,
		"tasks: {a: {command: x, when: y}}": false, "profiles: {p: {tasks: {}}}": false, "profiles: [p]": false, "profiles: {p: {env: {A: [b]}}}": false,
	} {
		problems := config.Parse("/project/tacit.yaml", []byte(text)).Problems()
		if ours := len(problems) == 0; ours != good {
			t.Errorf("the program, %.80s: %v", text, problems)
		}
		if err := validate(t, schema, text); (err == nil) != good {
			t.Errorf("the schema, %.80s: %v", text, err)
		}
	}
}

// TestSchemaHasTheKeysOfTheProgram: neither has a key that the other does not know.
func TestSchemaHasTheKeysOfTheProgram(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	type table struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Defs       map[string]json.RawMessage `json:"$defs"`
	}
	parse := func(text []byte) table {
		t.Helper()
		var x table
		if err := json.Unmarshal(text, &x); err != nil {
			t.Fatal(err)
		}
		return x
	}
	root := parse(text)
	secrets := parse(root.Properties["secrets"])
	tables := map[string]table{"": root, "secrets": secrets, "cache": parse(secrets.Properties["cache"])}
	for name, def := range root.Defs {
		if x := parse(def); len(x.Properties) > 0 {
			tables[name] = x
		}
	}
	keys := config.Keys()
	if a, b := slices.Sorted(maps.Keys(keys)), slices.Sorted(maps.Keys(tables)); !slices.Equal(a, b) {
		t.Errorf("the program has the tables %q, the schema %q", a, b)
	}
	for name, want := range keys {
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(tables[name].Properties)); !slices.Equal(got, want) {
			t.Errorf("table %q: the schema has %q, the program %q", name, got, want)
		}
	}
}
