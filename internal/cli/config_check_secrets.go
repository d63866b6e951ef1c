package cli

import (
	"context"
	"errors"
	"fmt"

	"tacit/internal/chain"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

// A secretCheck looks for the secrets that a project file names. It asks whether they are there, and for no value.
type secretCheck struct {
	a      *app
	others bool                       // a name alone may be in more than the vault
	stores keeper.API                 // nil: no store is asked, as of a file that is not trusted, which reaches none
	known  map[name.Reference]error   // what was found out about each
	listed map[string]map[string]bool // by provider, "" for all: the names that it has; nil: it did not say
}

// missingSecrets returns what is wrong with the references of a file.
func (a *app) missingSecrets(ctx context.Context, f *config.File, mentions []config.Mention) ([]config.Problem, error) {
	own, err := config.Load(config.Options{UserFile: a.configFile(a.layout()), Getenv: a.lookupenv})
	if err != nil {
		return nil, err
	}
	c := &secretCheck{a: a, known: map[name.Reference]error{}, listed: map[string]map[string]bool{}}
	c.others = f.HasProviders() || len(own.Providers) > 0
	here, err := a.loadProject()
	if err == nil && here.Project != nil && here.Project.Trusted && here.Project.Path == f.Path && !a.flags.offline {
		for _, m := range mentions {
			a.otherNamed = a.otherNamed || m.Secret.Provider != "" && m.Secret.Provider != name.Local
		}
		if c.stores, err = a.keeper(); err != nil {
			return nil, err
		}
	}
	var problems []config.Problem
	for _, m := range mentions {
		err, asked := c.known[m.Secret]
		if !asked {
			err = c.find(ctx, m.Secret)
			c.known[m.Secret] = err
		}
		switch {
		case errors.Is(err, fault.NotFound):
			problems = append(problems, config.Problem{
				Place: m.Place, Code: config.CodeMissing, Text: fmt.Sprintf("there is no secret %s", m.Secret.Bare()), Fix: "tacit set " + m.Secret.Name + inProvider(m.Secret.Provider),
			})
		case errors.Is(err, fault.NoVault), errors.Is(err, fault.Locked):
			a.out.Notice("whether the secrets are there was not checked: %s", err.Error())
			return problems, nil
		case err != nil && !errors.Is(err, fault.Sealed) && !errors.Is(err, fault.Expired):
			return nil, err
		}
	}
	return problems, nil
}

// inProvider is the flag that names a provider.
func inProvider(p string) string {
	if p == "" {
		return ""
	}
	return " --provider " + p
}

// find returns nil for a secret that is there, and for one of which nobody says whether it is.
func (c *secretCheck) find(ctx context.Context, r name.Reference) error {
	ref, _, err := c.a.ref(r.Bare())
	if err != nil {
		return err
	}
	k, elsewhere := c.stores, r.Provider != name.Local && (r.Provider != "" || c.others)
	switch {
	case elsewhere && k == nil:
		return nil
	case elsewhere:
		if names, err := c.names(ctx, r.Provider); names == nil || names[r.Name] {
			return err
		}
		// What a store lists under another name, as variables are, it may have all the same.
	default:
		if k, err = c.a.vaultKeeper(); err != nil {
			return err
		}
		ref.Provider = name.Local
	}
	_, err = k.Show(ctx, c.a.caller(), keeper.Ref{Name: ref.Name, Version: ref.Version, Scope: ref.Scope, Provider: ref.Provider})
	if elsewhere && !errors.Is(err, fault.NotFound) {
		return c.unsaid(err)
	}
	return err
}

// names returns the names that a provider has, or that all have; nil when one of them does not say.
func (c *secretCheck) names(ctx context.Context, of string) (map[string]bool, error) {
	if names, asked := c.listed[of]; asked {
		return names, nil
	}
	names := map[string]bool{}
	err := c.stores.Names(ctx, c.a.caller(), keeper.ListRequest{Provider: of, Scope: c.a.flags.scope, IncludeExpired: true}, func(n string) error {
		names[n] = true
		return nil
	})
	if err != nil {
		names = nil
	}
	c.listed[of] = names
	return names, c.unsaid(err)
}

// unsaid says that a store did not answer, which is no mistake of the file; other errors are returned.
func (c *secretCheck) unsaid(err error) error {
	var part *chain.Incomplete
	var f *fault.Error
	if errors.As(err, &part) || errors.As(err, &f) && f.Origin == "provider" {
		c.a.out.Notice("whether all secrets are there was not checked: %v", err)
		return nil
	}
	return err
}
