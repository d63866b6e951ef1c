package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/when"
)

func (a *app) capabilityCommand() *cobra.Command {
	c := family("capability", "What can be done with services",
		a.capabilityListCommand(), a.capabilityDescribeCommand(), a.capabilityLimitCommand(), a.capabilityBindCommand(), a.capabilityUnbindCommand(),
		a.capabilityBindingsCommand())
	c.Aliases = []string{"cap"}
	return c
}

func (a *app) capabilityListCommand() *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List capabilities: ready, waiting, available",
		Long:    `List capabilities. Ready ones answer; waiting ones lack something that is named; available ones need a secret of their service.`,
		Example: "tacit capability list --ready", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.CapabilityList(c.Context(), a.caller(), keeper.CapabilityListRequest{Ready: ready})
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(list)
			}
			a.printGroups(list, ready)
			return nil
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "only those that would answer")
	return c
}

// printGroups prints capabilities under the states, and of those that are only available no more than the services.
func (a *app) printGroups(list client.Capabilities, ready bool) {
	groups := map[string][]client.Capability{}
	for _, c := range list.Capabilities {
		groups[c.State] = append(groups[c.State], c)
	}
	a.out.Line("%s", a.out.bold("Ready ("+itoa(list.Ready)+")"))
	a.printCapabilities(groups["ready"])
	if ready {
		return
	}
	if list.Waiting > 0 {
		a.out.Line("")
		a.out.Line("%s", a.out.bold("Waiting ("+itoa(list.Waiting)+")"))
		a.printCapabilities(groups["waiting"])
	}
	a.out.Line("")
	a.out.Line("%s", a.out.bold("Available ("+itoa(list.Available)+")"))
	var (
		rows  [][]string
		count int
	)
	for _, c := range groups["available"] {
		if n := len(rows); n == 0 || rows[n-1][0] != c.Service {
			rows, count = append(rows, []string{c.Service, "tacit set " + strings.Join(c.Missing, ", tacit set "), ""}), 0
		}
		count++
		rows[len(rows)-1][2] = itoa(count)
	}
	a.out.Table([]string{"Service", "Switch on with", "Capabilities"}, rows)
}

func (a *app) printCapabilities(list []client.Capability) {
	rows := make([][]string, 0, len(list))
	for _, c := range list {
		rows = append(rows, []string{c.ID, c.Risk, strings.Join(c.Methods, ","), deref(c.Credential), waitsFor(c.State, c.Missing)})
	}
	a.out.Table([]string{"Capability", "Risk", "Methods", "Credential", "State"}, rows)
}

func (a *app) capabilityDescribeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe CAPABILITY", Aliases: []string{"show"}, Short: "Show how a capability is called", Example: "tacit capability describe openai/chat-completions",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			d, err := k.CapabilityDescribe(c.Context(), a.caller(), args[0])
			if err != nil {
				return err
			}
			return a.printDescription(d)
		},
	}
}

func (a *app) printDescription(d client.CapabilityDescription) error {
	if a.flags.json {
		return a.out.JSON(d)
	}
	a.out.Card([][2]string{
		{"Capability", d.ID},
		{"Title", d.Title},
		{"Service", d.Service},
		{"Documentation", deref(d.Docs)},
		{"State", waitsFor(d.State, d.Missing)},
		{"Risk", d.Risk},
		{"Methods", strings.Join(d.Methods, ", ")},
		{"Paths", strings.Join(d.Paths, ", ")},
		{"Hosts", strings.Join(d.Hosts, ", ")},
		{"Credentials", strings.Join(d.Credentials, ", ")},
		{"Hidden in answers", strings.Join(append(d.Returns, d.Redact...), ", ")},
		{"Limits", limitsText(d.Limits)},
		{"Base URL", deref(d.BaseURL)},
		{"Example", d.Example.Command},
	}...)
	return nil
}

func limitsText(l client.CapabilityLimits) string {
	var all []string
	if l.RatePerMinute != nil {
		all = append(all, itoa(*l.RatePerMinute)+"/min")
	}
	if l.MaxRequestBytes != nil {
		all = append(all, "requests of "+sizeText(*l.MaxRequestBytes))
	}
	if l.MaxResponseBytes != nil {
		all = append(all, "answers of "+sizeText(*l.MaxResponseBytes))
	}
	if l.TimeoutMS != nil {
		all = append(all, when.Format(time.Duration(*l.TimeoutMS)*time.Millisecond))
	}
	if l.Concurrency != nil {
		all = append(all, itoa(*l.Concurrency)+" at once")
	}
	return strings.Join(all, ", ")
}

func (a *app) capabilityLimitCommand() *cobra.Command {
	var (
		rate, request, response, timeout string
		redact                           []string
	)
	c := &cobra.Command{
		Use: "limit CAPABILITY", Short: "Bound what a capability may be used for",
		Long: `Bound what a capability may be used for: how often, with how much, for how long. 0 takes a limit away. --redact replaces fields of
JSON answers by ***, wherever they stand; --redact '' takes that away.`,
		Example: "tacit capability limit openai/chat-completions --rate 60/min --timeout 30s --max-request 1MB",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error {
			r := keeper.LimitRequest{ID: args[0], Redact: redact}
			var err error
			if r.RatePerMinute, err = parseRate(rate); err != nil {
				return err
			}
			if r.MaxRequestBytes, err = parseSize("--max-request", request); err != nil {
				return err
			}
			if r.MaxResponseBytes, err = parseSize("--max-response", response); err != nil {
				return err
			}
			if r.Timeout, err = parseDuration("--timeout", timeout); err != nil {
				return err
			}
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			d, err := k.CapabilityLimit(c.Context(), a.caller(), r)
			if err != nil {
				return err
			}
			return a.printDescription(d)
		},
	}
	fl := c.Flags()
	fl.StringVar(&rate, "rate", "", "`N/min` requests of one principal")
	fl.StringVar(&request, "max-request", "", "the largest body of a request, a `SIZE` such as 10MB")
	fl.StringVar(&response, "max-response", "", "the largest body of an answer, a `SIZE`")
	fl.StringVar(&timeout, "timeout", "", "how long an answer may take to begin, a duration `D`")
	fl.StringArrayVar(&redact, "redact", nil, "the `FIELD` of JSON answers that is hidden (may be repeated)")
	return c
}

func (a *app) capabilityBindCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bind CAPABILITY CREDENTIAL", Short: "Say which credential answers in a scope",
		Long: `Say which credential answers for a capability in a scope (--scope, else that of --workspace and --group, else global). Without a
binding the narrowest credential that is ready answers.`,
		Example: "tacit set OPENAI_API_KEY\ntacit capability bind openai/chat-completions openai",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			b, err := k.CapabilityBind(c.Context(), a.caller(), keeper.BindRequest{Capability: args[0], Credential: args[1], Scope: a.flags.scope})
			return a.printBinding("Bound", b, err)
		},
	}
}

func (a *app) capabilityUnbindCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unbind CAPABILITY", Short: "Take a binding back",
		Example: "tacit set OPENAI_API_KEY\ntacit capability bind openai/chat-completions openai\ntacit capability unbind openai/chat-completions",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeCapability,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			b, err := k.CapabilityUnbind(c.Context(), a.caller(), keeper.BindRequest{Capability: args[0], Scope: a.flags.scope})
			return a.printBinding("Unbound", b, err)
		},
	}
}

func (a *app) printBinding(done string, b client.Binding, err error) error {
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(b)
	}
	a.out.Line("%s %s, %s in %s", done, visible(b.Capability), visible(b.Credential), visible(b.Scope))
	return nil
}

func (a *app) capabilityBindingsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bindings", Short: "List the bindings", Example: "tacit capability bindings", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.CapabilityBindings(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(list)
			}
			rows := make([][]string, 0, len(list.Bindings))
			for _, b := range list.Bindings {
				rows = append(rows, []string{b.Capability, b.Credential, b.Scope})
			}
			a.out.Table([]string{"Capability", "Credential", "Scope"}, rows)
			return nil
		},
	}
}
