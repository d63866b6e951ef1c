package cli

import (
	"context"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/agent"
	"tacit/internal/chain"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

// Completion of what is in the vault. It asks an agent that is unlocked already, and nobody else: it never prompts, never opens a slot,
// starts nothing, and takes no use of a token. Whatever goes wrong, there is nothing to offer.

// completeTime bounds how long somebody who pressed Tab waits.
const completeTime = time.Second

// offer is what one place of a command line takes.
type offer func(a *app, ctx context.Context, c *agent.Client, word string) []string

// offers says what the arguments of a command take, the first one first; the last counts for all that follow.
type offers []offer

// offerNothing is where something new is named.
func offerNothing(*app, context.Context, *agent.Client, string) []string { return nil }

// completeVault lets the commands below root complete what is in the vault. It is called for a completion only, so that no other command
// waits for it.
func (a *app) completeVault(root *cobra.Command) {
	one, many := offers{offerNames, offerNothing}, offers{offerNames}
	places := map[string]offers{
		"get": one, "show": one, "set": one, "edit": one, "generate": one, "rotate": one, "history": one, "update": one, "mv": one, "list": one, "audit": one, "audit who": one,
		"rm": many, "purge": many, "rollback": one, "diff": {offerNames, offerNames, offerNothing},
	}
	// A version follows the name, so no space does.
	open := []string{"rollback", "diff", "purge"}
	flags := map[string]offer{
		"tag": offerTags, "untag": offerTags, "scope": offerScopes, "secret": offerNames, "workspace": offerWorkspaces, "group": offerGroups, "attach-group": offerGroups, "detach-group": offerGroups, "env": offerAssigned, "file-env": offerAssigned,
	}
	providers := map[string]int{"provider test": 1, "provider copy": 2, "provider health": math.MaxInt, "health": math.MaxInt}
	_ = root.RegisterFlagCompletionFunc("provider", a.completeProviders(math.MaxInt)) // it is there
	eachCommand(root, func(c *cobra.Command) {
		if c.Flags().Lookup("profile") != nil {
			_ = c.RegisterFlagCompletionFunc("profile", a.offerProfiles) // fails only where a command has its own
		}
		path := strings.TrimPrefix(c.CommandPath(), "tacit ")
		if most := providers[path]; most > 0 {
			c.ValidArgsFunction = a.completeProviders(most)
		}
		if w, ok := places[path]; ok {
			c.ValidArgsFunction = a.completeWith(func(args []string) offer { return w[min(len(args), len(w)-1)] }, slices.Contains(open, path))
		}
		for flag, o := range flags {
			if c.Flags().Lookup(flag) != nil || c.PersistentFlags().Lookup(flag) != nil {
				_ = c.RegisterFlagCompletionFunc(flag, a.completeWith(func([]string) offer { return o }, flag == "tag" || flag == "untag")) // fails only where a command has its own
			}
		}
	})
}

// offerProfiles offers the profiles of the project file, if it is trusted, for the last of a list with commas.
func (a *app) offerProfiles(c *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const how = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	a.out.stderr, a.out.quiet = io.Discard, true
	if a.begin(c.CommandPath()) != nil {
		return nil, how
	}
	project, err := a.trustedProject()
	if err != nil {
		return nil, how
	}
	before := word[:strings.LastIndexByte(word, ',')+1]
	var all []cobra.Completion
	for _, p := range project.Profiles {
		if strings.HasPrefix(before+p, word) && plainWord(p) {
			all = append(all, before+p)
		}
	}
	return all, how
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, do)
	}
}

// completeWith offers what is, if an agent is unlocked.
func (a *app) completeWith(is func(args []string) offer, noSpace bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		how := cobra.ShellCompDirectiveNoFileComp
		if noSpace {
			how |= cobra.ShellCompDirectiveNoSpace
		}
		a.out.stderr, a.out.quiet = io.Discard, true
		if a.begin(c.CommandPath()) != nil || a.distant() {
			return nil, how
		}
		there := a.unlockedAgent()
		if there == nil {
			return nil, how
		}
		defer there.Close()
		ctx, stop := context.WithTimeout(c.Context(), completeTime)
		defer stop()
		var out []string
		for _, w := range is(args)(a, ctx, there, word) {
			if strings.HasPrefix(w, word) && plainWord(w) && !slices.Contains(args, w) {
				out = append(out, w)
			}
		}
		slices.Sort(out)
		return slices.Compact(out), how
	}
}

// plainWord reports whether a word means nothing to any shell.
func plainWord(w string) bool {
	return !strings.ContainsFunc(w, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:/=,@", r)
	})
}

// offerNames offers the names of secrets.
func offerNames(a *app, ctx context.Context, c *agent.Client, word string) (all []string) {
	if word != "" && name.Check(strings.TrimRight(word, "./")) != nil {
		return nil
	}
	_ = c.Names(ctx, a.caller(), keeper.ListRequest{Pattern: word + "**", Scope: a.flags.scope, IncludeExpired: true}, func(n string) error {
		all = append(all, n)
		return nil
	}) // what has come so far is as good
	return all
}

// completeProviders offers, for as many arguments, the names of the providers that configuration declares and of those that need not be.
func (a *app) completeProviders(arguments int) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const how = cobra.ShellCompDirectiveNoFileComp
		a.out.stderr, a.out.quiet = io.Discard, true
		if len(args) >= arguments || a.begin(c.CommandPath()) != nil {
			return nil, how
		}
		all := append([]string{name.Local}, chain.Undeclared()...)
		if cfg, err := a.project(); err == nil {
			for _, p := range cfg.Providers {
				all = append(all, p.Name)
			}
		}
		all = slices.DeleteFunc(all, func(p string) bool { return !strings.HasPrefix(p, word) })
		slices.Sort(all)
		return slices.Compact(all), how
	}
}

// offerAssigned offers NAME=REF once the variable is there.
func offerAssigned(a *app, ctx context.Context, c *agent.Client, word string) (all []string) {
	variable, ref, ok := strings.Cut(word, "=")
	if !ok {
		return nil
	}
	for _, n := range offerNames(a, ctx, c, ref) {
		all = append(all, variable+"="+n)
	}
	return all
}

// secretsThere returns the metadata of every secret.
func secretsThere(a *app, ctx context.Context, c *agent.Client) []client.Secret {
	l, err := c.List(ctx, a.caller(), keeper.ListRequest{AllScopes: true, IncludeExpired: true})
	if err != nil {
		return nil
	}
	return l.Secrets
}

// offerTags offers the tags that secrets have, for the last of a list with commas.
func offerTags(a *app, ctx context.Context, c *agent.Client, word string) (all []string) {
	before := word[:strings.LastIndexByte(word, ',')+1]
	for _, s := range secretsThere(a, ctx, c) {
		for _, t := range s.Tags {
			all = append(all, before+t)
		}
	}
	return all
}

// offerScopes offers the scopes that secrets are in.
func offerScopes(a *app, ctx context.Context, c *agent.Client, _ string) (all []string) {
	all = append(all, string(name.Global))
	for _, s := range secretsThere(a, ctx, c) {
		all = append(all, s.Scope)
	}
	return all
}

// offerWorkspaces offers the workspaces that secrets are in.
func offerWorkspaces(a *app, ctx context.Context, c *agent.Client, _ string) (all []string) {
	for _, s := range secretsThere(a, ctx, c) {
		if rest, ok := strings.CutPrefix(s.Scope, "workspace/"); ok {
			w, _, _ := strings.Cut(rest, "/")
			all = append(all, w)
		}
	}
	return all
}

// offerGroups offers the groups of the workspace, where one is named, else of all.
func offerGroups(a *app, ctx context.Context, c *agent.Client, _ string) (all []string) {
	add := func(workspace, group string) {
		if group != "" && (a.flags.workspace == "" || a.flags.workspace == workspace) {
			all = append(all, group)
		}
	}
	for _, s := range secretsThere(a, ctx, c) {
		if rest, ok := strings.CutPrefix(s.Scope, "workspace/"); ok {
			w, g, _ := strings.Cut(rest, "/group/")
			add(w, g)
		}
		for _, attached := range s.Groups {
			w, g, _ := strings.Cut(attached, "/")
			add(w, g)
		}
	}
	return all
}
