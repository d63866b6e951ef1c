package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tacit/internal/interpolate"
	"tacit/internal/name"
	"tacit/internal/settings"
	"tacit/internal/when"
)

// Keys returns the keys that each table of a project file may have, by the name of the table in docs/tacit.schema.json, which has the same.
// Tables that are not here may have any.
func Keys() map[string][]string {
	return map[string][]string{
		"": projectKeys(), "secrets": secretsKeys(), "cache": cacheKeys(), "provider": providerKeys(), "profile": profileKeys(), "task": taskKeys(), "step": stepKeys(), "param": paramKeys(),
	}
}

// projectKeys are the tables of a project file.
func projectKeys() []string {
	return []string{"secrets", "env", "env_files", "vars", "targets", "tasks", "profiles"}
}

func secretsKeys() []string  { return []string{"default_provider", "overlap", "cache", "providers"} }
func cacheKeys() []string    { return []string{"ttl", "max_age"} }
func providerKeys() []string { return []string{"type", "priority", "required", "timeout"} }
func profileKeys() []string  { return []string{"env", "env_files", "vars"} }
func taskKeys() []string {
	return []string{"description", "params", "env", "steps", "command", "stdin"}
}
func stepKeys() []string  { return []string{"name", "command", "env", "stdin"} }
func paramKeys() []string { return []string{"name", "description", "default"} }

// defaultTimeout is how long a provider may take for an answer.
const defaultTimeout = 5 * time.Second

// reader reads tables and remembers what is wrong with them.
type reader struct {
	project  *File // whose tables are of the project; nil: none are
	load     bool  // what is read is going to be used: env files of the user's own are opened
	c        Config
	problems []Problem
}

func (r *reader) wrong(place settings.Place, code, format string, args ...any) {
	r.problems = append(r.problems, Problem{Place: place, Code: code, Text: fmt.Sprintf(format, args...)})
}

// misplaced notes a table that a project may not have.
func (r *reader) misplaced(place settings.Place, key, since string) {
	r.problems = append(r.problems, Problem{Place: place, Code: CodeInvalid, Text: key + " stands in your own config.yaml only", Fix: "move it there: " + since})
}

// decode reads what projects and the user's file have both. Tables of the user's file alone are passed over.
func (r *reader) decode(root *settings.Table) {
	if root == nil {
		return
	}
	for _, m := range root.Members {
		switch m.Key {
		case "secrets":
			r.secrets(m.Value)
		case "env":
			r.c.Env = r.variables(m.Key, m.Value)
		case "env_files":
			r.c.EnvFiles = r.envFiles(m.Value)
		case "vars":
			r.tree(m.Key, m.Value)
			r.c.Vars = m.Value
		case "targets":
			r.tree(m.Key, m.Value)
			r.c.Targets = m.Value
		case "tasks":
			r.tasks(m.Value)
		case "profiles":
			r.profiles(m.Value)
		}
	}
}

// table calls each with the members of a table. Nothing at all is an empty one. keys are those that may be there; nil: any.
func (r *reader) table(what string, v settings.Value, keys []string, each func(key string, v settings.Value)) {
	if v.Null {
		return
	}
	if v.Table == nil {
		r.wrong(v.Place, CodeInvalid, "%s is a table of keys with values", what)
		return
	}
	for _, m := range v.Table.Members {
		if keys != nil && !slices.Contains(keys, m.Key) {
			r.wrong(m.Place, CodeUnknownKey, "unknown key %q", clip(m.Key))
			continue
		}
		each(m.Key, m.Value)
	}
}

// text returns a line of text.
func (r *reader) text(what string, v settings.Value) string {
	if v.Null || v.List != nil || v.Table != nil {
		r.wrong(v.Place, CodeInvalid, "%s is a line of text", what)
	}
	return v.Text
}

// template returns a text with references.
func (r *reader) template(what string, v settings.Value) interpolate.Template {
	text := r.text(what, v)
	t, err := parseTemplate(text, v.Block)
	if err != nil {
		p := errorAt(textPlace(v), err)
		r.problems = append(r.problems, *p)
	}
	return t
}

// parseTemplate reads a text of the file. tacit://REF as a whole is a secret too, as it is in env files.
func parseTemplate(text string, block bool) (interpolate.Template, error) {
	if strings.HasPrefix(text, name.Scheme) {
		ref, err := name.ParseReference(text)
		if err != nil {
			return nil, &interpolate.SyntaxError{Why: err.Error()}
		}
		return interpolate.Template{{Secret: &ref, End: len(text)}}, nil
	}
	t, err := interpolate.Parse(text)
	if !block { // the lines of its text are not those of the file
		var wrong *interpolate.SyntaxError
		if errors.As(err, &wrong) {
			wrong.Line = 0
		}
		for i := range t {
			t[i].Line = 0
		}
	}
	return t, err
}

// textPlace is where the text of a value begins.
func textPlace(v settings.Value) settings.Place {
	if v.Block {
		v.Place.Line++
		v.Place.Column = 0
	}
	return v.Place
}

// errorAt gives an error of package interpolate about a text its place. An error of another kind becomes one about that text.
func errorAt(place settings.Place, err error) *Problem {
	p := &Problem{Place: place, Code: CodeReference, Text: err.Error()}
	var syntax *interpolate.SyntaxError
	var reference *interpolate.ReferenceError
	switch {
	case errors.As(err, &syntax):
		p.Place.Line += syntax.Line
	case errors.As(err, &reference):
		p.Place.Line += reference.Line
	}
	return p
}

// At returns an error about a text that stands at place, from package interpolate, with file and line. Others are returned as they are.
func At(place settings.Place, err error) error {
	var syntax *interpolate.SyntaxError
	var reference *interpolate.ReferenceError
	if errors.As(err, &syntax) || errors.As(err, &reference) {
		return errorAt(place, err).Fault()
	}
	return err
}

// tree checks the references of everything in a free table.
func (r *reader) tree(what string, v settings.Value) {
	if v.Table == nil && !v.Null {
		r.wrong(v.Place, CodeInvalid, "%s is a table of keys with values", what)
		return
	}
	r.scalars(v)
}

func (r *reader) scalars(v settings.Value) {
	switch {
	case v.Table != nil:
		for _, m := range v.Table.Members {
			r.scalars(m.Value)
		}
	case v.List != nil:
		for _, x := range v.List {
			r.scalars(x)
		}
	case !v.Null:
		r.template("it", v)
	}
}

func (r *reader) duration(key string, v settings.Value, low, high time.Duration) time.Duration {
	text := r.text(key, v)
	if text == "0" && low == 0 {
		return 0
	}
	d, err := when.Duration(text)
	switch {
	case err != nil:
		r.wrong(v.Place, CodeInvalid, "%s is a duration, such as 300s", key)
	case d < low || d > high:
		r.wrong(v.Place, CodeInvalid, "%s is from %v to %v", key, low, high)
	}
	return d
}

const longest = 100 * 365 * 24 * time.Hour

func (r *reader) secrets(v settings.Value) {
	r.table("secrets", v, append(secretsKeys(), "audit"), func(key string, v settings.Value) {
		switch key {
		case "default_provider":
			if r.c.DefaultProvider = r.text(key, v); !isProviderName(v.Text) {
				r.wrong(v.Place, CodeInvalid, "default_provider is the name of a provider")
			}
		case "overlap":
			r.c.Overlap = r.duration(key, v, 0, longest)
		case "cache":
			r.table(key, v, cacheKeys(), func(key string, v settings.Value) {
				switch key {
				case "ttl":
					r.c.CacheTTL = r.duration(key, v, 0, longest)
				case "max_age":
					d := r.duration(key, v, 0, longest)
					r.c.CacheMaxAge = &d
				}
			})
		case "providers":
			r.table(key, v, nil, r.provider)
		}
	})
}

// isProviderName: what may stand before the colon of a reference.
func isProviderName(s string) bool {
	ref, err := name.ParseReference(s + ":x")
	return err == nil && ref.Provider == s
}

func (r *reader) provider(key string, v settings.Value) {
	p := Provider{Name: key, Type: key, Timeout: defaultTimeout, Origin: "user", Settings: &settings.Table{Place: v.Place}}
	if r.project != nil && v.Place.File == r.project.Path {
		p.Origin = "project"
	}
	if !isProviderName(key) {
		r.wrong(v.Place, CodeInvalid, "%q cannot be the name of a provider: a letter, then letters, digits, '-', '_'", clip(key))
	}
	r.table("the provider "+clip(key), v, nil, func(key string, v settings.Value) {
		switch key {
		case "type":
			p.Type = r.text(key, v)
		case "priority":
			n, err := strconv.Atoi(r.text(key, v))
			if p.Priority = n; err != nil || n < 0 || n > 1000 {
				r.wrong(v.Place, CodeInvalid, "priority is a number from 0 to 1000")
			}
		case "required":
			if s := r.text(key, v); s != "true" && s != "false" {
				r.wrong(v.Place, CodeInvalid, "required is true or false")
			}
			p.Required = v.Text == "true"
		case "timeout":
			p.Timeout = r.duration(key, v, time.Millisecond, 10*time.Minute)
		default:
			r.scalars(v)
			if key == "command" {
				r.program(v)
			}
			p.Settings.Members = append(p.Settings.Members, settings.Member{Key: key, Value: v})
		}
	})
	r.c.Providers = append(r.c.Providers, p)
}

// program refuses secrets in what a provider runs, since every process can read the arguments of another one (I12).
func (r *reader) program(v settings.Value) {
	if at, ok := secretIn(v); ok {
		r.problems = append(r.problems, Problem{Place: at.Place, Code: CodeInvalid, Text: "the command of a provider holds no secret: other processes can read it", Fix: "let the program find what it needs itself"})
	}
}

// secretIn returns the first text of a value that holds a secret.
func secretIn(v settings.Value) (settings.Value, bool) {
	in := v.List
	if v.Table != nil {
		for _, m := range v.Table.Members {
			in = append(in, m.Value)
		}
	}
	for _, x := range in {
		if found, ok := secretIn(x); ok {
			return found, true
		}
	}
	t, err := parseTemplate(v.Text, v.Block)
	return v, err == nil && len(t.Secrets()) > 0
}

// variables reads a table of variables of the environment.
func (r *reader) variables(what string, v settings.Value) []Variable {
	var all []Variable
	r.table(what, v, nil, func(key string, v settings.Value) {
		if !isVariable(key) {
			r.wrong(v.Place, CodeInvalid, "%q cannot be the name of a variable", clip(key))
			return
		}
		all = append(all, Variable{Name: key, Value: r.template(key, v), Place: textPlace(v)})
	})
	return all
}

// isVariable reports whether s is a portable name of a variable of the environment (POSIX, section 8.1, lower case too).
func isVariable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

// envFiles reads the list of env files. Their contents were read when it was decided that the project is trusted; those of the user's
// own file are read now.
func (r *reader) envFiles(v settings.Value) []EnvFile {
	if v.List == nil && !v.Null {
		r.wrong(v.Place, CodeInvalid, "env_files is a list of files")
	}
	var all []EnvFile
	for _, x := range v.List {
		if path := r.text("an env file", x); path == "" || strings.ContainsRune(path, 0) {
			r.wrong(x.Place, CodeInvalid, "an env file has a name")
			continue
		}
		all = append(all, r.envFile(envFilePath(x), x.Place))
	}
	return all
}

func (r *reader) envFile(path string, place settings.Place) EnvFile {
	f := EnvFile{Path: path}
	switch {
	case r.project != nil && place.File == r.project.Path:
		if read, ok := r.project.envFiles[path]; ok {
			f = read
		}
	case r.load:
		f = readEnvFile(path)
	}
	f.Place = place
	return f
}

func (r *reader) profiles(v settings.Value) {
	if len(membersOf(v)) > maxProfiles {
		r.wrong(v.Place, CodeInvalid, "there are more than %d profiles", maxProfiles)
		return
	}
	r.table("profiles", v, nil, func(key string, v settings.Value) {
		r.c.Profiles = append(r.c.Profiles, key)
		r.table("the profile "+clip(key), v, profileKeys(), func(key string, v settings.Value) {
			switch key {
			case "env":
				r.variables(key, v)
			case "env_files":
				r.envFiles(v)
			case "vars":
				r.tree(key, v)
			}
		})
	})
}
