// Package kinds is the table of the kinds of provider: adding one is a line here.
package kinds

import (
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/agefile"
	"tacit/internal/provider/awssecrets"
	"tacit/internal/provider/awsssm"
	"tacit/internal/provider/azurekeyvault"
	"tacit/internal/provider/envvars"
	"tacit/internal/provider/execs"
	"tacit/internal/provider/files"
	"tacit/internal/provider/gcpsecrets"
	"tacit/internal/provider/hashivault"
	"tacit/internal/provider/keyring"
	"tacit/internal/provider/onepassword"
)

// kind is one line of the table.
type kind struct {
	name string
	make provider.Make
}

// all is a function, so that nothing is built before a provider is asked for.
func all() []kind {
	return []kind{
		{"age-file", agefile.Make},
		{"aws-secretsmanager", awssecrets.Make},
		{"aws-ssm", awsssm.Make},
		{"azure-keyvault", azurekeyvault.Make},
		{"env", envvars.Make},
		{"exec", execs.Make},
		{"file", files.Make},
		{"gcp-secretmanager", gcpsecrets.Make},
		{"keyring", keyring.Make},
		{"onepassword", onepassword.Make},
		{"vault", hashivault.Make},
	}
}

// Names returns the kinds that there are besides local, which is the vault.
func Names() []string {
	names := make([]string, 0, 16)
	for _, k := range all() {
		names = append(names, k.name)
	}
	return names
}

// Make makes a provider of the kind that spec names; it is a [provider.Make].
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	table := all()
	i := slices.IndexFunc(table, func(k kind) bool { return k.name == spec.Type })
	if i < 0 {
		return nil, provider.Errorf(fault.Usage, spec.Name, "there is no type %.64q of provider", spec.Type).
			WithFix("type is local or one of %s; without one, the provider's name is its type", strings.Join(Names(), ", "))
	}
	return table[i].make(spec, w)
}
