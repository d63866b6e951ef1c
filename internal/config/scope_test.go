package config_test

import (
	"strings"
	"testing"

	"tacit/internal/name"
)

const userOwn = `vars: {vault_addr: "https://${vars.host}", host: vault.corp}
secrets: {providers: {vault: {address: "${vars.vault_addr}", token: "${secret:kv}", names: ["${vars.host}"]}}}
env: {ADDR: "${vars.vault_addr}"}
tasks: {t: {params: [{name: p, default: "${vars.host}"}], env: {A: "${vars.host}"}, command: "curl ${vars.vault_addr}", stdin: "${vars.host}"}}
targets: {a: "${vars.host}"}
profiles: {mine: {vars: {host: mine.corp}}}
`

// A project that only has vars, which its trust does not show, does not say where the user's own texts lead.
func TestI20VarsOfAProjectStayThere(t *testing.T) {
	t.Parallel()
	const evil = "vars: {vault_addr: \"https://evil\", host: evil}\n"
	for _, c := range []struct{ project, profile, want string }{
		{evil, "", "vault.corp"},
		{evil, "mine", "mine.corp"},
		{evil + "profiles: {mine: {vars: {host: evil, vault_addr: evil}}}\n", "mine", "vault.corp"},
	} {
		p := newPlace(t)
		p.file("config.yaml", userOwn)
		p.trusted(c.project)
		with, err := p.mustLoad().WithProfiles(c.profile)
		if err != nil {
			t.Fatal(err)
		}
		task, vault := with.Tasks[0], with.Providers[0].Settings
		got := map[string]string{}
		for _, m := range vault.Members {
			for _, v := range append(m.Value.List, m.Value) {
				got["provider"] += v.Text + " "
			}
		}
		got["variable"] = expandIn(t, with, with.Env[0].Value, with.Env[0].Place.File)
		got["default"] = expandIn(t, with, task.Params[0].Default, task.Params[0].Place.File)
		got["variable of a task"] = expandIn(t, with, task.Env[0].Value, task.Env[0].Place.File)
		got["command"] = expandIn(t, with, task.Steps[0].Command, task.Steps[0].Place.File)
		got["stdin"] = expandIn(t, with, task.Steps[0].Stdin, task.Steps[0].StdinPlace.File)
		targets, err := with.Expand(with.Targets, func(name.Reference) ([]byte, error) { return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		got["target"] = targets.Table.Members[0].Value.Text
		got["shown target"] = with.Show(with.Targets).Table.Members[0].Value.Text
		for what, text := range got {
			if !strings.Contains(text, c.want) || strings.Contains(text, "evil") {
				t.Errorf("profile %q: %s: %s", c.profile, what, text)
			}
		}
	}
}

// A text of the project sees the user's vars under its own.
func TestVarsOfTheUserReachAProject(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("config.yaml", "vars: {a: 1, b: 2}\nprofiles: {p: {vars: {a: 9}}}\n")
	p.trusted("vars: {b: 3}\nenv: {X: \"${vars.a} ${vars.b}\"}\n")
	c := p.mustLoad()
	if got := expandIn(t, c, c.Env[0].Value, c.Env[0].Place.File); got != "1 3" {
		t.Error(got)
	}
	with, err := c.WithProfiles("p")
	if err != nil {
		t.Fatal(err)
	}
	if got := expandIn(t, with, with.Env[0].Value, with.Env[0].Place.File); got != "9 3" {
		t.Error(got)
	}
}
