package config

import (
	"strconv"
	"strings"

	"tacit/internal/interpolate"
	"tacit/internal/settings"
)

// Lookup says what ${env.X}, ${vars.x} and ${params.x} stand for in a text of a file. What comes from the environment or from an argument
// is text and never read for references; params may be nil.
func (c *Config) Lookup(file string, params map[string]string) interpolate.Lookup {
	vars := c.varsFor(file)
	return func(table, key string) (interpolate.Template, bool, error) {
		switch table {
		case interpolate.Env:
			if c.getenv == nil {
				return nil, false, nil
			}
			v, ok := c.getenv(key)
			return interpolate.Text(v), ok, nil
		case interpolate.Params:
			v, ok := params[key]
			return interpolate.Text(v), ok, nil
		}
		v, ok := descend(vars, strings.Split(key, "."))
		switch {
		case !ok:
			return nil, false, nil
		case v.Table != nil || v.List != nil:
			return nil, false, (&Problem{Place: v.Place, Code: CodeReference, Text: "vars." + key + " is not a text, and is used in one"}).Fault()
		}
		t, err := parseTemplate(v.Text, v.Block)
		return t, true, At(textPlace(v), err)
	}
}

// varsFor returns the vars that texts of a file see. Those of the user's own file see the user's alone: a project that sets one of the same
// name would otherwise say where the user's providers are, and get what they are asked with (I20).
func (c *Config) varsFor(file string) settings.Value {
	if c.userFile != "" && file == c.userFile {
		return c.userVars
	}
	return c.Vars
}

// descend goes down a tree by keys, and by numbers in lists. A key that has dots in it is found too.
func descend(v settings.Value, path []string) (settings.Value, bool) {
	if len(path) == 0 {
		return v, true
	}
	if v.List != nil {
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(v.List) || strconv.Itoa(i) != path[0] {
			return settings.Value{}, false
		}
		return descend(v.List[i], path[1:])
	}
	for n := 1; n <= len(path); n++ {
		if m, ok := member(v.Table, strings.Join(path[:n], ".")); ok {
			if found, ok := descend(m, path[n:]); ok {
				return found, true
			}
		}
	}
	return settings.Value{}, false
}

// expandSettings puts in what ${env.X} and ${vars.x} stand for in the settings of a provider.
func (c *Config) expandSettings(r *reader, t *settings.Table) {
	for i := range t.Members {
		m := &t.Members[i]
		_, said := secretIn(m.Value)
		if m.Value = c.expandValue(r, m.Value); m.Key == "command" && !said {
			r.program(m.Value)
		}
	}
}

func (c *Config) expandValue(r *reader, v settings.Value) settings.Value {
	switch {
	case v.Table != nil:
		t := *v.Table
		t.Members = append([]settings.Member(nil), t.Members...)
		c.expandSettings(r, &t)
		v.Table = &t
	case v.List != nil:
		list := make([]settings.Value, len(v.List))
		for i := range v.List {
			list[i] = c.expandValue(r, v.List[i])
		}
		v.List = list
	case strings.Contains(v.Text, "${"):
		t, err := parseTemplate(v.Text, v.Block)
		if err != nil {
			return v // said already
		}
		flat, err := t.Flatten(c.Lookup(v.Place.File, nil))
		if err != nil {
			r.problems = append(r.problems, *errorAt(textPlace(v), err))
			return v
		}
		v.Text = flat.Source()
	}
	return v
}
