package cli

import (
	"strings"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

// secretsEntries are the commands about secrets.
func secretsEntries() []entry {
	return []entry{
		{[]string{"set"}, groupSecrets, (*app).setCommand},
		{[]string{"get"}, groupSecrets, (*app).getCommand},
		{[]string{"show"}, groupSecrets, (*app).showCommand},
		{[]string{"list", "ls"}, groupSecrets, (*app).listCommand},
		{[]string{"rm", "delete"}, groupSecrets, (*app).removeCommand},
		{[]string{"mv"}, groupSecrets, (*app).moveCommand},
		{[]string{"update"}, groupSecrets, (*app).updateCommand},
		{[]string{"edit"}, groupSecrets, (*app).editCommand},
		{[]string{"generate"}, groupSecrets, (*app).generateCommand},
		{[]string{"rotate"}, groupSecrets, (*app).rotateCommand},
		{[]string{"history"}, groupSecrets, (*app).historyCommand},
		{[]string{"rollback"}, groupSecrets, (*app).rollbackCommand},
		{[]string{"diff"}, groupSecrets, (*app).diffCommand},
		{[]string{"purge"}, groupSecrets, (*app).purgeCommand},
		{[]string{"due"}, groupSecrets, (*app).dueCommand},
		{[]string{"import"}, groupSecrets, (*app).importCommand},
		{[]string{"export"}, groupSecrets, (*app).exportCommand},
	}
}

// ref reads a reference, NAME[@VERSION][#FIELD], and adds what the global flags say.
func (a *app) ref(arg string) (ref keeper.Ref, field string, err error) {
	r, err := name.ParseReferenceOf(a.flags.provider, arg)
	if err != nil {
		return keeper.Ref{}, "", err
	}
	if r.Provider != "" && a.flags.provider != "" && r.Provider != a.flags.provider {
		return keeper.Ref{}, "", fault.New(fault.Usage, "%s names the provider %s, --provider another", r.Bare(), r.Provider)
	}
	version := r.Version
	if version == name.Previous {
		version = keeper.Previous
	}
	if r.Provider != "" && r.Provider != name.Local {
		a.otherNamed = true // before [app.keeper] is asked for
	}
	return keeper.Ref{Name: r.Name, Version: version, StoreVersion: r.StoreVersion, Scope: a.flags.scope, Provider: r.Provider}, r.Field, nil
}

// plainRef reads a reference to a secret as a whole.
func (a *app) plainRef(arg string) (keeper.Ref, error) {
	ref, field, err := a.ref(arg)
	if err == nil && (field != "" || ref.Version != 0 || ref.StoreVersion != "") {
		err = fault.New(fault.Usage, "%s: only the name of a secret can stand here", arg).About(ref.Name).WithFix("leave out @ and # and what follows")
	}
	return ref, err
}

// versionRef reads a reference to one version of a secret.
func (a *app) versionRef(arg string) (keeper.Ref, error) {
	ref, field, err := a.ref(arg)
	switch {
	case err != nil:
	case field != "":
		err = fault.New(fault.Usage, "%s: a field cannot stand here", arg).About(ref.Name).WithFix("leave out # and what follows")
	case ref.StoreVersion != "":
		err = fault.New(fault.Usage, "%s: a version is a number here", arg).About(ref.Name)
	case ref.Version == 0:
		err = fault.New(fault.Usage, "%s: which version?", arg).About(ref.Name).WithFix("%s@VERSION; tacit history %s lists them", arg, arg)
	}
	return ref, err
}

// printChanged prints the answer of a command that changed a secret.
func (a *app) printChanged(c client.Changed) error {
	if a.flags.json {
		return a.out.JSON(c)
	}
	s := c.Secret
	a.out.Card(
		[2]string{"name", s.Name}, [2]string{"provider", s.Provider}, [2]string{"version", versionOf(s.Version, s.StoreVersion)}, [2]string{"scope", s.Scope},
		[2]string{"created", moment(&s.CreatedAt)}, [2]string{"expires", moment(s.ExpiresAt)}, [2]string{"pin", deref(s.Pin)},
	)
	a.changedNotices(c)
	return nil
}

// versionOf is a version as a person sees it: a number, or what the store calls it.
func versionOf(number int, stores *string) string {
	if number == 0 {
		return deref(stores)
	}
	return itoa(number)
}

// changedNotices says what else is worth knowing about a change.
func (a *app) changedNotices(c client.Changed) {
	if len(c.Changed) == 0 && !c.Created {
		a.out.Notice("nothing changed")
	}
	if c.Shadows != nil {
		a.out.Notice("within %s this hides the secret %s of %s", c.Secret.Scope, c.Secret.Name, *c.Shadows)
	}
	a.printReadiness(c.Readiness)
}

func (a *app) printReadiness(all []client.Readiness) {
	for _, r := range all {
		switch r.State {
		case "ready":
			a.out.Notice("Credential ready: %s (%d capabilities)", r.Credential, r.Capabilities)
		case "waiting":
			a.out.Notice("Waiting for %s to complete %s", strings.Join(r.Missing, ", "), r.Service)
		}
	}
}
