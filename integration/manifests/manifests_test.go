// Package manifests_test holds the manifests in the documentation against the schemas that Kubernetes and Compose publish.
package manifests_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// The schemas of Kubernetes, as its API server publishes them, are taken from a module that has them as files, by its checksum: nothing of
// it is compiled.
const (
	schemas    = "sigs.k8s.io/kubectl-validate@v0.0.4"
	schemasSum = "h1:tGKuv0awYHn11Cb6KPsZKxUmHgavF46K3NvVH0Nse9U="
	kubernetes = "1.30"
)

// blocks returns the YAML documents of a page.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i, part := range strings.Split(string(b), "\n```yaml\n") {
		if i == 0 {
			continue
		}
		text, _, _ := strings.Cut(part, "\n```")
		all = append(all, strings.Split(text, "\n---\n")...)
	}
	return all
}

// openAPI returns the schemas of an API group as JSON Schema: an object has no members but those that are named.
func openAPI(t *testing.T, file string) map[string]any {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", schemas)
	cmd.Dir = t.TempDir() // of no module
	out, err := cmd.Output()
	var module struct{ Dir, Sum string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil || module.Sum != schemasSum {
		t.Fatalf("download %s: %v %q", schemas, err, module.Sum)
	}
	b, err := os.ReadFile(filepath.Join(module.Dir, "pkg", "openapiclient", "builtins", kubernetes, file))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
		object := s.(map[string]any)
		if _, open := object["additionalProperties"]; !open && object["properties"] != nil {
			object["additionalProperties"] = false
		}
	}
	return doc
}

// kinds says where the schema of each kind is.
var kinds = map[string]struct{ file, schema string }{
	"apps/v1 Deployment": {"apis/apps/v1.json", "io.k8s.api.apps.v1.Deployment"},
	"batch/v1 Job":       {"apis/batch/v1.json", "io.k8s.api.batch.v1.Job"},
	"v1 Pod":             {"api/v1.json", "io.k8s.api.core.v1.Pod"},
	"v1 Secret":          {"api/v1.json", "io.k8s.api.core.v1.Secret"},
}

func validateKubernetes(t *testing.T, doc map[string]any) error {
	t.Helper()
	kind, ok := kinds[doc["apiVersion"].(string)+" "+doc["kind"].(string)]
	if !ok {
		t.Fatalf("what is a %v %v?", doc["apiVersion"], doc["kind"])
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4) // which OpenAPI 3.0 is based on
	if err := c.AddResource("file:///schemas.json", openAPI(t, kind.file)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///schemas.json#/components/schemas/" + kind.schema)
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(plain(t, doc))
}

// plain returns what JSON makes of a value.
func plain(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestManifests(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	for _, text := range blocks(t, "../../docs/kubernetes.md") {
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		switch {
		case doc["kind"] != nil:
			found[doc["kind"].(string)]++
			if err := validateKubernetes(t, doc); err != nil {
				t.Errorf("%s: %v", doc["kind"], err)
			}
		case doc["services"] != nil:
			found["compose"]++
			if err := schema.Validate(doc); err != nil {
				t.Errorf("compose: %v", err)
			}
		default:
			t.Errorf("what is this?\n%s", text)
		}
	}
	for _, want := range []string{"Deployment", "Pod", "Secret", "Job", "compose"} {
		if found[want] == 0 {
			t.Errorf("the page has no %s any more", want)
		}
	}
}

// The validation finds what is wrong.
func TestWrongManifests(t *testing.T) {
	t.Parallel()
	pod := func(change func(spec, container map[string]any)) map[string]any {
		container := map[string]any{"name": "a", "image": "b"}
		spec := map[string]any{"containers": []any{container}}
		change(spec, container)
		return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "a"}, "spec": spec}
	}
	if err := validateKubernetes(t, pod(func(_, _ map[string]any) {})); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]map[string]any{
		"an unknown member":   pod(func(spec, _ map[string]any) { spec["volume"] = []any{} }),
		"a member deep down":  pod(func(_, c map[string]any) { c["volumeMounts"] = []any{map[string]any{"name": "a", "path": "/a"}} }),
		"a number for a name": pod(func(_, c map[string]any) { c["image"] = 7 }),
		"no container":        pod(func(spec, _ map[string]any) { delete(spec, "containers") }),
	} {
		if validateKubernetes(t, wrong) == nil {
			t.Errorf("%s passes", name)
		}
	}
	if schema.Validate(map[string]any{"services": map[string]any{"a": map[string]any{"imag": "b"}}}) == nil {
		t.Error("an unknown member of a service passes")
	}
}
