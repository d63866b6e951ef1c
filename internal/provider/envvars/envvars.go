package envvars

import (
	"context"
	"runtime"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// DefaultPrefix is how variables of secrets begin unless prefix says otherwise.
const DefaultPrefix = "TACIT_SECRET_"

type variables struct {
	name       string // of the provider
	prefix     string
	upper      bool // names are upper-cased to find their variable
	unprefixed bool // a variable without the prefix will do
	environ    func(context.Context) ([]string, error)
}

// Make makes the provider of kind env.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	s := spec.Settings
	p := &variables{
		name:       spec.Name,
		prefix:     s.Text("prefix", DefaultPrefix),
		upper:      s.Flag("uppercase_names", true),
		unprefixed: s.Flag("allow_unprefixed", false),
		environ:    w.ChildEnvironment,
	}
	if !isVariable(p.prefix) {
		s.Wrong("prefix", "prefix begins the name of a variable: letters, digits and '_', such as APP_SECRET_")
	}
	if p.environ == nil {
		p.environ = func(context.Context) ([]string, error) { return nil, nil }
	}
	if err := s.Done(); err != nil {
		return nil, err
	}
	return p, nil
}

// isVariable reports whether s can begin the name of a variable.
func isVariable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || 'z' < c|0x20) && (i == 0 || c < '0' || '9' < c) {
			return false
		}
	}
	return s != ""
}

// Read implements [provider.Provider]. A variable that is set and empty is an error, not a secret that is missing: CI systems set
// empty ones for secrets that they do not hand out, and the next provider may have another value.
func (p *variables) Read(ctx context.Context, secretName, version string) (provider.Item, error) {
	if err := provider.CheckName(p.name, secretName); err != nil {
		return provider.Item{}, err
	}
	env, err := p.look(ctx)
	if err != nil {
		return provider.Item{}, err
	}
	bare := p.variable(secretName)
	variable, value, ok := p.prefix+bare, "", false
	if value, ok = find(env, variable); !ok && p.unprefixed {
		if value, ok = find(env, bare); ok {
			variable = bare
		}
	}
	switch {
	case !ok:
		return provider.Item{}, provider.NotFound(p.name, secretName).WithFix("set %s", variable)
	case version != "":
		return provider.Item{}, provider.NoVersion(p.name, secretName, version)
	case value == "":
		return provider.Item{}, provider.Errorf(fault.Invalid, p.name, "%s is set and empty", variable).About(secretName).
			WithFix("give it a value, or unset it")
	}
	if err := provider.CheckRead(p.name, secretName, []byte(value)); err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: secretName, Value: secret.New([]byte(value))}, nil
}

// List implements [provider.Provider]. Variables without the prefix are not listed, even where they can be read: most are no secrets.
func (p *variables) List(ctx context.Context, each func(provider.Item) error) error {
	env, err := p.look(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range env {
		variable, value, _ := strings.Cut(e, "=")
		if len(variable) <= len(p.prefix) || !same(variable[:len(p.prefix)], p.prefix) || value == "" {
			continue
		}
		n := p.secret(variable[len(p.prefix):])
		if name.Problem(n) != "" || !same(p.variable(n), variable[len(p.prefix):]) || seen[n] {
			continue // no name leads to it
		}
		seen[n] = true
		if err := each(provider.Item{Name: n}); err != nil {
			return err
		}
	}
	return nil
}

// Write implements [provider.Provider]: no program can set its caller's variables.
func (p *variables) Write(context.Context, string, secret.Value) (provider.Item, error) {
	return provider.Item{}, p.readOnly()
}

// Delete implements [provider.Provider].
func (p *variables) Delete(context.Context, string) (int, error) { return 0, p.readOnly() }

func (p *variables) readOnly() error {
	return provider.ReadOnly(p.name, "set the variable where the process is started, or keep the secret in the vault: --provider local")
}

// Health implements [provider.Provider]: the environment is always there.
func (p *variables) Health(ctx context.Context) error {
	_, err := p.look(ctx)
	return err
}

// Traits implements [provider.Provider].
func (p *variables) Traits() provider.Traits { return provider.Traits{} }

// Close implements [provider.Provider].
func (p *variables) Close() error { return nil }

func (p *variables) look(ctx context.Context) ([]string, error) {
	if err := provider.Ended(ctx, p.name); err != nil {
		return nil, err
	}
	env, err := p.environ(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s: what the vault keeps from programs is not known", p.name).From(provider.Origin)
	}
	return env, nil
}

// variable returns the variable of a secret, without the prefix.
func (p *variables) variable(secretName string) string {
	if p.upper {
		secretName = strings.ToUpper(secretName)
	}
	return strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(secretName)
}

// secret returns the name under which a variable, without its prefix, is listed.
func (p *variables) secret(variable string) string {
	if p.upper {
		return strings.ReplaceAll(strings.ToLower(variable), "_", "-")
	}
	return variable
}

// find returns the value of a variable; of two of one name the first counts, as for the process itself.
func find(env []string, variable string) (value string, ok bool) {
	for _, e := range env {
		if n, v, cut := strings.Cut(e, "="); cut && same(n, variable) {
			return v, true
		}
	}
	return "", false
}

// same reports whether two names are one variable: on Windows, where case does not count, more are.
func same(a, b string) bool {
	if runtime.GOOS == "windows" {
		return strings.EqualFold(a, b)
	}
	return a == b
}
