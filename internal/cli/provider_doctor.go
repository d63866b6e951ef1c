package cli

import (
	"context"
	"strings"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

// examineProviders asks the providers that configuration declares whether they would answer.
func (a *app) examineProviders(ctx context.Context, vault keeper.API) []client.DoctorCheck {
	const check = "provider.health"
	cfg, err := a.project()
	if err != nil {
		return []client.DoctorCheck{{Check: check, Status: "skip", Detail: err.Error()}}
	}
	if !a.needsChain(cfg) {
		return nil
	}
	fix := "tacit provider list"
	k, err := a.chain(cfg, vault)
	if err != nil {
		return []client.DoctorCheck{{Check: check, Status: "fail", Detail: err.Error(), Fix: &fix}}
	}
	defer func() { _ = k.Close() }() // of providers that were only asked how they are
	h, err := k.Health(ctx, a.caller())
	if err != nil {
		return []client.DoctorCheck{{Check: check, Status: "skip", Detail: err.Error()}}
	}
	var all []client.DoctorCheck
	for _, p := range h.Providers {
		if p.Name == name.Local {
			continue
		}
		c := client.DoctorCheck{Check: check, Object: &p.Name, Status: "ok", Detail: "it answers"}
		if p.Status != "ok" {
			c.Status, c.Fix = "warn", p.Fix
			c.Detail = orElse(strings.TrimPrefix(deref(p.Detail), p.Name+": "), "it is "+p.Status)
			if p.Required && p.Status != "slow" {
				c.Status = "fail"
			}
		}
		all = append(all, c)
	}
	return all
}
