package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// serviceEntries are the commands about services: what may be used without being seen, and using it.
func serviceEntries() []entry {
	return []entry{
		{[]string{"service"}, groupServices, (*app).serviceCommand},
		{[]string{"credential"}, groupServices, (*app).credentialCommand},
		{[]string{"capability", "cap"}, groupServices, (*app).capabilityCommand},
		{[]string{"invoke"}, groupServices, (*app).invokeCommand},
		{[]string{"json"}, groupServices, (*app).jsonCommand},
		{[]string{"markdown", "md"}, groupServices, (*app).markdownCommand},
		{[]string{"proxy"}, groupServices, (*app).proxyCommand},
		{[]string{"oauth"}, groupServices, (*app).oauthCommand},
	}
}

// maxServiceFile bounds the file of a service, in bytes.
const maxServiceFile = 256 << 10

func (a *app) serviceCommand() *cobra.Command {
	c := family("service", "The services that tacit can use secrets with",
		a.serviceListCommand(), a.serviceDescribeCommand(), a.serviceAddCommand(), a.serviceRemoveCommand())
	c.Long = `The services that tacit can use secrets with: where their API is, and how a request to it is authenticated. Many come with tacit;
your own are files like the one that docs/services.md explains.

A secret whose name a service knows (OPENAI_API_KEY) is sealed for it: it can be used, and not shown.`
	return c
}

func (a *app) serviceListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the services, without a vault those that come with tacit", Example: "tacit service list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.ServiceList(c.Context(), a.caller())
			if errors.Is(err, fault.NoVault) && a.getenv("TACIT_TOKEN") == "" {
				a.out.Notice("there is no vault: these services come with tacit, and none of them is ready")
				list, err = keeper.BuiltinServices()
			}
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(list)
			}
			rows := make([][]string, 0, len(list.Services))
			for _, s := range list.Services {
				rows = append(rows, []string{s.Service, s.Title, s.State, itoa(s.Capabilities), strings.Join(s.Secrets, ", ")})
			}
			a.out.Table([]string{"Service", "Title", "State", "Capabilities", "Secrets"}, rows)
			return nil
		},
	}
}

func (a *app) serviceDescribeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe SERVICE", Aliases: []string{"show"}, Short: "Show all about a service", Example: "tacit service describe openai",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeService,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			s, err := k.ServiceDescribe(c.Context(), a.caller(), args[0])
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(s)
			}
			a.printService(s)
			return nil
		},
	}
}

func (a *app) printService(s client.ServiceDescription) {
	var secrets []string
	for _, p := range s.Placeholders {
		if p.Public {
			secrets = append(secrets, p.Name+" (public)")
			continue
		}
		secrets = append(secrets, p.Name)
	}
	network := []string{}
	if s.Network.AllowPrivate {
		network = append(network, "private addresses")
	}
	if s.Network.PlainHTTP {
		network = append(network, "plain http")
	}
	if s.Network.CA {
		network = append(network, "certificates of its own")
	}
	a.out.Card([][2]string{
		{"Service", s.Service.Service},
		{"Title", s.Title},
		{"Origin", s.Origin},
		{"Documentation", deref(s.Docs)},
		{"Hosts", strings.Join(s.Hosts, ", ")},
		{"Authentication", s.Auth},
		{"Secrets", strings.Join(secrets, ", ")},
		{"Pin", s.Pin},
		{"State", s.State},
		{"Missing", strings.Join(s.Missing, ", ")},
		{"Base URL", deref(s.BaseURL)},
		{"Variables", strings.Join(append(s.Env.BaseURL, s.Env.Key...), ", ")},
		{"May use", strings.Join(network, ", ")},
	}...)
	a.out.Line("")
	a.printCapabilities(s.Capability)
}

func (a *app) serviceAddCommand() *cobra.Command {
	var repin bool
	c := &cobra.Command{
		Use: "add FILE", Short: "Add a service of your own, or change it",
		Long: `Add a service of your own, or change it. FILE is YAML (- is standard input); docs/services.md explains it. The definition is kept in
the vault. Secrets that are sealed for the service are sealed for exactly this definition: when it changes, --repin says that they may go where
the new one says.`,
		Example: "tacit service add acme.yaml",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			file, err := a.readSmall(args[0], maxServiceFile)
			if err != nil {
				return err
			}
			return a.withOwnVault(c.Context(), func(k Vault) error {
				added, err := k.ServiceAdd(c.Context(), a.caller(), keeper.ServiceAddRequest{File: file, Repin: repin})
				if errors.Is(err, fault.Invalid) {
					return fault.Wrap(fault.Invalid, err, "%s", args[0])
				}
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.out.JSON(added)
				}
				done := "Changed"
				if added.Created {
					done = "Added"
				}
				a.out.Line("%s %s: %d capabilities, %s", done, visible(added.Service.Service), added.Capabilities, visible(waitsFor(added.State, added.Missing)))
				for _, n := range added.Repinned {
					a.out.Line("Sealed for it anew: %s", visible(n))
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&repin, "repin", false, "secrets that are sealed for it may go where the new definition says")
	return c
}

// waitsFor says how a service or credential stands.
func waitsFor(state string, missing []string) string {
	if len(missing) == 0 {
		return state
	}
	return "waiting for " + strings.Join(missing, ", ")
}

func (a *app) serviceRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "rm SERVICE", Aliases: []string{"remove", "delete"}, Short: "Remove a service of your own",
		Long:    "Remove a service of your own, with its credentials, bindings and limits. Its secrets stay in the vault, sealed for it.",
		Example: "tacit service add acme.yaml\ntacit service rm acme --force",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeService,
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.confirm(force, "Remove the service "+visible(args[0])+"?"); err != nil {
				return err
			}
			k, err := a.owner()
			if err != nil {
				return err
			}
			removed, err := k.ServiceRemove(c.Context(), a.caller(), args[0])
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(removed)
			}
			a.out.Line("Removed %s", visible(removed.Service))
			for _, id := range removed.CredentialsRemoved {
				a.out.Line("Removed the credential %s", visible(id))
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}
