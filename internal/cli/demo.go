package cli

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tacit/internal/demo"
	"tacit/internal/fault"
	"tacit/internal/paths"
)

// demoEntries are hidden: they are for trying tacit, not for using it.
func demoEntries() []entry {
	return []entry{{[]string{"demo"}, "", (*app).demoCommand}}
}

func (a *app) demoCommand() *cobra.Command {
	return family("demo", "Something to try tacit with", a.demoUpstreamCommand())
}

func (a *app) demoUpstreamCommand() *cobra.Command {
	var listen, file, key, api string
	c := &cobra.Command{
		Use: "upstream", Short: "Be a service to try tacit with, until Ctrl-C",
		Long: `Be a service to try tacit with, until Ctrl-C: a server on this machine that speaks enough of OpenAI's API for its SDKs, streams, takes
uploads, and gives away on purpose what it was sent. It prints a service file for tacit service add; docs/broker.md goes through it.`,
		Example: "tacit demo upstream --service-file demo.yaml >demo.log 2>&1 &",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			u, err := demo.Start(demo.Options{Listen: listen, Key: key, Now: a.world.Now})
			if err != nil {
				return err
			}
			defer func() { _ = u.Close() }()
			if err := a.printServiceFile(u, api, file); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-u.Done():
				return fault.Wrap(fault.Failed, u.Close(), "the demo upstream ended")
			}
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "the `ADDR` to listen on; port 0 is a free one")
	c.Flags().StringVar(&file, "service-file", "", "write the service file to `FILE` instead of standard output")
	c.Flags().StringVar(&key, "key", "", "the only key `K` that is accepted, instead of any")
	c.Flags().StringVar(&api, "api", "openai", "the service of the file: openai or anthropic")
	c.Flags().SortFlags = false
	_ = c.RegisterFlagCompletionFunc("api", cobra.FixedCompletions([]string{"openai", "anthropic"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// printServiceFile says how to reach the upstream: on standard output, or in a file that is there whole or not at all.
func (a *app) printServiceFile(u *demo.Upstream, api, file string) error {
	text, err := u.ServiceFile(api)
	if err != nil {
		return err
	}
	if file == "" {
		a.out.Bytes([]byte(text))
		return a.out.flush()
	}
	if err := paths.WriteFile(file, []byte(text)); err != nil {
		return err
	}
	a.out.Notice("listening on %s; to add it: tacit service add %s", u.Address(), visible(file))
	return nil
}
