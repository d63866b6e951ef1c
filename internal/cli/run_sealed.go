package cli

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/keeper"
	"tacit/internal/registry"
	"tacit/internal/secret"
	"tacit/internal/server"
)

// maxSealedRun bounds the token of a program, which is revoked when the program ends: nothing revokes it when tacit is killed.
const maxSealedRun = 24 * time.Hour

// revokeTime is how long its end may keep us: signals do not.
const revokeTime = 10 * time.Second

// runSealed runs a program that uses sealed secrets: it gets base URLs of a proxy that is there for it alone, and a token in the place of
// keys. Everything else is as in run.
func (a *app) runSealed(ctx context.Context, held hold, program handoff.Program, plan []planned, noMask bool) error {
	k, err := a.keeper()
	if err != nil {
		return err
	}
	readable, services, err := a.splitSealed(ctx, k, plan)
	if err != nil {
		return err
	}
	variables, err := a.fill(ctx, "run", readable)
	if err != nil {
		return err
	}
	l, err := server.ListenProxy("")
	if err != nil {
		return err
	}
	p := startProxy(k, l)
	defer p.end()
	s := &sealedEnv{k: k, who: a.caller(), base: p.url}
	for _, id := range services {
		if err := s.add(ctx, id); err != nil {
			return err
		}
	}
	var token []handoff.Secret
	if len(s.services) > 0 {
		principal, err := a.programPrincipal(ctx, k, program.Argv[0])
		if err != nil {
			return err
		}
		held.begin()
		made, err := s.token(ctx, principal, maxSealedRun)
		if err != nil {
			return err
		}
		defer a.endToken(ctx, k, made.ID)
		token = []handoff.Secret{{Name: "the program's token", Value: secret.New([]byte(made.Token))}}
	}
	for _, v := range s.variables {
		variables = append(variables, handoff.Variable{Name: v.name, Value: secret.New([]byte(v.value)), Of: v.name, Holds: token})
	}
	return a.giveTo(held, program, variables, noMask)
}

// endToken revokes the token of a program that has ended. Nothing else of the run is less well for it, if that fails: it is a warning.
func (a *app) endToken(ctx context.Context, k keeper.API, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTime)
	defer cancel()
	if _, err := k.TokenRevoke(ctx, a.caller(), id); err != nil {
		a.out.Warning("the program's token still works, for at most %d hours: %v: tacit token revoke %s", maxSealedRun/time.Hour, err, id)
	}
}

// splitSealed tells the variables that are read from the services of those that are sealed.
func (a *app) splitSealed(ctx context.Context, k keeper.API, plan []planned) (readable []planned, services []string, err error) {
	for _, p := range plan {
		r, ok := p.whole()
		if !ok || p.spare { // those of --all are readable
			readable = append(readable, p)
			continue
		}
		ref, _, err := a.ref(r.Bare())
		if err != nil {
			return nil, nil, err
		}
		s, err := k.Show(ctx, a.caller(), ref)
		if known := knownService(r.Name); known != "" && errors.Is(err, fault.Denied) {
			services = append(services, known) // who may use a service need not see its secret
			continue
		}
		if err != nil {
			return nil, nil, fault.Wrap(fault.Failed, err, "run: %s%s", p.prefix(), p.name)
		}
		if s.Secret.Exposure != "sealed" {
			readable = append(readable, p)
			continue
		}
		services = append(services, serviceOfPin(deref(s.Secret.Pin)))
	}
	return readable, services, nil
}

// knownService returns the service that comes with tacit and has a secret of that name; empty for none.
func knownService(secret string) string {
	c, err := registry.NewCatalog()
	if err != nil {
		return ""
	}
	s, _, ok := c.BySecret(secret)
	if !ok {
		return ""
	}
	return s.ID
}

// serviceOfPin returns the service in a pin such as builtin/openai or own/acme#HASH@HOST.
func serviceOfPin(pin string) string {
	_, id, _ := strings.Cut(pin, "/")
	if i := strings.IndexAny(id, "#@"); i >= 0 {
		id = id[:i]
	}
	return id
}

// programPrincipal is who a program is, for policies and the log: agent/NAME, or the holder of the token that we have ourselves.
func (a *app) programPrincipal(ctx context.Context, k keeper.API, program string) (string, error) {
	if a.getenv("TACIT_TOKEN") != "" {
		return a.self(ctx, k)
	}
	name := strings.Map(func(r rune) rune {
		if 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, filepath.Base(program))
	return "agent/" + cmp.Or(strings.TrimLeft(name, "-._0123456789"), "program"), nil
}
