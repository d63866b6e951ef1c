package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/interpolate"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/secret"
	"tacit/internal/transfer"
)

// sources are where the variables of a program come from, beside the project file. run, env and task share them. Where two set the same
// variable the later one counts: the project's env (with its profiles), what a task adds, env files in their order, --all and --tag, -e,
// --file-env: what is named closest to the program wins.
type sources struct {
	door     string    // what the secrets are read for, in the record: run, env, task
	profiles []string  // --profile
	own      []planned // of a task and its step: see [app.planOf]
	files    []string  // --env-file
	all      bool      // --all
	tags     []string  // --tag
	env      []string  // -e NAME=REF
	fileEnv  []string  // --file-env NAME=REF
}

// flags adds the flags of the sources that every command which takes them has.
func (s *sources) flags(fl *pflag.FlagSet) {
	fl.StringArrayVarP(&s.env, "env", "e", nil, "`NAME=REF`: the variable NAME holds the secret REF (may be repeated)")
	fl.StringSliceVar(&s.profiles, "profile", nil, "profiles of the project file, the last on top: `P,…`")
	fl.StringArrayVar(&s.files, "env-file", nil, "variables of an env `FILE`, in which tacit://REF and ${secret:REF} are secrets (may be repeated)")
	fl.BoolVar(&s.all, "all", false, "every readable secret that you may see, db.password as DB_PASSWORD")
	fl.StringSliceVar(&s.tags, "tag", nil, "every readable secret with all these tags, likewise: `T,…`")
}

// A planned variable is one whose secrets are not read yet.
type planned struct {
	name  string
	value interpolate.Template // flat: text and secrets
	place string               // where it was asked for, before the name in errors: "env.txt, line 3"
	file  bool                 // the program gets the path of a file with the value
	// spare is a variable that was not asked for by name (--all, --tag): without a permission to read it, it is left out.
	spare bool
}

// whole returns the secret that the variable is, if it is one secret and nothing around it.
func (p *planned) whole() (name.Reference, bool) {
	if len(p.value) != 1 || p.value[0].Secret == nil {
		return name.Reference{}, false
	}
	return *p.value[0].Secret, true
}

// variables returns the variables that the sources and the project file ask for, with all secrets read: nothing has started when one of
// them is missing, sealed or expired.
func (a *app) variables(ctx context.Context, s sources) ([]handoff.Variable, error) {
	plan, err := a.plan(ctx, s)
	if err != nil {
		return nil, err
	}
	return a.fill(ctx, s.door, plan)
}

// plan returns the variables that are asked for, each once. It reads no value.
func (a *app) plan(ctx context.Context, s sources) ([]planned, error) {
	assigned, err := a.assignments("-e", s.env)
	if err != nil {
		return nil, err
	}
	inFiles, err := a.assignments("--file-env", s.fileEnv)
	if err != nil {
		return nil, err
	}
	for i := range inFiles {
		inFiles[i].file = true
	}
	all, err := a.projectVariables(ctx, s.profiles)
	if err != nil {
		return nil, err
	}
	all = append(all, s.own...)
	for _, file := range s.files {
		of, err := a.envFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	for i := range all {
		if isOurs(all[i].name) {
			return nil, fault.New(fault.Usage, "%s%s is a variable of tacit itself, which no file sets", all[i].prefix(), all[i].name).
				WithFix("give it to the program by name: -e %s=REF", all[i].name)
		}
	}
	selected, err := a.selected(ctx, s)
	if err != nil {
		return nil, err
	}
	return lastOfEach(slices.Concat(all, selected, assigned, inFiles)), nil
}

// isOurs reports whether a variable says which vault tacit asks, or as whom (I12): a file that somebody else wrote does not.
func isOurs(variable string) bool {
	return variable == "TACIT_TOKEN" || variable == "TACIT_ADDR" || variable == "TACIT_DIR" ||
		strings.HasPrefix(variable, "TACIT_PASSPHRASE") || strings.HasPrefix(variable, "TACIT_IDENTITY")
}

// lastOfEach drops all but the last variable of each name.
func lastOfEach(all []planned) []planned {
	last := make(map[string]int, len(all))
	for i := range all {
		last[all[i].name] = i
	}
	kept := make([]planned, 0, len(last))
	for i := range all {
		if last[all[i].name] == i {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// assignments reads NAME=REF, or NAME alone for a secret that has the variable's name.
func (a *app) assignments(flag string, args []string) ([]planned, error) {
	all := make([]planned, 0, len(args))
	for _, arg := range args {
		variable, ref, given := strings.Cut(arg, "=")
		if !given {
			ref = variable
		}
		if err := handoff.CheckName(variable); err != nil {
			return nil, err
		}
		r, err := name.ParseReference(strings.TrimPrefix(ref, "secret://")) // as another tool writes it
		if err != nil {
			return nil, fault.Wrap(fault.Usage, err, "%s %s", flag, variable)
		}
		all = append(all, planned{name: variable, value: secretOnly(r)})
	}
	return all, nil
}

func secretOnly(r name.Reference) interpolate.Template { return interpolate.Template{{Secret: &r}} }

// envFile reads an env file. Only tacit://REF as the whole value and ${secret:REF} within it are references, and neither between single
// quotes; every other $ is a character, as it was for the tools that the file was written for.
func (a *app) envFile(path string) ([]planned, error) {
	var in io.Reader = a.world.Stdin
	if path != "-" {
		f, err := openInput(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	return a.envLines(path, in)
}

// envLines reads the lines of an env file.
func (a *app) envLines(path string, in io.Reader) ([]planned, error) {
	var all []planned
	err := transfer.EachEnvLine(in, func(l transfer.EnvLine) error {
		p := planned{name: l.Name, place: fmt.Sprintf("%s, line %d", path, l.Line)}
		err := handoff.CheckName(l.Name)
		if err == nil {
			p.value, err = envTemplate(l)
		}
		if err != nil {
			return fault.Wrap(fault.Usage, err, "line %d", l.Line)
		}
		all = append(all, p)
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s", path)
	}
	return all, nil
}

// envTemplate returns what a line of an env file says.
func envTemplate(l transfer.EnvLine) (interpolate.Template, error) {
	text := string(l.Value)
	if l.Literal {
		return interpolate.Text(text), nil
	}
	if strings.HasPrefix(text, name.Scheme) {
		r, err := name.ParseReference(text)
		return secretOnly(r), err
	}
	var t interpolate.Template
	done := 0
	for at := 0; ; {
		next := strings.Index(text[at:], "${secret:")
		if next < 0 {
			return append(t, interpolate.Text(text[done:])...), nil
		}
		at += next
		switch {
		case slices.Contains(l.Dollars, at): // \$ between double quotes
			at++
		case at > done && text[at-1] == '\\': // \${secret: outside of quotes
			t = append(t, interpolate.Text(text[done:at-1])...)
			done = at
			at++
		default:
			end := strings.IndexByte(text[at:], '}')
			if end < 0 {
				return nil, fault.New(fault.Invalid, "a reference has no closing brace").WithFix(`write ${secret:NAME}, or \${ for the characters themselves`)
			}
			end += at + 1
			r, err := name.ParseInterpolation(text[at:end])
			if err != nil {
				return nil, err
			}
			t = append(append(t, interpolate.Text(text[done:at])...), interpolate.Part{Secret: &r})
			at, done = end, end
		}
	}
}

// selected returns the variables of --all and --tag: readable secrets under the names that `export --format env` gives them.
func (a *app) selected(ctx context.Context, s sources) ([]planned, error) {
	if !s.all && len(s.tags) == 0 {
		return nil, nil
	}
	k, err := a.keeper()
	if err != nil {
		return nil, err
	}
	list, err := k.List(ctx, a.caller(), keeper.ListRequest{Tags: s.tags, Scope: a.flags.scope, Provider: a.flags.provider})
	if err != nil {
		return nil, err
	}
	var all []planned
	taken := map[string]string{} // variable → secret
	sealed := 0
	for _, found := range list.Secrets {
		variable := transfer.EnvName(found.Name)
		other, again := taken[variable]
		switch {
		case again && other == found.Name: // in a wider scope too: a read finds the narrowest
		case found.Exposure == "sealed":
			sealed++
		case isOurs(variable):
			a.out.Notice("%s is left out: its variable is one of tacit itself", found.Name)
		case again:
			return nil, transfer.EnvConflict(variable, other, found.Name)
		default:
			taken[variable] = found.Name
			all = append(all, planned{name: variable, value: secretOnly(name.Reference{Name: found.Name}), spare: true})
		}
	}
	if sealed > 0 {
		a.out.Notice("%s not given to the program: sealed", counted(sealed, "secret is", "secrets are"))
	}
	return all, nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// fill reads the secrets of the plan, all at once, and puts them in.
func (a *app) fill(ctx context.Context, door string, plan []planned) ([]handoff.Variable, error) {
	var refs []name.Reference
	for i := range plan {
		refs = append(refs, plan[i].value.Secrets()...)
	}
	read, err := a.readSecrets(ctx, door, refs)
	if err != nil {
		return nil, err
	}
	all := make([]handoff.Variable, 0, len(plan))
	for i := range plan {
		p := &plan[i]
		v := handoff.Variable{Name: p.name, Of: p.name, File: p.file}
		value, err := p.value.Expand(func(r name.Reference) ([]byte, error) {
			got := read[r]
			if got.Err != nil {
				return nil, got.Err
			}
			v.Holds = append(v.Holds, handoff.Secret{Name: r.Bare(), Value: got.Value})
			return got.Value.Reveal(), nil
		}, nothingElse)
		if err != nil {
			if p.spare && notGiven(err) {
				a.out.Notice("%s is left out: %s", p.name, err.Error())
				continue
			}
			return nil, fault.Wrap(fault.Failed, forPrograms(err), "%s: %s%s", door, p.prefix(), p.name)
		}
		v.Value = secret.New(value)
		if r, ok := p.whole(); ok {
			v.Of = r.Bare()
		}
		all = append(all, v)
	}
	return all, nil
}

func (p *planned) prefix() string {
	if p.place == "" {
		return ""
	}
	return p.place + ": "
}

// nothingElse is the lookup of a template that is flat.
func nothingElse(table, key string) (interpolate.Template, bool, error) {
	return nil, false, fault.New(fault.Failed, "${%s.%s} was not resolved", table, key)
}

// notGiven reports whether err says that a secret which is listed is not to be had.
func notGiven(err error) bool {
	return errors.Is(err, fault.Denied) || errors.Is(err, fault.Sealed) || errors.Is(err, fault.NotFound) || errors.Is(err, fault.Expired)
}

// forPrograms says of a sealed secret how a program can use it.
func forPrograms(err error) error {
	var sealed *fault.Error
	if errors.As(err, &sealed) && sealed.Code == fault.Sealed {
		sealed.Fix = "let the program use it without having it: tacit run --sealed"
	}
	return err
}

// readSecrets reads secrets with as few calls as possible, each once. The error is that nothing can be read at all; that of one secret is
// in its answer.
func (a *app) readSecrets(ctx context.Context, door string, refs []name.Reference) (map[name.Reference]keeper.Answer, error) {
	read := make(map[name.Reference]keeper.Answer, len(refs))
	var once []name.Reference
	var requests []keeper.GetRequest
	for _, r := range refs {
		if _, ok := read[r]; ok {
			continue
		}
		read[r] = keeper.Answer{}
		ref, field, err := a.ref(r.Bare())
		if err != nil {
			return nil, err
		}
		once = append(once, r)
		requests = append(requests, keeper.GetRequest{Ref: ref, Field: field, Door: door})
	}
	if len(once) == 0 {
		return read, nil
	}
	k, err := a.keeper()
	if err != nil {
		return nil, err
	}
	for i, answer := range keeper.GetMany(ctx, k, a.caller(), requests) {
		read[once[i]] = answer
	}
	return read, nil
}
