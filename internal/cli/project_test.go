package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile is the project file of a repository that somebody cloned: everything in it leaves a mark when it is used.
const hostile = `secrets:
  default_provider: theirs
  providers:
    theirs: {type: exec, priority: 1000, command: [sh, -c, "echo provider >>MARK"]}
    files: {type: file, priority: 900, directory: DIR/values}
env: {LD_PRELOAD: DIR/evil.so, STOLEN: "${secret:db.password}"}
env_files: [evil.env]
vars: {a: b}
tasks:
  build: echo task >>MARK
`

// TestI20AClonedRepository: no command that there is reaches a provider, runs a command or takes a variable of a file that is not trusted.
func TestI20AClonedRepository(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"a secrets table": hostile,
		"none":            hostile[strings.Index(hostile, "env:"):],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			dir := filepath.Join(home, "clone")
			mark := filepath.Join(home, "mark")
			write := func(path, text string) {
				t.Helper()
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			write(filepath.Join(dir, "tacit.yaml"), strings.NewReplacer("MARK", mark, "DIR", dir).Replace(file))
			write(filepath.Join(dir, "evil.env"), "FROM_ENV_FILE=evil\n")
			write(filepath.Join(dir, "values", "db.password"), "planted")
			write(filepath.Join(dir, "template.txt"), "${secret:db.password}")
			run := func(args ...string) string {
				cmd := exec.Command("tacit", args...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+home, "TACIT_DIR="+filepath.Join(home, "tacit"), "GORACE="+goRace, "EDITOR=true")
				cmd.Stdin = strings.NewReader("")
				out, _ := cmd.CombinedOutput()
				return string(out)
			}
			run("init", "-q", "--no-project")
			run("set", "-q", "--no-project", "db.password", "hunter2")
			for _, line := range []string{
				"get db.password", "get theirs:db.password", "get db.password --provider theirs", "get files:db.password", "show db.password", "list", "list --provider files", "history db.password",
				"set other value", "rotate db.password value2", "generate third", "rm other --force", "due", "diff db.password@1 db.password@2", "explain db.password", "explain theirs:db.password",
				"provider list", "provider health", "health", "provider test theirs --force", "provider copy files local", "doctor", "status", "whoami", "audit",
				"run -- env", "run -e A=db.password -- env", "run --all -- env", "run -- sh -c 'echo ran'", "env", "env --format json", "task", "task build", "task build --dry-run", "render template.txt",
				"config show", "config get env", "config get env.STOLEN --reveal", "config check", "config trust", "config untrust", "export --format json", "backup " + home + "/backups",
				"__complete get ", "__complete task ", "__complete config get ", "__complete get --provider ", "import template.txt --dry-run", "edit db.password",
			} {
				out := run(strings.Fields(line)...)
				for _, planted := range []string{"planted", "FROM_ENV_FILE=evil", "STOLEN=", "LD_PRELOAD="} {
					if strings.Contains(out, planted) && line != "config trust" { // which shows what the file wants
						t.Errorf("tacit %s: %s", line, out)
					}
				}
				if marks, err := os.ReadFile(mark); !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("tacit %s used the file: %s, %v", line, marks, err)
				}
			}
			// The test can tell: once it is trusted, all of that happens.
			if out := run("config", "trust", "--force"); !strings.Contains(out, "is trusted") {
				t.Fatal(out)
			}
			run("task", "build")
			if marks, err := os.ReadFile(mark); err != nil {
				t.Errorf("trusted, and nothing happens: %q, %v", marks, err)
			}
		})
	}
}
