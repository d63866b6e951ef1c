package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tacit/client"
	"tacit/internal/keeper"
)

const cliDoc = "../../docs/cli.md"

// shapes reads the JSON shapes of docs/cli.md: heading to decoded example.
func shapes() (map[string]any, error) {
	doc, err := os.ReadFile(cliDoc)
	if err != nil {
		return nil, err
	}
	raw := map[string]string{}
	var names []string
	for _, m := range regexp.MustCompile("(?s)\n### ([^\n]+)\n+[^#]*?```json\n(.*?)\n```").FindAllStringSubmatch(string(doc), -1) {
		raw[m[1]] = m[2]
		names = append(names, m[1])
	}
	all := map[string]any{}
	for _, heading := range names {
		text := raw[heading]
		for _, part := range []string{"secret", "readiness", "slot", "record"} {
			text = strings.ReplaceAll(text, "{"+part+"}", raw[part])
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, fmt.Errorf("%s: the JSON of %q: %w", cliDoc, heading, err)
		}
		for name := range strings.SplitSeq(heading, ", ") {
			all[name] = v
		}
		all[heading] = v
	}
	return all, nil
}

// mismatches compares data with a shape, both ways: every field of the shape is there, and no other; a list is never null.
func mismatches(path string, shape, data any) (bad []string) {
	switch shape := shape.(type) {
	case nil:
		return nil // anything; the Go type says what (see nulls)
	case map[string]any:
		object, ok := data.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T instead of an object", path, data)}
		}
		for _, k := range slices.Sorted(maps.Keys(shape)) {
			v, ok := object[k]
			if !ok {
				bad = append(bad, path+"."+k+" is missing")
				continue
			}
			bad = append(bad, mismatches(path+"."+k, shape[k], v)...)
		}
		for _, k := range slices.Sorted(maps.Keys(object)) {
			if _, ok := shape[k]; !ok {
				bad = append(bad, path+"."+k+" is not documented")
			}
		}
	case []any:
		list, ok := data.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T instead of a list", path, data)}
		}
		for i, e := range list {
			bad = append(bad, mismatches(fmt.Sprintf("%s[%d]", path, i), shape[0], e)...)
		}
	default:
		if reflect.TypeOf(shape) != reflect.TypeOf(data) {
			bad = append(bad, fmt.Sprintf("%s: %T instead of %T", path, data, shape))
		}
	}
	return bad
}

// checkShape compares the output of a command with its documented shape.
func checkShape(name string, output []byte) error {
	all, err := shapes()
	if err != nil {
		return err
	}
	shape, ok := all[name]
	if !ok {
		return fmt.Errorf("docs/cli.md has no JSON shape named %q", name)
	}
	var data any
	if err := json.Unmarshal(output, &data); err != nil {
		return fmt.Errorf("not one JSON object: %w", err)
	}
	if bad := mismatches(name, shape, data); len(bad) > 0 {
		return fmt.Errorf("%s", strings.Join(bad, "\n"))
	}
	return nil
}

// TestDocumentedShapesAreTheTypes compares docs/cli.md with the Go types, both ways, and null with pointers.
func TestDocumentedShapesAreTheTypes(t *testing.T) {
	t.Parallel()
	all, err := shapes()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"secret": client.Secret{}, "readiness": client.Readiness{}, "slot": client.Slot{}, "record": client.AuditRecord{},
		"status": client.Status{}, "agent status": client.AgentStatus{}, "agent reload": client.AgentReloaded{}, "init": client.Initialized{}, "slot list": client.Slots{}, "slot add": client.SlotAdded{},
		"slot rm": client.SlotRemoved{}, "slot test": client.SlotTest{}, "rotate-root": keeper.Rotation{}, "doctor": client.Doctor{},
		"whoami": client.Whoami{}, "version": client.Build{}, "audit": client.Audit{}, "audit verify (bad)": client.AuditVerify{},
		"audit who": client.AuditWho{}, "backup": client.BackedUp{}, "set": client.Changed{}, "rotate": client.Rotated{},
		"list": client.Listed{}, "rm": client.Removed{}, "history": client.History{}, "diff": client.Diff{}, "purge": client.Purged{},
		"get": client.Got{}, "show": client.Card{}, "generate --print": client.Generated{}, "export": client.Metadata{}, "due": client.Due{}, "import": client.Imported{}, "any error": client.Problem{},
		"token create": client.TokenCreated{}, "token list": client.Tokens{}, "token revoke": client.TokensRevoked{}, "grant": client.Grant{},
		"provider list": client.Providers{}, "provider health, health": client.Health{}, "provider test": client.ProviderTested{},
		"provider copy": client.Copied{}, "explain": client.Explained{},
		"grant list": client.Grants{}, "policy show": client.Policies{}, "policy explain": client.PolicyExplained{}, "policy test": client.PolicyTested{},
		"config show": client.ConfigShown{}, "config get": client.ConfigGot{}, "config set": client.ConfigSet{}, "config check": client.ConfigChecked{}, "task": client.Tasks{}, "task NAME --dry-run": client.TaskPlan{}, "config trust": client.ConfigTrusted{}, "config import": client.ConfigImported{},
	} {
		shape, ok := all[name]
		if !ok {
			t.Errorf("docs/cli.md has no shape %q", name)
			continue
		}
		for _, bad := range typeMismatches(name, shape, reflect.TypeOf(v)) {
			t.Error(bad)
		}
	}
}

func typeMismatches(path string, shape any, t reflect.Type) (bad []string) {
	nullable := t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface
	switch {
	case shape == nil && !nullable:
		return []string{fmt.Sprintf("%s: null in the documentation, but %s is never null", path, t)}
	case shape == nil:
		return nil
	case t.Kind() == reflect.Pointer:
		t = t.Elem()
	}
	switch shape := shape.(type) {
	case map[string]any:
		fields := jsonFields(t)
		for _, k := range slices.Sorted(maps.Keys(fields)) {
			if v, ok := shape[k]; ok {
				bad = append(bad, typeMismatches(path+"."+k, v, fields[k])...)
			} else {
				bad = append(bad, path+"."+k+" is not documented")
			}
		}
		for k := range shape {
			if _, ok := fields[k]; !ok {
				bad = append(bad, path+"."+k+" is documented but does not exist")
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return []string{path + " is no list"}
		}
		return typeMismatches(path+"[]", shape[0], t.Elem())
	default:
		if nullable {
			bad = append(bad, path+" may be null, but the documentation does not say so")
		}
	}
	return bad
}

// jsonFields returns the fields of a struct by their JSON names, embedded ones included.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			maps.Copy(fields, jsonFields(f.Type))
		} else if tag := f.Tag.Get("json"); tag != "" && tag != "-" {
			fields[tag] = f.Type
		}
	}
	return fields
}
