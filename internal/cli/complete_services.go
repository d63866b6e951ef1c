package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/registry"
)

// completeService offers the services that come with tacit: the user's own are in the vault, which completion does not open.
func (a *app) completeService(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	if c, err := registry.NewCatalog(); err == nil {
		for _, s := range c.Services() {
			if strings.HasPrefix(s.ID, word) {
				out = append(out, cobra.CompletionWithDesc(s.ID, s.Title))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeCapability offers the capabilities of the services that come with tacit.
func (a *app) completeCapability(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	if c, err := registry.NewCatalog(); err == nil {
		for _, s := range c.Services() {
			for i := range s.Capabilities {
				if strings.HasPrefix(s.Capabilities[i].ID, word) {
					out = append(out, cobra.CompletionWithDesc(s.Capabilities[i].ID, s.Capabilities[i].Title))
				}
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
