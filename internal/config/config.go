package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/paths"
	"tacit/internal/settings"
)

// Config is what applies to a command: the project file, if it is trusted, over the user's config.yaml.
type Config struct {
	// Project is the nearest project file; nil: there is none, or it was not looked for. Its tables are in the rest only when it is
	// trusted.
	Project *File

	DefaultProvider string        // empty: not said
	Overlap         time.Duration // 0: not said
	CacheTTL        time.Duration
	CacheMaxAge     *time.Duration // nil: not said
	Providers       []Provider     // as they are declared, in the order of the file

	Env      []Variable // in the order of the file
	EnvFiles []EnvFile
	Vars     settings.Value // a tree; templates are not expanded in it
	Targets  settings.Value // likewise
	Tasks    []Task
	Profiles []string // the names of those that there are

	root     *settings.Table // everything that the fields above were read from
	userFile string          // the path of config.yaml
	userVars settings.Value  // what its own vars are; Vars has the project's over them
	getenv   func(name string) (string, bool)
}

// A Provider is a store as configuration declares it.
type Provider struct {
	Name, Type string
	Priority   int
	Required   bool
	Timeout    time.Duration
	Origin     string // "user" or "project"
	// Settings are the keys of its type. ${env.X} and ${vars.x} in them are expanded; what holds "${" still is a template of package
	// interpolate, with nothing but text and secrets, for whoever makes the provider to expand.
	Settings *settings.Table
}

// A Variable is one that programs get.
type Variable struct {
	Name  string
	Value interpolate.Template
	Place settings.Place
}

// An EnvFile is an env file that a project names. Its content is trusted together with the project file, so it is read with it.
type EnvFile struct {
	Path  string
	Text  []byte
	Err   error // why there is no Text
	Place settings.Place
}

// A Task is something to run. Parameters come in the order in which they are given as arguments.
type Task struct {
	Name, Description string
	Params            []Param
	Env               []Variable
	Steps             []Step
	Place             settings.Place
}

// A Param is a parameter of a task. Without a default it must be given.
type Param struct {
	Name, Description string
	Default           interpolate.Template
	HasDefault        bool
	Place             settings.Place
}

// A Step is one command of a task.
type Step struct {
	Name    string
	Command interpolate.Template // for the shell
	Env     []Variable
	Stdin   interpolate.Template // HasStdin
	Place   settings.Place       // of the command's text

	HasStdin   bool
	StdinPlace settings.Place
}

// Options say what to load.
type Options struct {
	Dir      string // where to begin to look for a project file, absolute and without links; empty: nowhere
	UserFile string // config.yaml
	Trust    Trust
	Getenv   func(name string) (string, bool) // for ${env.X}
}

// Load reads the user's file and the nearest project file. Errors are of class fault.Usage, with file and line, or fault.Permissions.
// That the project file is not trusted, or cannot be, is no error: Project says so.
func Load(o Options) (*Config, error) {
	user, err := userTree(o.UserFile)
	if err != nil {
		return nil, err
	}
	c := &Config{userFile: o.UserFile, userVars: member1(user, "vars"), getenv: o.Getenv}
	var project *settings.Table
	if o.Dir != "" {
		if c.Project, err = o.Trust.Find(o.Dir); err != nil {
			return nil, err
		}
	}
	if c.Project != nil && c.Project.Trusted {
		if err := firstOf(c.Project.Problems()); err != nil {
			return nil, err
		}
		project = c.Project.root
	}
	if user == nil && project == nil { // mostly
		return c, nil
	}
	c.root = merge(user, project)
	return c, firstOf(c.read())
}

// firstOf returns the first problem as an error.
func firstOf(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return problems[0].Fault()
}

// read fills the fields from root, and returns what is wrong with it.
func (c *Config) read() []Problem {
	r := reader{project: c.Project, load: true}
	r.decode(c.root)
	r.c.Project, r.c.root, r.c.userFile, r.c.userVars, r.c.getenv = c.Project, c.root, c.userFile, c.userVars, c.getenv
	*c = r.c
	for i := range c.Providers {
		c.expandSettings(&r, c.Providers[i].Settings)
	}
	return r.problems
}

// userTree reads the user's file; nil: there is none, or it says nothing.
func userTree(path string) (*settings.Table, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readOwn(path)
	if err != nil || text == nil {
		return nil, err
	}
	node, problem := document(text)
	if problem != nil {
		problem.Place.File = path
		return nil, problem.Fault()
	}
	if node == nil {
		return nil, nil
	}
	v := value(node, path)
	if v.Table == nil {
		return nil, (&Problem{Place: v.Place, Text: "expected keys with values"}).Fault()
	}
	// A misspelt "secrets" would leave out every store that it declares, and another answer for it (I19).
	for _, m := range v.Table.Members {
		if !isOne(m.Key, ownKeys()...) {
			return nil, (&Problem{Place: m.Place, Code: CodeUnknownKey, Text: fmt.Sprintf("unknown key %q", clip(m.Key))}).Fault()
		}
	}
	return v.Table, nil
}

// readOwn reads a file of the user's own, at most a little more than what is allowed; nil: there is none.
func readOwn(path string) ([]byte, error) {
	f, err := paths.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, paths.Explain(err, path, "read %s", path)
	}
	return text, nil
}

// Fault returns the problem as an error of class fault.Usage that begins with file and line.
func (p *Problem) Fault() error {
	text := p.Text
	if where := p.Place.String(); where != "" {
		text = where + ": " + text
	}
	fix := p.Fix
	if fix == "" {
		fix = "mend that line; docs/project.md says what may stand there"
	}
	return fault.New(fault.Usage, "%s", text).About(p.Place.File).WithFix("%s", fix)
}

// WithProfiles returns the configuration with profiles over it, the last one on top. Each name may be several, with commas. A name that
// no profile has is an error of class fault.Usage.
func (c *Config) WithProfiles(names ...string) (*Config, error) {
	var chosen []string
	for _, n := range names {
		chosen = append(chosen, strings.FieldsFunc(n, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	if len(chosen) == 0 {
		return c, nil
	}
	with := c
	for _, n := range chosen {
		profile, ok := member(member1(c.root, "profiles").Table, n)
		if !ok {
			err := fault.New(fault.Usage, "there is no profile %s", clip(n)).About(n)
			if len(c.Profiles) == 0 {
				return nil, err.WithFix("add it under profiles: in %s", FileName)
			}
			return nil, err.WithFix("one of %s", strings.Join(c.Profiles, ", "))
		}
		with = with.under(profile)
	}
	return with, firstOf(with.read())
}

// under returns c with a profile over it, to be read. The vars of a profile of the project are not the user's.
func (c *Config) under(profile settings.Value) *Config {
	with := &Config{Project: c.Project, root: overlay(c.root, profile.Table), userFile: c.userFile, userVars: c.userVars, getenv: c.getenv}
	if vars, ok := member(profile.Table, "vars"); ok && profile.Place.File == c.userFile {
		with.userVars = lay(vars, c.userVars, -1)
	}
	return with
}

// merge returns the project's tables over the user's. What grants authority is replaced as a whole: a project gets nothing by adding to
// what the user wrote for other places. Values without authority are laid over each other, which they are because the user's own texts do not
// see the project's (varsFor).
func merge(user, project *settings.Table) *settings.Table {
	if user == nil {
		return project
	}
	if project == nil {
		return user
	}
	out := &settings.Table{Place: project.Place, Members: slices.Clone(project.Members)}
	for _, m := range user.Members {
		i := slices.IndexFunc(out.Members, func(o settings.Member) bool { return o.Key == m.Key })
		switch {
		case i < 0:
			out.Members = append(out.Members, m)
		case m.Key == "vars" || m.Key == "targets":
			out.Members[i].Value = lay(out.Members[i].Value, m.Value, -1)
		case m.Key == "secrets":
			out.Members[i].Value = laySecrets(out.Members[i].Value, m.Value)
		}
	}
	return out
}

// lay returns a table over another one: keys that both have are those of over, or laid over each other down to a depth; -1 is all of it.
func lay(over, under settings.Value, depth int) settings.Value {
	if over.Table == nil || under.Table == nil || depth == 0 {
		if over.Null && under.Table != nil {
			return under
		}
		return over
	}
	out := *over.Table
	out.Members = slices.Clone(out.Members)
	for _, m := range under.Table.Members {
		i := slices.IndexFunc(out.Members, func(o settings.Member) bool { return o.Key == m.Key })
		if i < 0 {
			out.Members = append(out.Members, m)
		} else {
			out.Members[i].Value = lay(out.Members[i].Value, m.Value, depth-1)
		}
	}
	over.Table = &out
	return over
}

// overlay returns root with a profile over it.
func overlay(root, profile *settings.Table) *settings.Table {
	if profile == nil {
		return root
	}
	out := &settings.Table{Place: root.Place, Members: slices.Clone(root.Members)}
	for _, m := range profile.Members {
		i := slices.IndexFunc(out.Members, func(o settings.Member) bool { return o.Key == m.Key })
		switch {
		case i < 0:
			out.Members = append(out.Members, m)
		case m.Key == "env_files" && m.Value.List != nil:
			v := out.Members[i].Value
			v.List = slices.Concat(v.List, m.Value.List)
			out.Members[i].Value = v
		default:
			out.Members[i].Value = lay(m.Value, out.Members[i].Value, -1)
		}
	}
	return out
}

// member returns the value of a key; t may be nil.
func member(t *settings.Table, key string) (settings.Value, bool) {
	if t != nil {
		for _, m := range t.Members {
			if m.Key == key {
				return m.Value, true
			}
		}
	}
	return settings.Value{}, false
}

func member1(t *settings.Table, key string) settings.Value {
	v, _ := member(t, key)
	return v
}
