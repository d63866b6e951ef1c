// Package services_test holds docs/service.schema.json, with a validator that is not ours, against what the program itself accepts.
package services_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"tacit/internal/registry"
)

const root = "../.."

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	schema, err := c.Compile(filepath.Join(root, "docs", "service.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// value turns YAML into what JSON would be. A day is a text, as it is in YAML 1.2.
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
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value(&doc))
}

// The schema is one: it holds against the meta-schema of its draft.
func TestSchemaIsOne(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	meta, err := c.Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(root, "docs", "service.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.Validate(doc); err != nil {
		t.Error(err)
	}
}

// Every built-in service, as it is written and as it is stored, is valid.
func TestBuiltInServicesAreValid(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	files, err := filepath.Glob(filepath.Join(root, "internal", "registry", "services", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no service files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		s, problems := registry.Check(text, registry.Builtin)
		if s == nil {
			t.Errorf("%s: %v", file, problems)
			continue
		}
		if err := validate(t, schema, string(s.Encode())); err != nil {
			t.Errorf("%s, as it is stored: %v", file, err)
		}
	}
}

// The examples of docs/services.md are services, for the schema and for the program.
func TestExamplesOfTheGuide(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "services.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for i, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if err := validate(t, schema, text); err != nil {
			t.Errorf("example %d: %v", i+1, err)
		}
		if _, err := registry.ParseService([]byte(text)); err != nil {
			t.Errorf("example %d: %v", i+1, err)
		}
	}
}

const base = `service: acme
title: Acme API
hosts: [api.acme.example]
secrets: {ACME_API_KEY: secret}
public: []
auth: {header: {name: authorization, value: "Bearer {{secret}}"}}
env: {base_url: ACME_BASE_URL}
capabilities:
  - {id: acme/things, methods: [GET, POST], paths: [/v1/things], risk: write, example: {method: GET, path: /v1/things}}
`

// What the schema refuses the program refuses too, and the other way round as far as a schema can say it.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	if err := validate(t, schema, base); err != nil {
		t.Fatal(err)
	}
	auth := `{header: {name: authorization, value: "Bearer {{secret}}"}}`
	for _, change := range [][2]string{
		{"title:", "titel:"},
		{"title: Acme API", "title:"},
		{"title: Acme API", "title: [a]"},
		{"title: Acme API", `title: "a\nb"`},
		{"title: Acme API", "docs: http://a.example"},
		{"title: Acme API", "checked: yesterday"},
		{"service: acme", "service: Acme"},
		{"service: acme\n", ""},
		{"hosts: [api.acme.example]\n", ""},
		{"[api.acme.example]", "[]"},
		{"[api.acme.example]", "api.acme.example"},
		{"[api.acme.example]", "[API.acme.example]"},
		{"[api.acme.example]", `["https://api.acme.example"]`},
		{"[api.acme.example]", `["*.example"]`},
		{"[api.acme.example]", `["api.*.example"]`},
		{"[api.acme.example]", "[api.acme.example.]"},
		{"[api.acme.example]", `["api.acme.example:0443"]`},
		{"[api.acme.example]", "[äcme.example]"},
		{"[api.acme.example]", "[api.acme.example, api.acme.example]"},
		{"{ACME_API_KEY: secret}", "{}"},
		{"{ACME_API_KEY: secret}", `{"9": secret}`},
		{"{ACME_API_KEY: secret}", "{ACME_API_KEY: Secret}"},
		{"public: []", "public: secret"},
		{"public: []", "network: {insecure: true}"},
		{"public: []", "network: {allow_private: sometimes}"},
		{"public: []", `aliases: {"a b": ACME_API_KEY}`},
		{auth, "{}"},
		{auth, `{cookie: {name: a, value: "{{secret}}"}}`},
		{auth, `{header: {name: a, value: "{{secret}}"}, query: {name: a, value: "{{secret}}"}}`},
		{auth, `{header: {name: "a b", value: "{{secret}}"}}`},
		{auth, `{header: {name: a}}`},
		{auth, `{header: {name: a, value: "{{secret}}", prefix: x}}`},
		{auth, `{query: {name: "a&b", value: "{{secret}}"}}`},
		{auth, `{headers: []}`},
		{auth, `{path: {prefix: "bot{{secret}}"}}`},
		{auth, `{oauth2: {grant: password, token_url: "https://a.example/t"}}`},
		{auth, `{oauth2: {grant: authorization_code, token_url: "https://a.example/t"}}`},
		{auth, `{oauth2: {grant: client_credentials, token_url: "https://a.example/t", auth_url: "https://a.example/a"}}`},
		{auth, `{oauth2: {grant: client_credentials, token_url: "https://u:p@a.example/t"}}`},
		{auth, `{hmac: {algorithm: md5, header: a, value: "{{signature}}", canonical: x}}`},
		{auth, `{hmac: {algorithm: sha256, header: a, value: "x", canonical: x}}`},
		{auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: x, headers: []}}`},
		{auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: x, headers: [{name: b}]}}`},
		{auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: x, headers: [{name: "b c", value: x}]}}`},
		{auth, `{body: []}`},
		{auth, `{body: [{name: a, value: "{{secret}}"}]}`},
		{auth, `{mtls: {certificate: "{{secret}}"}}`},
		{"base_url: ACME_BASE_URL", "base_url: acme"},
		{"base_url: ACME_BASE_URL", "base_path: v1"},
		{"base_url: ACME_BASE_URL", `key_form: "s k"`},
		{"id: acme/things", "id: things"},
		{"id: acme/things, ", ""},
		{"methods: [GET, POST]", "methods: []"},
		{"methods: [GET, POST]", "methods: [get]"},
		{"methods: [GET, POST]", "methods: [GET, CONNECT]"},
		{"paths: [/v1/things]", "paths: []"},
		{"paths: [/v1/things]", "paths: [v1/things]"},
		{"paths: [/v1/things]", "paths: [/v1/things/]"},
		{"paths: [/v1/things]", "paths: [/v1/*]"},
		{"paths: [/v1/things]", `paths: ["/v1/{a}b"]`},
		{"paths: [/v1/things]", `paths: ["/v1?a=b"]`},
		{"risk: write", "risk: low"},
		{"risk: write, ", ""},
		{"risk: write", "risk: write, returns: [data.token]"},
		{"risk: write", "risk: write, opaque_path: maybe"},
		{"risk: write", "risk: write, limits: 5"},
		{"path: /v1/things}", `path: "/v1/things?a=b"}`},
		{"path: /v1/things}", `path: /v1/things, query: "?a=b"}`},
		{"method: GET, path", "path"},
	} {
		text := strings.Replace(base, change[0], change[1], 1)
		name := fmt.Sprintf("%q for %q", change[1], change[0])
		if text == base {
			t.Errorf("%s: nothing was replaced", name)
		}
		if validate(t, schema, text) == nil {
			t.Errorf("%s: valid for the schema", name)
		}
		if _, err := registry.ParseService([]byte(text)); err == nil {
			t.Errorf("%s: the program accepts it", name)
		}
	}
}
