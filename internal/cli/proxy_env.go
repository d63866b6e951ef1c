package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

// maxProxyToken is how long a token of `proxy env` is good, at the most.
const maxProxyToken = 12 * time.Hour

func (a *app) proxyEnvCommand() *cobra.Command {
	var format, forTime string
	c := &cobra.Command{
		Use: "env SERVICE…", Short: "Print the variables that make SDKs use the proxy",
		Long: `Print the variables that the SDKs of services read: their base URL, which is the proxy's, and their key, which is a token of tacit.
The token is for these services only, and for 12 hours at the most; tacit token list shows it.`,
		Example: "tacit unlock -q\ntacit proxy env openai",
		Args:    cobra.MinimumNArgs(1),
		ValidArgsFunction: func(c *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.completeService(c, nil, word)
		},
		RunE: func(c *cobra.Command, args []string) error {
			life, err := mustDuration("--for", forTime)
			if err != nil {
				return err
			}
			if life > maxProxyToken {
				return fault.New(fault.Usage, "--for: at most 12h").WithFix("make a token that lasts with: tacit token create")
			}
			return a.proxyEnv(c.Context(), args, format, life)
		},
	}
	c.Flags().StringVar(&format, "format", "shell", "shell, fish, powershell, dotenv or json")
	c.Flags().StringVar(&forTime, "for", "12h", "how long the token is good, a duration `D`")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(envFormats(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) proxyEnv(ctx context.Context, services []string, format string, life time.Duration) error {
	if a.flags.json {
		format = "json"
	}
	if !slices.Contains(envFormats(), format) {
		return fault.New(fault.Usage, "proxy env: no such format: %.20q", format).WithFix("use %s", strings.Join(envFormats(), ", "))
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	base, err := a.proxyURL(ctx)
	if err != nil {
		return err
	}
	principal, err := a.self(ctx, k)
	if err != nil {
		return err
	}
	s := &sealedEnv{k: k, who: a.caller(), base: base}
	for _, id := range services {
		if err := s.add(ctx, id); err != nil {
			return err
		}
	}
	if _, err := s.token(ctx, principal, life); err != nil {
		return err
	}
	return a.printEnv(s.variables, format)
}

// self is the principal of this command: the user, or the token's.
func (a *app) self(ctx context.Context, k keeper.API) (string, error) {
	if a.getenv("TACIT_TOKEN") == "" {
		return a.caller().Principal, nil
	}
	w, err := k.Whoami(ctx, a.caller())
	return w.Principal, err
}

// sealedEnv is an environment in which SDKs use services through base-URL mode.
type sealedEnv struct {
	k         keeper.API
	who       keeper.Caller
	base      string // of the proxy
	services  []string
	rules     []string // of the token
	keys      []envKey
	variables []envVariable
}

type envVariable struct{ name, value string }

// envKey is a variable that takes the token, behind what keys begin with.
type envKey struct{ variable, form string }

// add adds the variables of a service.
func (s *sealedEnv) add(ctx context.Context, id string) error {
	if slices.Contains(s.services, id) {
		return nil
	}
	d, err := s.k.ServiceDescribe(ctx, s.who, id)
	if err != nil {
		return err
	}
	if len(d.Env.BaseURL) == 0 {
		return fault.New(fault.Usage, "%s: no variable is known with which its SDKs take a base URL", id).About(id).
			WithFix("give its SDK the base URL %s/svc/%s%s in code", s.base, id, d.Env.BasePath)
	}
	s.services = append(s.services, id)
	for _, c := range d.Capability { // by their ids: what they begin with may be another service's too
		s.rules = append(s.rules, "use "+c.ID)
	}
	for _, v := range d.Env.BaseURL {
		s.variables = append(s.variables, envVariable{v, s.base + "/svc/" + id + d.Env.BasePath})
	}
	for _, v := range d.Env.Key {
		s.keys = append(s.keys, envKey{v, d.Env.KeyForm})
	}
	return nil
}

// token makes the token for the services, and adds the variables that take it.
func (s *sealedEnv) token(ctx context.Context, principal string, life time.Duration) (client.TokenCreated, error) {
	until := time.Now().Add(life)
	r := keeper.TokenRequest{
		Principal: principal, ExpiresAt: &until, Allow: s.rules, Workspace: s.who.Workspace, Group: s.who.Group, // where the secrets are
	}
	made, err := s.k.TokenCreate(ctx, s.who, r)
	for _, k := range s.keys {
		s.variables = append(s.variables, envVariable{k.variable, k.form + made.Token})
	}
	return made, err
}

// envFormats are those of [handoff.EnvFormats] that are for a person's shell and editor, and none whose reader keeps what it was given.
func envFormats() []string { return []string{"shell", "fish", "powershell", "dotenv", "json"} }

// printEnv prints what a service file had a part in, its base path and the form of its key: no shell may run anything of it (I21).
func (a *app) printEnv(all []envVariable, format string) error {
	if format == "json" {
		out := map[string]map[string]string{"variables": {}}
		for _, v := range all {
			out["variables"][v.name] = v.value
		}
		return a.out.JSON(out)
	}
	variables := make([]handoff.Variable, len(all))
	for i, v := range all {
		variables[i] = handoff.Variable{Name: v.name, Value: secret.New([]byte(v.value)), Of: v.name}
	}
	b, err := handoff.WriteEnv(format, variables, a.world.Random)
	a.out.Bytes(b)
	return err
}
