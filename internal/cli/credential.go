package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) credentialCommand() *cobra.Command {
	return family("credential", "Which secrets authenticate to which service", a.credentialCreateCommand(), a.credentialListCommand(), a.credentialRemoveCommand())
}

func (a *app) credentialCreateCommand() *cobra.Command {
	var (
		service, host string
		secrets       []string
	)
	c := &cobra.Command{
		Use: "create ID --service SERVICE --secret [PLACEHOLDER=]NAME…", Short: "Make a credential",
		Long: `Make a credential: more than one account of a service, a service whose customers have hosts of their own, or secrets of other names
than the service's. Secrets that have the names that a service knows make its credential by themselves.

A sealed secret must be sealed for the service: tacit set NAME --sealed --service SERVICE.`,
		Example: "tacit set OPENAI_WORK --sealed --service openai\ntacit credential create openai-work --service openai --secret OPENAI_WORK",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			named, err := parseSecrets(secrets)
			if err != nil {
				return err
			}
			if service == "" || len(named) == 0 {
				return fault.New(fault.Usage, "credential create: which service, and which secrets?").WithFix("tacit credential create ID --service SERVICE --secret NAME")
			}
			k, err := a.owner()
			if err != nil {
				return err
			}
			made, err := k.CredentialCreate(c.Context(), a.caller(), keeper.CredentialRequest{
				ID: args[0], Service: service, Scope: a.flags.scope, Secrets: named, Host: host,
			})
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(made)
			}
			a.out.Line("Credential %s for %s in %s: %s", visible(made.ID), visible(made.Service), visible(made.Scope), visible(waitsFor(made.State, made.Missing)))
			return nil
		},
	}
	fl := c.Flags()
	fl.StringVar(&service, "service", "", "the `SERVICE` it is for")
	fl.StringArrayVar(&secrets, "secret", nil, "`[PLACEHOLDER=]NAME` of a secret (may be repeated)")
	fl.StringVar(&host, "host", "", "the `HOST`, where a service has one for each customer, or several")
	_ = c.RegisterFlagCompletionFunc("service", a.completeService)
	return c
}

func parseSecrets(args []string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range args {
		placeholder, n, given := strings.Cut(s, "=")
		if !given {
			placeholder, n = "", placeholder
		}
		if _, twice := out[placeholder]; twice {
			return nil, fault.New(fault.Usage, "--secret: two secrets for one placeholder").WithFix("name the placeholders, as in --secret key=NAME --secret token=NAME")
		}
		out[placeholder] = n
	}
	return out, nil
}

func (a *app) credentialListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the credentials", Example: "tacit credential list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.CredentialList(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(list)
			}
			rows := make([][]string, 0, len(list.Credentials))
			for _, x := range list.Credentials {
				rows = append(rows, []string{x.ID, x.Service, x.Scope, waitsFor(x.State, x.Missing), secretNames(x.Secrets), strings.Join(x.Hosts, ", ")})
			}
			a.out.Table([]string{"ID", "Service", "Scope", "State", "Secrets", "Hosts"}, rows)
			return nil
		},
	}
}

func secretNames(all []client.CredentialSecret) string {
	var names []string
	for _, s := range all {
		if s.Present {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

func (a *app) credentialRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "rm ID", Aliases: []string{"remove", "delete"}, Short: "Forget a credential",
		Long:    "Forget a credential that was made, and what is bound to it. Its secrets stay.",
		Example: "tacit set OPENAI_WORK --sealed --service openai\ntacit credential create openai-work --service openai --secret OPENAI_WORK\ntacit credential rm openai-work --force",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.confirm(force, "forget the credential "+visible(args[0])+"?"); err != nil {
				return err
			}
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			removed, err := k.CredentialRemove(c.Context(), a.caller(), args[0])
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(removed)
			}
			a.out.Line("Removed %s", visible(removed.ID))
			for _, id := range removed.BindingsRemoved {
				a.out.Line("Unbound %s", visible(id))
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}
