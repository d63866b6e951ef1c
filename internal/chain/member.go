package chain

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/settings"
)

// defaultRetries is how often a provider is asked again.
const defaultRetries = 3

// A member is one provider of the chain. It is made when it is asked for the first time.
type member struct {
	chain    *Chain
	spec     provider.Spec
	cacheTTL *time.Duration // its own; nil: that of all
	retries  int

	mu      sync.Mutex
	made    provider.Provider
	print   []byte // of the configuration that it was made of
	err     error  // why it could not be made
	flights map[provider.Asked]*flight
}

func (m *member) local() bool { return m.spec.Type == keeper.Local }

// common reads the settings that every kind has, and leaves the others to the kind.
func (m *member) common() error {
	t := m.spec.Settings
	if t == nil {
		t = &settings.Table{}
	}
	own := &settings.Table{Place: t.Place}
	rest := &settings.Table{Place: t.Place}
	for _, x := range t.Members {
		if x.Key == "cache_ttl" || x.Key == "max_retries" {
			own.Members = append(own.Members, x)
		} else {
			rest.Members = append(rest.Members, x)
		}
		if m.spec.Type == "onepassword" && x.Key == "vault" { // an argument of op, as command of exec, which package config looks at
			if t, err := interpolate.Parse(x.Value.Text); err == nil && len(t.Secrets()) > 0 {
				return fault.New(fault.Usage, "%s: the vault of a provider holds no secret: other processes can read the arguments of op", x.Value.Place).
					About(m.spec.Name).WithFix("write the vault's name or id there")
			}
		}
	}
	if own.Has("cache_ttl") {
		ttl := own.Duration("cache_ttl", 0)
		m.cacheTTL = &ttl
	}
	m.retries = own.Number("max_retries", defaultRetries, 0, 20)
	m.spec.Settings = rest
	if m.spec.Timeout <= 0 {
		m.spec.Timeout = defaultTimeout
	}
	m.flights = map[provider.Asked]*flight{}
	return own.Done()
}

// provider returns the provider, made of its settings. References to secrets in them are of the vault, whatever the chain has: a store
// must not say how another one is reached.
func (m *member) provider(ctx context.Context, who keeper.Caller) (provider.Provider, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made != nil || m.err != nil {
		return m.made, m.err
	}
	spec := m.spec
	var err error
	if spec.Settings, err = m.expand(ctx, who, spec.Settings); err != nil {
		return nil, m.explained(err) // the vault may be unlocked the next time
	}
	w := m.chain.opts.World
	read := fingerprint{hash: sha256.New()}
	getenv := w.Getenv
	w.Getenv = func(variable string) string {
		value := getenv(variable)
		read.add(variable, value)
		return value
	}
	if m.made, err = m.chain.opts.Make(spec, w); err != nil {
		m.made, m.err = nil, m.explained(err)
		return nil, m.err
	}
	read.add(spec.Name, spec.Type, spec.Settings.Place.File, w.Home) // paths in settings are below the file's directory
	read.table(spec.Settings)
	around := identity(m.chain.opts.Environ)
	if m.anything() && m.ttl() > 0 {
		if around, err = m.seen(ctx); err != nil {
			_ = m.made.Close()
			m.made = nil
			return nil, m.explained(err)
		}
	}
	read.add(around...)
	m.print = read.sum()
	return m.made, nil
}

// anything reports whether what the provider answers may depend on anything around it: it is a program that we know nothing of.
func (m *member) anything() bool { return m.spec.Type == "exec" }

// seen returns the variables that a program sees which the provider starts, sorted.
func (m *member) seen(ctx context.Context) ([]string, error) {
	if m.chain.opts.World.ChildEnvironment == nil {
		return nil, nil
	}
	env, err := m.chain.opts.World.ChildEnvironment(ctx)
	return slices.Sorted(slices.Values(env)), err
}

// identity returns those of the variables that say as whom, or where, a store is asked, sorted. They are taken by what their names begin
// with, since clients of stores read more of them than one knows, and often not before they ask.
func identity(environ []string) []string {
	var out []string
	for _, e := range environ {
		key, _, _ := strings.Cut(e, "=")
		key = strings.ToUpper(key) // Windows has them in any case
		for _, start := range [...]string{"AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "VAULT_", "BAO_", "OP_", "IDENTITY_", "MSI_"} {
			if strings.HasPrefix(key, start) {
				out = append(out, e)
			}
		}
	}
	slices.Sort(out)
	return out
}

// A fingerprint tells providers apart that are of one name in different projects, or in different environments: what one answered
// is not the answer of the other. It is of the settings and the file that they stand in, of the variables that were read while the provider
// was made, and of those that say as whom a store is asked; for a program, of all that it sees.
type fingerprint struct {
	mu   sync.Mutex
	hash hash.Hash
	over bool
}

func (f *fingerprint) add(texts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return
	}
	for _, s := range texts {
		f.hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		f.hash.Write([]byte(s))
	}
}

func (f *fingerprint) table(t *settings.Table) {
	for _, x := range t.Members {
		f.add(x.Key)
		f.value(x.Value)
	}
	f.add("end")
}

func (f *fingerprint) value(v settings.Value) {
	f.add(v.Text)
	for _, x := range v.List {
		f.value(x)
	}
	if v.Table != nil {
		f.table(v.Table)
	}
}

func (f *fingerprint) sum() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	return f.hash.Sum(nil)
}

// expand returns a copy of a table with the references in its texts replaced: ${secret:NAME} of the vault, ${env.NAME}.
func (m *member) expand(ctx context.Context, who keeper.Caller, t *settings.Table) (*settings.Table, error) {
	out := &settings.Table{Place: t.Place}
	for _, x := range t.Members {
		v, err := m.expandValue(ctx, who, x.Value)
		if err != nil {
			return nil, err
		}
		out.Members = append(out.Members, settings.Member{Key: x.Key, Value: v})
	}
	return out, nil
}

func (m *member) expandValue(ctx context.Context, who keeper.Caller, v settings.Value) (settings.Value, error) {
	var err error
	switch {
	case v.Table != nil:
		v.Table, err = m.expand(ctx, who, v.Table)
		return v, err
	case v.List != nil:
		list := make([]settings.Value, len(v.List))
		for i := range v.List {
			if list[i], err = m.expandValue(ctx, who, v.List[i]); err != nil {
				return v, err
			}
		}
		v.List = list
		return v, nil
	case !strings.Contains(v.Text, "${"):
		return v, nil
	}
	t, err := interpolate.Parse(v.Text)
	if err != nil {
		return v, fault.Wrap(fault.Usage, err, "%s", v.Place)
	}
	text, err := t.Expand(func(r name.Reference) ([]byte, error) {
		if r.Provider != "" && r.Provider != keeper.Local {
			return nil, fault.New(fault.Usage, "the settings of a provider can name secrets of the vault only, not of %s", r.Provider)
		}
		got, err := m.chain.API.Get(ctx, who, keeper.GetRequest{
			Ref: keeper.Ref{Name: r.Name, Version: r.Version, Provider: keeper.Local}, Field: r.Field, Door: "provider " + m.spec.Name,
		})
		return got.Value.Reveal(), err
	}, func(table, key string) (interpolate.Template, bool, error) {
		if table != "env" {
			return nil, false, fault.New(fault.Usage, "${%s.%s} has no meaning in the settings of a provider", table, key)
		}
		s := m.chain.opts.World.Getenv(key)
		return interpolate.Text(s), s != "", nil
	})
	if err != nil {
		return v, fault.Wrap(fault.Usage, err, "%s", v.Place)
	}
	v.Text = string(text)
	return v, nil
}

// explained returns an error that names the provider, of the class that it has. Not found is the store's word only, about a secret
// that it was asked for: a secret that is missing in the settings is not that.
func (m *member) explained(err error) error {
	class := fault.CodeOf(err)
	if class == fault.NotFound {
		class = fault.Usage
	}
	out := provider.Errorf(class, m.spec.Name, "%v", err)
	var f *fault.Error
	if errors.As(err, &f) {
		out.Fix, out.Object = f.Fix, f.Object
	}
	return out
}

func (m *member) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.flights {
		f.item.Value.Wipe()
	}
	if m.made == nil {
		return nil
	}
	return m.made.Close()
}

// cannotScope refuses a scope that a provider besides the vault does not have.
func (m *member) cannotScope(r keeper.Ref) error {
	if r.Scope == "" || r.Scope == string(name.Global) {
		return nil
	}
	return provider.Errorf(fault.Invalid, m.spec.Name, "it knows no scopes, and %s was asked for", r.Scope).About(r.Name).WithFix("leave --scope out")
}
