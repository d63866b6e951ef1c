package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"tacit/internal/interpolate"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/settings"
)

// A Mention is a secret that a file names, and where.
type Mention struct {
	Secret name.Reference
	Place  settings.Place
}

// A Command is a step of a task with what its shell would find.
type Command struct {
	Step
	// Holds is the secret in each variable of its environment that holds one.
	Holds  map[string]string
	Lookup interpolate.Lookup
}

// Check lists what is wrong with a project file, trusted or not: everything of [File.Problems]; and if that is nothing, references to
// variables that there are not, env files that there are not, and what command finds wrong with the commands of tasks. mentions are the
// secrets that the file names.
func (f *File) Check(o Options, command func(Command) []Problem) (problems []Problem, mentions []Mention, err error) {
	if problems = f.Problems(); len(problems) > 0 {
		return problems, nil, nil
	}
	user, err := userTree(o.UserFile)
	if err != nil {
		return nil, nil, err
	}
	f.readEnvFiles()
	k := checker{file: f, command: command, budget: maxShown}
	c := &Config{Project: f, root: merge(user, f.root), userFile: o.UserFile, userVars: member1(user, "vars"), getenv: anyEnv}
	k.config(c)
	for _, profile := range membersOf(member1(c.root, "profiles")) {
		k.config(c.under(profile.Value))
	}
	order.By(k.problems, func(a, b Problem) int { return a.Place.Line - b.Place.Line })
	return k.problems, k.mentions, nil
}

// anyEnv: what the environment holds is not known when a file is checked.
func anyEnv(string) (string, bool) { return "x", true }

// checker looks at everything that a configuration says with every reference put in.
type checker struct {
	file     *File
	command  func(Command) []Problem
	problems []Problem
	mentions []Mention
	budget   int // what may still be put together (I08)
}

func (k *checker) add(p Problem) {
	if p.Place.File == k.file.Path && !slices.Contains(k.problems, p) { // what several profiles share is said once
		k.problems = append(k.problems, p)
	}
}

// config checks c, which has a profile over it or none.
func (k *checker) config(c *Config) {
	for _, p := range c.read() {
		k.add(p)
	}
	lookup := c.lookups(nil)
	k.environment(c.Env, lookup, map[string]string{})
	for _, f := range c.EnvFiles {
		if f.Err != nil {
			k.add(Problem{Place: f.Place, Code: CodeMissing, Text: "the env file cannot be read: " + why(f.Err), Fix: "make it, or remove it from env_files"})
		}
	}
	k.tree(c.Vars, lookup)
	k.tree(c.Targets, lookup)
	for _, t := range c.Tasks {
		k.task(t, c)
	}
	for _, p := range c.Providers {
		k.tree(settings.Value{Table: p.Settings}, lookup)
	}
	if d := c.DefaultProvider; d != "" && d != "local" && !slices.ContainsFunc(c.Providers, func(p Provider) bool { return p.Name == d }) {
		v, _ := descend(settings.Value{Table: c.root}, []string{"secrets", "default_provider"})
		k.add(Problem{Place: v.Place, Code: CodeInvalid, Text: fmt.Sprintf("there is no provider %q", clip(d)), Fix: "declare it under secrets.providers"})
	}
}

// lookups are the lookups of files.
type lookups func(file string) interpolate.Lookup

func (c *Config) lookups(params map[string]string) lookups {
	return func(file string) interpolate.Lookup { return c.Lookup(file, params) }
}

func why(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no such file"
	}
	return err.Error()
}

func (k *checker) task(t Task, c *Config) {
	params := map[string]string{}
	for _, p := range t.Params {
		params[p.Name] = "x"
		k.template(p.Default, p.Place, c.lookups(nil))
	}
	lookup := c.lookups(params)
	holds := map[string]string{}
	k.environment(c.Env, c.lookups(nil), holds)
	k.environment(t.Env, lookup, holds)
	for _, s := range t.Steps {
		of := maps.Clone(holds)
		k.environment(s.Env, lookup, of)
		k.template(s.Stdin, s.StdinPlace, lookup)
		if k.template(s.Command, s.Place, lookup) == nil {
			continue
		}
		for _, p := range k.command(Command{Step: s, Holds: of, Lookup: lookup(s.Place.File)}) {
			k.add(p)
		}
	}
}

// environment checks variables, and notes in holds which secrets they hold.
func (k *checker) environment(env []Variable, lookup lookups, holds map[string]string) {
	for _, v := range env {
		delete(holds, v.Name)
		for _, ref := range k.template(v.Value, v.Place, lookup).Secrets() {
			holds[v.Name] = ref.Bare()
		}
	}
}

// template returns t with everything put in, and notes what is wrong and which secrets it names.
func (k *checker) template(t interpolate.Template, place settings.Place, lookup lookups) interpolate.Template {
	for _, ref := range t.Secrets() {
		m := Mention{ref, place}
		if place.File == k.file.Path && !slices.Contains(k.mentions, m) {
			k.mentions = append(k.mentions, m)
		}
	}
	if k.budget < 0 {
		return nil
	}
	flat, err := t.Flatten(lookup(place.File))
	k.budget -= size(flat)
	if err != nil {
		k.budget -= failure
	}
	if k.budget < 0 {
		k.add(Problem{Place: place, Code: CodeReference, Text: "what the file refers to is too much text from here on to be checked"})
	}
	if err != nil {
		var missing *interpolate.ReferenceError
		if !errors.As(err, &missing) {
			return nil // about another place, where it is said
		}
		k.add(*errorAt(place, err))
	}
	return flat
}

// size is how much a flat template counts.
func size(t interpolate.Template) int {
	n := 0
	for _, p := range t {
		n += 16 + len(p.Text)
	}
	return n
}

func (k *checker) tree(v settings.Value, lookup lookups) {
	switch {
	case v.Table != nil:
		for _, m := range v.Table.Members {
			k.tree(m.Value, lookup)
		}
	case v.List != nil:
		for _, x := range v.List {
			k.tree(x, lookup)
		}
	case !v.Null:
		if t, err := parseTemplate(v.Text, v.Block); err == nil {
			k.template(t, textPlace(v), lookup)
		}
	}
}
