package config

import (
	"fmt"
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/name"
	"tacit/internal/settings"
)

// Foreign reads the configuration of another tool and returns it as the text of a project file, and what of it has no place there: a
// line each. It reads .xec/config.yaml, and .claude/config/secrets.yaml, which has a secrets table or is one. Nothing in either is run.
// An error has class fault.Usage, with file and line.
func Foreign(file string, text []byte) (out []byte, lost []Problem, err error) {
	node, problem := document(text)
	if problem != nil {
		problem.Place.File = file
		return nil, nil, problem.Fault()
	}
	if node == nil {
		return nil, nil, fault.New(fault.Usage, "%s says nothing", file).About(file)
	}
	root := value(node, file)
	if root.Table == nil {
		return nil, nil, (&Problem{Place: root.Place, Text: "expected keys with values"}).Fault()
	}
	f := foreign{}
	if isSecretsTable(root.Table) {
		root = settings.Value{Table: &settings.Table{Members: []settings.Member{{Key: "secrets", Value: root}}}}
	}
	for _, m := range root.Table.Members {
		f.table(m)
	}
	if len(f.out.Members) == 0 {
		return nil, f.lost, fault.New(fault.Usage, "%s has nothing that a project file could say", file).About(file)
	}
	out, err = YAML(settings.Value{Table: &f.out})
	return out, f.lost, err
}

// isSecretsTable reports whether a file is the table that another one calls secrets.
func isSecretsTable(t *settings.Table) bool {
	_, hasProviders := member(t, "providers")
	_, hasDefault := member(t, "default_provider")
	_, nested := member(t, "secrets")
	return (hasProviders || hasDefault) && !nested
}

// foreign is a project file that is being made.
type foreign struct {
	out  settings.Table
	lost []Problem
}

func (f *foreign) loses(v settings.Value, format string, args ...any) {
	f.lost = append(f.lost, Problem{Place: v.Place, Code: CodeInvalid, Text: fmt.Sprintf(format, args...)})
}

func put(t *settings.Table, key string, v settings.Value) {
	t.Members = append(t.Members, settings.Member{Key: key, Value: v})
}

// table takes in one table at the root.
func (f *foreign) table(m settings.Member) {
	switch m.Key {
	case "secrets":
		f.secrets(m.Value)
	case "vars", "targets":
		put(&f.out, m.Key, f.texts(m.Value))
	case "env":
		put(&f.out, m.Key, f.texts(m.Value))
	case "tasks":
		f.some(m, f.task)
	case "profiles":
		f.some(m, f.profile)
	case "version", "name", "description", "$schema":
	default:
		f.loses(m.Value, "%s has no place in a project file", clip(m.Key))
	}
}

// some takes in the members of a table that one can be made of.
func (f *foreign) some(m settings.Member, one func(key string, v settings.Value) (settings.Value, bool)) {
	var t settings.Table
	for _, x := range membersOf(m.Value) {
		if v, ok := one(x.Key, x.Value); ok {
			put(&t, x.Key, v)
		}
	}
	if len(t.Members) > 0 {
		put(&f.out, m.Key, settings.Value{Table: &t})
	}
}

// secrets takes in where secrets come from: providers by name, or as xec has it one of its own.
func (f *foreign) secrets(v settings.Value) {
	var t settings.Table
	for _, m := range membersOf(v) {
		switch {
		case isOne(m.Key, secretsKeys()...):
			put(&t, m.Key, f.texts(m.Value))
		case m.Key == "provider" && m.Value.Text == "env":
			env := settings.Table{}
			put(&env, "prefix", settings.Value{Text: "SECRET_"})
			put(&env, "uppercase_names", settings.Value{Text: "true"})
			put(&t, "providers", settings.Value{Table: &settings.Table{Members: []settings.Member{
				{Key: "local", Value: settings.Value{Table: &settings.Table{Members: []settings.Member{{Key: "priority", Value: settings.Value{Text: "50"}}}}}},
				{Key: "env", Value: settings.Value{Table: &env}},
			}}})
		case m.Key == "provider" && m.Value.Text == "local": // the vault, which is there without a word
		default:
			f.loses(m.Value, "secrets.%s has no place in a project file", clip(m.Key))
		}
	}
	if len(t.Members) > 0 {
		put(&f.out, "secrets", settings.Value{Table: &t})
	}
}

func (f *foreign) profile(key string, v settings.Value) (settings.Value, bool) {
	var t settings.Table
	for _, m := range membersOf(v) {
		if isOne(m.Key, "env", "vars") {
			put(&t, m.Key, f.texts(m.Value))
		} else {
			f.loses(m.Value, "profiles.%s.%s has no place in a profile", clip(key), clip(m.Key))
		}
	}
	return settings.Value{Table: &t}, true
}

func (f *foreign) task(key string, v settings.Value) (settings.Value, bool) {
	if v.Table == nil {
		return f.texts(v), true
	}
	var t settings.Table
	for _, m := range v.Table.Members {
		switch m.Key {
		case "description":
			put(&t, m.Key, m.Value)
		case "command", "env":
			put(&t, m.Key, f.texts(m.Value))
		case "params":
			put(&t, m.Key, f.params(m.Value))
		case "steps":
			list := make([]settings.Value, 0, len(m.Value.List))
			for i, x := range m.Value.List {
				if step, ok := f.step(fmt.Sprintf("%s.steps.%d", clip(key), i), x); ok {
					list = append(list, step)
				}
			}
			put(&t, m.Key, settings.Value{List: list})
		default:
			f.loses(m.Value, "tasks.%s.%s has no place in a task", clip(key), clip(m.Key))
		}
	}
	_, command := member(&t, "command")
	steps := member1(&t, "steps")
	if !command && len(steps.List) == 0 {
		f.loses(v, "the task %s has no command, and is left out", clip(key))
		return v, false
	}
	return settings.Value{Table: &t}, true
}

func (f *foreign) step(what string, v settings.Value) (settings.Value, bool) {
	if v.Table == nil {
		return f.texts(v), v.Text != ""
	}
	var t settings.Table
	for _, m := range v.Table.Members {
		switch m.Key {
		case "name":
			put(&t, m.Key, m.Value)
		case "command", "env", "stdin":
			put(&t, m.Key, f.texts(m.Value))
		default:
			f.loses(m.Value, "tasks.%s.%s has no place in a step", what, clip(m.Key))
		}
	}
	if _, ok := member(&t, "command"); !ok {
		f.loses(v, "tasks.%s has no command, and is left out", what)
		return v, false
	}
	return settings.Value{Table: &t}, true
}

func (f *foreign) params(v settings.Value) settings.Value {
	list := make([]settings.Value, 0, len(v.List))
	for _, x := range v.List {
		if x.Table == nil {
			list = append(list, x)
			continue
		}
		var t settings.Table
		for _, m := range x.Table.Members {
			if slices.Contains(paramKeys(), m.Key) {
				put(&t, m.Key, f.texts(m.Value))
			}
		}
		list = append(list, settings.Value{Table: &t})
	}
	return settings.Value{List: list}
}

// texts translates the references of every text below v.
func (f *foreign) texts(v settings.Value) settings.Value {
	switch {
	case v.Table != nil:
		t := settings.Table{}
		for _, m := range v.Table.Members {
			put(&t, m.Key, f.texts(m.Value))
		}
		v.Table = &t
	case v.List != nil:
		list := make([]settings.Value, 0, len(v.List))
		for _, x := range v.List {
			list = append(list, f.texts(x))
		}
		v.List = list
	default:
		v.Text = f.references(v)
	}
	return v
}

// references translates the references of one text: ${secrets.k}, ${x}, ${env.X:default} as xec has them. What has no counterpart, a
// command among them, becomes the characters that it is written with.
func (f *foreign) references(v settings.Value) string {
	var out strings.Builder
	for rest := v.Text; ; {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		inside, next, closed := strings.Cut(after, "}")
		ref, ok := translated(inside)
		switch {
		case strings.HasSuffix(before, `\`): // the characters, there as here; but here the backslashes before them are written twice
			slashes := len(before) - len(strings.TrimRight(before, `\`))
			out.WriteString(strings.Repeat(`\`, slashes-1) + "${")
			rest = after
		case closed && ok:
			out.WriteString(ref)
			rest = next
		default:
			f.loses(v, "${%s} is no reference here, and stays as text", clip(inside))
			out.WriteString(`\${`)
			rest = after
		}
	}
}

// translated returns the reference of ours for what stands between the braces of another tool's.
func translated(inside string) (string, bool) {
	for _, prefix := range []string{"secret:", "secrets:", "secret.", "secrets."} {
		if k, ok := strings.CutPrefix(inside, prefix); ok {
			return "${secret:" + k + "}", name.Problem(k) == ""
		}
	}
	path, fallback, hasDefault := strings.Cut(inside, ":")
	table, key, dotted := strings.Cut(path, ".")
	if !dotted || table != interpolate.Env && table != interpolate.Vars && table != interpolate.Params {
		table, key = interpolate.Vars, path
	}
	ref := "${" + table + "." + key
	if hasDefault {
		ref += ":-" + strings.TrimPrefix(fallback, "-")
	}
	_, err := interpolate.Parse(ref + "}")
	return ref + "}", err == nil && path != "cmd"
}
