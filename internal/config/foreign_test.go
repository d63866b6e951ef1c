package config_test

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/config"
	"tacit/internal/fault"
)

func TestForeign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want string
		lost       []string
	}{
		"xec": {
			`version: "1.0"
name: shop
vars: {region: eu, url: "https://${region}.${env.DOMAIN:example.com}/${vars.path:-x}", odd: "\\${literal} ${cmd:id} ${secret:a b}"}
targets: {hosts: {web: {host: "${vars.region}.example.com", password: "${secrets.web.pw}"}}}
secrets: {provider: local, config: {storageDir: x}}
tasks:
  plain: echo ${params.x}
  deploy:
    description: Deploy
    params: [{name: version, required: true, type: string}, {name: to, default: prod}]
    steps:
      - {name: one, command: "ship ${secret:key} ${params.version}", onFailure: abort}
      - {name: script, script: x.ts}
    timeout: 60s
  scripted: {script: deploy.ts}
profiles: {prod: {vars: {region: us}, targets: {}}}
recipes: {}
`,
			`vars:
  region: eu
  url: https://${vars.region}.${env.DOMAIN:-example.com}/${vars.path:-x}
  odd: \${literal} \${cmd:id} \${secret:a b}
targets:
  hosts:
    web:
      host: ${vars.region}.example.com
      password: ${secret:web.pw}
tasks:
  plain: echo ${params.x}
  deploy:
    description: Deploy
    params:
    - name: version
    - name: to
      default: prod
    steps:
    - name: one
      command: ship ${secret:key} ${params.version}
profiles:
  prod:
    vars:
      region: us
`,
			[]string{
				"3: ${cmd:id} is no reference here", "3: ${secret:a b} is no reference here", "5: secrets.config has no place", "12: tasks.deploy.steps.0.onFailure", "13: tasks.deploy.steps.1.script",
				"13: tasks.deploy.steps.1 has no command", "14: tasks.deploy.timeout", "15: tasks.scripted.script", "15: the task scripted has no command", "16: profiles.prod.targets", "17: recipes",
			},
		},
		"a secrets table": {
			"default_provider: local\nproviders:\n  azure-keyvault: {priority: 100, vault_url: 'https://x.example'}\naudit: {enabled: true}\n",
			"secrets:\n  default_provider: local\n  providers:\n    azure-keyvault:\n      priority: 100\n      vault_url: https://x.example\n",
			[]string{"4: secrets.audit has no place"},
		},
		"with a secrets table": {
			"secrets: {default_provider: env, providers: {env: {prefix: X_}}, access_control: {}}\naccess_control: {}\n",
			"secrets:\n  default_provider: env\n  providers:\n    env:\n      prefix: X_\n",
			[]string{"1: secrets.access_control", "2: access_control has no place"},
		},
		"xec with the environment": {
			"secrets: {provider: env}\n",
			"secrets:\n  providers:\n    local:\n      priority: 50\n    env:\n      prefix: SECRET_\n      uppercase_names: true\n", nil,
		},
	} {
		out, lost, err := config.Foreign("other.yaml", []byte(c.text))
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if problems := config.Parse("/x/tacit.yaml", out).Problems(); len(problems) > 0 {
			t.Errorf("%s: what was made is wrong: %v", name, problems)
		}
		for i, p := range lost {
			if line := strings.TrimPrefix(p.Place.String(), "other.yaml:") + ": " + p.Text; i >= len(c.lost) || !strings.HasPrefix(line, c.lost[i]) {
				t.Errorf("%s: lost %s", name, line)
			}
		}
		if len(lost) != len(c.lost) {
			t.Errorf("%s: %d lines about what is lost, want %d", name, len(lost), len(c.lost))
		}
	}
	for _, text := range []string{"", "a: [", "- a", "recipes: {}"} {
		if _, _, err := config.Foreign("other.yaml", []byte(text)); !errors.Is(err, fault.Usage) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzForeign(f *testing.F) {
	f.Add("vars: {a: '${b:c} ${secrets.d}'}")
	f.Fuzz(func(t *testing.T, text string) {
		out, _, err := config.Foreign("other.yaml", []byte(text))
		if err != nil {
			return
		}
		for _, p := range config.Parse("/x/tacit.yaml", out).Problems() {
			if p.Code == config.CodeSyntax || p.Code == config.CodeReference {
				t.Errorf("%q became %q: %v", text, out, p)
			}
		}
	})
}
