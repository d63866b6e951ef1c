package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/name"
)

// example is the file of the issue.
const example = `secrets:
  default_provider: local
  providers:
    azure-keyvault: {priority: 100, vault_url: "https://my-vault.vault.azure.net", cache_ttl: 300s, max_retries: 3}
    local: {priority: 50}
    env: {priority: 10, prefix: APP_SECRET_, uppercase_names: true, allow_unprefixed: false}
env:
  DATABASE_URL: "postgresql://user:${secret:DATABASE_PASSWORD}@localhost/myapp"
vars: {region: eu-1}
targets: {hosts: {production: {host: prod.example.com, passphrase: "${secret:SSH_PASSPHRASE}"}}}
tasks:
  deploy:
    description: Deploy to production
    steps:
      - name: Deploy
        command: ./deploy.sh --region ${vars.region}
        env: {API_KEY: "${secret:API_KEY}"}
profiles: {prod: {env: {LOG: warn}}}
`

// place is a project, and where its user keeps things.
type place struct {
	t     *testing.T
	dir   string // of the project
	user  string // config.yaml
	trust config.Trust
	env   map[string]string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &place{t: t, dir: dir, user: filepath.Join(dir, "config.yaml"), trust: config.NewTrust(filepath.Join(dir, "state")), env: map[string]string{}}
}

// file writes a file of the project, or config.yaml.
func (p *place) file(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// trusted writes tacit.yaml and trusts it.
func (p *place) trusted(text string) {
	p.t.Helper()
	f, err := config.Open(p.file("tacit.yaml", text))
	if err == nil {
		err = p.trust.Add(p.t.Context(), f)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) load() (*config.Config, error) {
	return config.Load(config.Options{Dir: p.dir, UserFile: p.user, Trust: p.trust, Getenv: func(n string) (string, bool) {
		v, ok := p.env[n]
		return v, ok
	}})
}

func (p *place) mustLoad() *config.Config {
	p.t.Helper()
	c, err := p.load()
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// expand puts secrets in as <name>.
func expand(t *testing.T, c *config.Config, text interpolate.Template) string {
	t.Helper()
	return expandIn(t, c, text, "")
}

// expandIn is expand for a text of a file.
func expandIn(t *testing.T, c *config.Config, text interpolate.Template, file string) string {
	t.Helper()
	out, err := text.Expand(func(r name.Reference) ([]byte, error) { return []byte("<" + r.Bare() + ">"), nil }, c.Lookup(file, nil))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestLoadTheExample(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.trusted(example)
	c := p.mustLoad()
	if c.DefaultProvider != "local" || len(c.Providers) != 3 || len(c.Env) != 1 || len(c.Tasks) != 1 || !reflect.DeepEqual(c.Profiles, []string{"prod"}) {
		t.Fatalf("%+v", c)
	}
	azure := c.Providers[0]
	if azure.Name != "azure-keyvault" || azure.Type != "azure-keyvault" || azure.Priority != 100 || azure.Timeout != 5*time.Second || azure.Origin != "project" {
		t.Errorf("%+v", azure)
	}
	if s := azure.Settings; s.Text("vault_url", "") != "https://my-vault.vault.azure.net" || s.Duration("cache_ttl", 0) != 300*time.Second || s.Number("max_retries", 0, 0, 9) != 3 || s.Done() != nil {
		t.Errorf("%+v", s)
	}
	if got := expand(t, c, c.Env[0].Value); got != "postgresql://user:<DATABASE_PASSWORD>@localhost/myapp" {
		t.Error(got)
	}
	step := c.Tasks[0].Steps[0]
	if got := expand(t, c, step.Command); got != "./deploy.sh --region eu-1" || step.Place.Line != 16 {
		t.Error(got, step.Place)
	}
	prod, err := c.WithProfiles("prod")
	if err != nil || len(prod.Env) != 2 || prod.Env[0].Name != "LOG" && prod.Env[1].Name != "LOG" {
		t.Errorf("%+v, %v", prod, err)
	}
	if _, err := c.WithProfiles("prod,test"); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "no profile test") {
		t.Error(err)
	}
}

func TestUserLiesBelowTheProject(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("config.yaml", `secrets:
  default_provider: mine
  overlap: 30d
  cache: {ttl: 10s, max_age: 1h}
  providers: {mine: {type: file, directory: /x}, local: {}}
env: {A: user, B: user}
vars: {region: us, only: user, db: {host: h, port: 1}}
tasks: {build: make}
profiles: {p: {env: {X: user}}}
access_control: {enforce: true}
`)
	c := p.mustLoad()
	if len(c.Providers) != 2 || c.Providers[0].Origin != "user" || c.Overlap != 30*24*time.Hour || len(c.Env) != 2 || c.Tasks[0].Name != "build" {
		t.Errorf("the user's alone: %+v", c)
	}
	p.trusted(`secrets: {providers: {local: {priority: 1}}, cache: {ttl: 5s}}
env: {A: project}
vars: {region: eu, db: {port: 2}}
`)
	c = p.mustLoad()
	if len(c.Providers) != 1 || c.Providers[0].Origin != "project" || c.DefaultProvider != "" || c.CacheTTL != 5*time.Second || *c.CacheMaxAge != time.Hour {
		t.Errorf("secrets: %+v", c)
	}
	if len(c.Env) != 1 || expand(t, c, c.Env[0].Value) != "project" {
		t.Errorf("env is replaced: %+v", c.Env)
	}
	for path, want := range map[string]string{"region": "eu", "only": "user", "db.host": "h", "db.port": "2"} {
		got, ok, err := c.Lookup("", nil)("vars", path)
		if text, _ := got.Literal(); !ok || err != nil || text != want {
			t.Errorf("vars.%s: %q, %v, %v", path, text, ok, err)
		}
	}
	p.trusted("secrets:\n  providers:\n")
	if c = p.mustLoad(); len(c.Providers) != 2 {
		t.Errorf("a table with nothing in it replaces nothing: %+v", c.Providers)
	}
	p.trusted("env: {}\ntasks: {}\nsecrets: {providers: {}}\n")
	if c = p.mustLoad(); len(c.Env)+len(c.Tasks)+len(c.Providers) != 0 {
		t.Errorf("an empty table replaces: %+v", c)
	}
}

func TestProfilesStack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("eu.env", "E=1\n")
	p.trusted(`env: {A: base, B: base, C: "${vars.x}"}
vars: {x: base, t: {a: 1, b: 1}}
profiles:
  prod: {env: {B: prod, D: prod}, vars: {x: prod, t: {b: 2}}}
  eu: {env: {D: eu}, vars: {x: eu}, env_files: [eu.env]}
  none:
`)
	c := p.mustLoad()
	for profiles, want := range map[string]string{
		"": "A=base B=base C=base", "prod": "A=base B=prod C=prod D=prod", "prod,eu": "A=base B=prod C=eu D=eu", "eu,prod": "A=base B=prod C=prod D=prod", "none": "A=base B=base C=base",
	} {
		with, err := c.WithProfiles(profiles)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, v := range with.Env {
			got[v.Name] = expand(t, with, v.Value)
		}
		var line []string
		for _, n := range []string{"A", "B", "C", "D"} {
			if v, ok := got[n]; ok {
				line = append(line, n+"="+v)
			}
		}
		if s := strings.Join(line, " "); s != want {
			t.Errorf("%q: %s, want %s", profiles, s, want)
		}
		if strings.Contains(profiles, "eu") != (len(with.EnvFiles) == 1) {
			t.Errorf("%q: %v", profiles, with.EnvFiles)
		}
	}
	with, err := c.WithProfiles("eu", "prod")
	if err != nil || string(with.EnvFiles[0].Text) != "E=1\n" {
		t.Errorf("%v, %v", with, err)
	}
	if v, _, _ := with.Lookup("", nil)("vars", "t.a"); len(v) != 1 || v[0].Text != "1" {
		t.Errorf("t.a: %v", v)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, code, want string
		line, column     int
	}{
		"unknown table":        {"vars: {}\nname: x\n", config.CodeUnknownKey, `unknown key "name"`, 2, 1},
		"access control":       {"access_control: {enforce: false}\n", config.CodeInvalid, "access_control stands in your own config.yaml only", 1, 1},
		"proxy":                {"vars: {}\nproxy: {listen: '127.0.0.1:1'}\n", config.CodeInvalid, "proxy stands in your own", 2, 1},
		"vault":                {"vault: {}\n", config.CodeInvalid, "vault stands in your own", 1, 1},
		"agent":                {"agent: {}\n", config.CodeInvalid, "agent stands in your own", 1, 1},
		"audit":                {"secrets:\n  audit: {retain: 7y}\n", config.CodeInvalid, "secrets.audit stands in your own", 2, 3},
		"secrets":              {"secrets: {provider: x}\n", config.CodeUnknownKey, `unknown key "provider"`, 1, 11},
		"priority":             {"secrets:\n  providers:\n    a: {priority: high}\n", config.CodeInvalid, "priority is a number", 3, 19},
		"timeout":              {"secrets:\n  providers:\n    a: {timeout: 0}\n", config.CodeInvalid, "timeout is a duration", 3, 18},
		"a provider's name":    {"secrets:\n  providers:\n    a b: {}\n", config.CodeInvalid, `"a b" cannot be the name`, 3, 5},
		"a provider's setting": {"secrets:\n  providers:\n    a: {url: '${x}'}\n", config.CodeReference, "a reference is", 3, 14},
		"a variable":           {"env: {1A: b}\n", config.CodeInvalid, `"1A" cannot be the name of a variable`, 1, 11},
		"a list as a value":    {"env:\n  A: [b]\n", config.CodeInvalid, "A is a line of text", 2, 3},
		"nothing as a value":   {"env:\n  A:\n", config.CodeInvalid, "A is a line of text", 2, 3},
		"a reference":          {"env:\n  A: x\n  B: '${secrets:b}'\n", config.CodeReference, "a reference is", 3, 6},
		"a name":               {"env:\n  B: '${secret:a b}'\n", config.CodeReference, "invalid name", 2, 6},
		"in a block":           {"tasks:\n  a:\n    command: |\n      x\n      y ${x}\n", config.CodeReference, "a reference is", 5, 0},
		"in a target":          {"targets:\n  a: [{b: '${x}'}]\n", config.CodeReference, "a reference is", 2, 11},
		"in a profile":         {"profiles:\n  p:\n    env: {A: '${x}'}\n", config.CodeReference, "a reference is", 3, 14},
		"a profile's task":     {"profiles:\n  p:\n    tasks: {}\n", config.CodeUnknownKey, `unknown key "tasks"`, 3, 5},
		"a step":               {"tasks:\n  a:\n    steps:\n      - name: x\n", config.CodeInvalid, "a step has a command", 4, 9},
		"a step's key":         {"tasks:\n  a:\n    steps:\n      - {command: x, shell: bash}\n", config.CodeUnknownKey, `unknown key "shell"`, 4, 22},
		"both":                 {"tasks:\n  a: {command: x, steps: [y]}\n", config.CodeInvalid, "both a command and steps", 2, 3},
		"no command":           {"tasks:\n  a: {description: x}\n", config.CodeInvalid, "neither a command nor steps", 2, 3},
		"an empty command":     {"tasks:\n  a: ''\n", config.CodeInvalid, "a command is not empty", 2, 6},
		"a task's name":        {"tasks:\n  'a b': x\n", config.CodeInvalid, "cannot be the name of a task", 2, 10},
		"a parameter twice":    {"tasks:\n  a: {params: [x, x], command: y}\n", config.CodeInvalid, "the parameter x is there twice", 2, 19},
		"env files":            {"env_files: .env\n", config.CodeInvalid, "env_files is a list of files", 1, 12},
		"a list":               {"- a\n", config.CodeSyntax, "expected keys with values", 1, 1},
		"not YAML":             {"vars: {}\nenv: [\n", config.CodeSyntax, "not valid YAML", 3, 0},
		"an alias":             {"vars: &a {}\nenv: *a\n", config.CodeInvalid, "anchors and aliases are not supported", 1, 7},
		"twice":                {"vars: {}\nvars: {}\n", config.CodeInvalid, `"vars" is there twice`, 2, 1},
		"huge":                 {"#" + strings.Repeat("x", 1<<20), config.CodeSyntax, "larger than 1 MiB", 0, 0},
		"deep":                 {"vars: " + strings.Repeat("{a: ", 100) + strings.Repeat("}", 100), config.CodeSyntax, "not valid YAML", 1, 0},
	} {
		p := newPlace(t)
		f, err := config.Open(p.file("tacit.yaml", c.text))
		if err != nil {
			t.Fatal(err)
		}
		got := f.Problems()
		if len(got) != 1 || got[0].Code != c.code || !strings.Contains(got[0].Text, c.want) || got[0].Place.Line != c.line || c.column > 0 && got[0].Place.Column != c.column {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAllProblemsAreFound(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f, err := config.Open(p.file("tacit.yaml", "a: 1\nsecrets: {b: 2, overlap: soon}\nenv: {C: [], D: '${d}'}\ntasks: {e: {f: 1}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, problem := range f.Problems() {
		lines = append(lines, problem.Place.Line)
	}
	if !reflect.DeepEqual(lines, []int{1, 2, 2, 3, 3, 4, 4}) {
		t.Errorf("%v", f.Problems())
	}
}

func TestSettingsAreExpanded(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env["HOST"], p.env["ODD"] = "h.example", "${secret:prod/db}"
	p.trusted(`vars: {path: kv, deep: "${vars.path}/${env.HOST}"}
secrets:
  providers:
    vault:
      address: "https://${env.HOST}:${env.PORT:-8200}"
      path: "${vars.deep}"
      token: "a${secret:VAULT_TOKEN}"
      odd: "${env.ODD}"
      auth: {role: ["${vars.path}"]}
`)
	s := p.mustLoad().Providers[0].Settings
	for key, want := range map[string]string{
		"address": "https://h.example:8200", "path": "kv/h.example", "token": "a${secret:VAULT_TOKEN}",
		"odd": `\${secret:prod/db}`, // I21: text, for whoever expands the rest
	} {
		if got := s.Text(key, ""); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got := s.Sub("auth").Texts("role"); len(got) != 1 || got[0] != "kv" {
		t.Error(got)
	}
	p.trusted("vars: {a: '${vars.a}'}\nsecrets:\n  providers:\n    x:\n      y: ${vars.a}\n")
	if _, err := p.load(); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "tacit.yaml:5: vars.a stands for itself") {
		t.Error(err)
	}
	p.trusted("secrets:\n  providers:\n    x: {y: '${env.NONE}'}\n")
	if _, err := p.load(); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "tacit.yaml:3: env.NONE is not set") {
		t.Error(err)
	}
}

// TestI12NoSecretInTheCommandOfAProvider: not as it is written, not as a default, nor behind variables.
func TestI12NoSecretInTheCommandOfAProvider(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{"${secret:db}", "--key=${secret:db}", "tacit://db", "${env.NONE:-${secret:db}}", "${vars.a}", "${vars.b.c}", "${env.NONE:-${vars.a}}"} {
		for _, command := range []string{"[x, '" + argument + "']", "'" + argument + "'", "{x: ['" + argument + "']}"} {
			text := "vars: {a: 'x ${secret:db}', b: {c: '${vars.a}'}}\nsecrets:\n  providers:\n    x: {command: " + command + ", type: exec}\n"
			p := newPlace(t)
			p.trusted(text)
			if _, err := p.load(); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "tacit.yaml:4: the command of a provider holds no secret") {
				t.Errorf("%s: %v", command, err)
			}
			if _, err := config.ParseUser([]byte(text), nil); err == nil && !strings.Contains(argument, "vars") {
				t.Errorf("%s in the user's file is not refused", command)
			}
		}
	}
	p := newPlace(t)
	p.env["ODD"] = "${secret:db}" // a text
	p.trusted("secrets:\n  providers:\n    x: {command: ['${env.ODD}', '\\${secret:db}'], token: '${secret:db}'}\n")
	p.mustLoad()
}

func TestTasks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.trusted(`tasks:
  build: make all
  ship:
    description: Ship it
    params: [to, {name: dry-run, default: "no", description: only say}]
    env: {A: "1"}
    command: ship ${params.to}
    stdin: "${secret:key}"
  all:
    steps:
      - make
      - name: second
        command: |
          a
          b ${vars.none}
`)
	c := p.mustLoad()
	build, ship, all := c.Tasks[0], c.Tasks[1], c.Tasks[2]
	if len(build.Steps) != 1 || expand(t, c, build.Steps[0].Command) != "make all" {
		t.Errorf("%+v", build)
	}
	if ship.Description != "Ship it" || len(ship.Params) != 2 || ship.Params[0].HasDefault || !ship.Params[1].HasDefault || len(ship.Env) != 1 || !ship.Steps[0].HasStdin {
		t.Errorf("%+v", ship)
	}
	if got, err := ship.Steps[0].Command.Expand(nil, c.Lookup("", map[string]string{"to": "${vars.x}"})); err != nil || string(got) != "ship ${vars.x}" {
		t.Errorf("%s, %v", got, err)
	}
	if len(all.Steps) != 2 || all.Steps[1].Name != "second" {
		t.Errorf("%+v", all)
	}
	_, err := all.Steps[1].Command.Expand(nil, c.Lookup("", nil))
	if err = config.At(all.Steps[1].Place, err); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "tacit.yaml:15: vars.none is not set") {
		t.Error(err)
	}
}

// TestI08LittleThatBecomesMuch: a file that cannot be trusted yet is shown and checked in little time and memory.
func TestI08LittleThatBecomesMuch(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("vars:\n  a0: " + strings.Repeat("x", 300) + "\n")
	for i := range 6 {
		fmt.Fprintf(&b, "  a%d: '%s'\n", i+1, strings.Repeat(fmt.Sprintf("${vars.a%d}", i), 8))
	}
	b.WriteString("env:\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "  E%d: '${vars.a%d}'\n", i, i%7)
	}
	b.WriteString("profiles:\n")
	for i := range 64 {
		fmt.Fprintf(&b, "  p%d: {vars: {b: 1}}\n", i)
	}
	f := config.Parse("/x/tacit.yaml", []byte(b.String()))
	start := time.Now()
	if problems := f.Problems(); len(problems) > 0 {
		t.Fatal(problems[0])
	}
	total := 0
	for _, w := range f.Wants() {
		total += len(w.Text)
	}
	problems, _, err := f.Check(config.Options{}, nil)
	if err != nil || len(problems) == 0 || !strings.Contains(problems[len(problems)-1].Text, "too much text") {
		t.Errorf("%d problems, %v", len(problems), err)
	}
	if total > 256<<20 || time.Since(start) > time.Minute {
		t.Errorf("%d bytes in %v", total, time.Since(start))
	}
}

func FuzzProject(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("env_files: [a]\nvars:\n  a: [{b: '${vars.a.0.b}'}]\nprofiles: {p: {vars: {a: 1}}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := config.Parse("/nowhere/tacit.yaml", text)
		problems := file.Problems()
		for _, p := range problems {
			if p.Text == "" || p.Code == "" || p.Place.File != file.Path && p.Place.File != "" {
				t.Errorf("%+v", p)
			}
		}
		for _, w := range file.Wants() {
			if w.Kind == "" {
				t.Errorf("%+v", w)
			}
		}
		file.DeclaresSecrets()
	})
}
