package cli

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"time"

	"tacit/internal/chain"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/provider/kinds"
	"tacit/internal/when"
)

// keeper returns what answers a command about secrets: the vault, and the other providers of the chain when something is said about
// any, in configuration, by --provider or in a reference. What only the vault has comes from [app.vaultKeeper].
func (a *app) keeper() (keeper.API, error) {
	if a.stores != nil {
		return a.stores, nil
	}
	cfg, err := a.project()
	if err != nil {
		return nil, err
	}
	inner, err := a.vaultKeeper()
	if err != nil || !a.needsChain(cfg) {
		return inner, err
	}
	if a.stores, err = a.chain(cfg, inner); err != nil {
		return nil, err
	}
	return a.stores, nil
}

// needsChain reports whether there is more than the vault to ask. Where there is not, nothing of a chain costs anything.
func (a *app) needsChain(cfg *config.Config) bool {
	if a.otherNamed || cfg.DefaultProvider != "" && cfg.DefaultProvider != name.Local {
		return true
	}
	for _, p := range cfg.Providers {
		if p.Name != name.Local {
			return true
		}
	}
	return false
}

// chain returns the providers of the configuration over the vault.
func (a *app) chain(cfg *config.Config, inner keeper.API) (*chain.Chain, error) {
	o := chain.Options{
		Default: cfg.DefaultProvider, Make: kinds.Make, Offline: a.flags.offline, Random: a.world.Random, Wait: wait, Jitter: rand.N[time.Duration],
		Environ: a.world.Environ, Serving: a.serving,
		World: provider.World{
			Getenv: a.getenv, Now: a.world.Now, Home: a.home(), Debug: a.log.Debug, ChildEnvironment: a.storesEnvironment,
		},
	}
	for _, p := range cfg.Providers {
		o.Providers = append(o.Providers, provider.Spec(p))
	}
	if a.flags.maxAge != "" {
		age, err := maxAge(a.flags.maxAge)
		if err != nil {
			return nil, err
		}
		o.MaxAge = &age
	}
	if !a.distant() { // what a token may not keep is not looked for
		o.Cache = chain.Cache{Dir: filepath.Join(a.layout().State, "cache"), TTL: cfg.CacheTTL, MaxAge: cfg.CacheMaxAge}
	}
	return chain.New(inner, o)
}

// storesEnvironment is what providers may see of our environment: [app.childEnvironment] (I12), also where there is no vault.
func (a *app) storesEnvironment(ctx context.Context) ([]string, error) {
	env, err := a.childEnvironment(ctx)
	if errors.Is(err, fault.NoVault) {
		return handoff.Strip(a.world.Environ), nil
	}
	return env, err
}

// maxAge reads the value of --max-age; 0 accepts nothing that is kept.
func maxAge(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	d, err := when.Duration(s)
	if err != nil {
		return 0, fault.Wrap(fault.Usage, err, "--max-age")
	}
	return d, nil
}

// chained returns the chain whatever there is in it, for the commands about providers.
func (a *app) chained() (*chain.Chain, error) {
	a.otherNamed = true
	if _, err := a.keeper(); err != nil {
		return nil, err
	}
	return a.stores, nil
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// onlyVault refuses --provider for a command that only the vault has.
func (a *app) onlyVault(command string) error {
	if p := a.flags.provider; p != "" && p != name.Local {
		return fault.New(fault.Usage, "%s: only the vault has that, not the provider %s", command, p).About(p).WithFix("leave --provider out")
	}
	return nil
}
