//go:build unix

package docs_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// A ci is a job on one of the systems of the page about CI: a home, a checkout, and what the system gives to a job.
type ci struct {
	t       *testing.T
	home    string // of the job
	project string // the checkout
	env     map[string]string
	secrets map[string]string
	log     strings.Builder // as the system shows it
	hidden  []string        // what it was told to hide
}

// named returns the fenced block of a page that is the named file.
func named(t *testing.T, page, file string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n# "+file+"\n")
	text, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("the page has no %s", file)
	}
	return text
}

// newCI makes a job whose repository is as the page says.
func newCI(t *testing.T) *ci {
	t.Helper()
	root, err := os.MkdirTemp("", "ci") // a short name, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	desk := filepath.Join(root, "desk")
	c := &ci{t: t, home: filepath.Join(root, "home"), project: filepath.Join(root, "home", "project")}
	for _, dir := range []string{desk, c.project} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	install(t, build(t), desk)
	page := read(t, "ci.md")
	if out, err := follow(desk, false, blocks(page)[0].script); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{
		"secrets.age": read(t, filepath.Join(desk, "secrets.age")), "tacit.yaml": named(t, page, "tacit.yaml"),
		"test.sh":    "#!/bin/sh\ntest -n \"$API_KEY\" && echo \"a mistake: $API_KEY\"\n",
		"version.sh": "#!/bin/sh\necho 1.2.3\n",
	} {
		if err := os.WriteFile(filepath.Join(c.project, name), []byte(text), 0o755); err != nil { //nolint:gosec // scripts
			t.Fatal(err)
		}
	}
	c.secrets = map[string]string{"the identity": read(t, filepath.Join(desk, "identity")), "ci/api-key": "the key of an api", "ci/signing-key": "several lines of a key"}
	c.env = map[string]string{"CI": "true", "HOME": c.home, "PATH": filepath.Join(desk, ".local", "bin") + ":" + os.Getenv("PATH"), "LANG": "C.UTF-8", "TMPDIR": c.home}
	return c
}

// run runs a script of a job, in the shell of the system, with more variables.
func (c *ci) run(shell []string, script string, more map[string]string) {
	c.t.Helper()
	cmd := exec.Command(shell[0], append(shell[1:], script)...)
	cmd.Dir = c.project
	for _, from := range []map[string]string{c.env, more} {
		for name, value := range from {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	c.show(string(out))
}

// show adds output to the log: the runner takes commands out of it, and hides what it was told to hide.
func (c *ci) show(out string) {
	for line := range strings.Lines(out) {
		if value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "::add-mask::"); ok {
			c.hidden = append(c.hidden, strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(value))
			continue
		}
		for _, value := range c.hidden {
			line = strings.ReplaceAll(line, value, "***")
		}
		c.log.WriteString(line)
	}
}

// check looks for the secrets in the log and in all files of the job but those that are said to hold them.
func (c *ci) check(mistakes int, except ...string) {
	c.t.Helper()
	log := c.log.String()
	for name, value := range c.secrets {
		for _, form := range canaries(value) {
			if strings.Contains(log, form) {
				c.t.Errorf("the log shows %s:\n%s", name, log)
			}
		}
	}
	if got := strings.Count(log, "a mistake: ***"); got != mistakes {
		c.t.Errorf("%d steps had the key, want %d:\n%s", got, mistakes, log)
	}
	for _, file := range except {
		if err := os.Remove(file); err != nil {
			c.t.Error(err)
		}
	}
	scan(c.t, c.home, c.secrets)
}

// file makes an empty file that the system gives to a job.
func (c *ci) file(name string) string {
	c.t.Helper()
	path := filepath.Join(c.home, name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

var expression = regexp.MustCompile(`\$\{\{ *secrets\.TACIT_IDENTITY *\}\}`)

// GitHub runs each step with `bash -e FILE`, and reads the variables for the next ones from a file.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func TestCIGitHub(t *testing.T) {
	t.Parallel()
	c := newCI(t)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses, Run string
				Env       map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(named(t, read(t, "ci.md"), ".github/workflows/test.yaml")), &workflow); err != nil {
		t.Fatal(err)
	}
	variables, output := c.file("env"), c.file("output")
	maps.Copy(c.env, map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": c.project, "GITHUB_ENV": variables, "GITHUB_OUTPUT": output, "GITHUB_PATH": c.file("path"),
		"GITHUB_STEP_SUMMARY": c.file("summary"), "RUNNER_TEMP": c.home, "RUNNER_OS": "Linux",
	})
	steps := 0
	for _, step := range workflow.Jobs["test"].Steps {
		if step.Run == "" {
			continue
		}
		steps++
		more := map[string]string{}
		for name, value := range step.Env {
			more[name] = expression.ReplaceAllLiteralString(value, c.secrets["the identity"])
		}
		script := filepath.Join(c.home, "step.sh")
		if err := os.WriteFile(script, []byte(step.Run), 0o600); err != nil {
			t.Fatal(err)
		}
		c.run([]string{"bash", "-e"}, script, more)
		maps.Copy(c.env, githubVariables(t, read(t, variables)))
	}
	if steps < 6 || c.env["API_KEY"] != c.secrets["ci/api-key"] || read(t, output) != "version=1.2.3\n" {
		t.Errorf("%d steps, the output is %q", steps, read(t, output))
	}
	if !slices.Contains(c.hidden, c.secrets["ci/api-key"]) {
		t.Error("the runner was not told to hide the key")
	}
	c.check(2, variables)
}

// githubVariables reads the file of $GITHUB_ENV: NAME=VALUE, or NAME<<DELIMITER, lines and the delimiter.
func githubVariables(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines) && lines[i] != ""; i++ {
		if name, delimiter, ok := strings.Cut(lines[i], "<<"); ok {
			end := slices.Index(lines[i:], delimiter)
			if end < 0 {
				t.Fatalf("the value of %s has no end", name)
			}
			all[name] = strings.Join(lines[i+1:i+end], "\n")
			i += end
			continue
		}
		name, value, _ := strings.Cut(lines[i], "=")
		all[name] = value
	}
	return all
}

// GitLab runs before_script and script as one script, and gives the variables of a dotenv report to the jobs that need it.
// https://docs.gitlab.com/ci/yaml/
func TestCIGitLab(t *testing.T) {
	t.Parallel()
	c := newCI(t)
	type job struct {
		Before    []string `yaml:"before_script"`
		Script    []string
		Artifacts struct{ Reports struct{ Dotenv string } }
	}
	var pipeline struct {
		Variables    map[string]string
		Test, Deploy job
	}
	if err := yaml.Unmarshal([]byte(named(t, read(t, "ci.md"), ".gitlab-ci.yml")), &pipeline); err != nil {
		t.Fatal(err)
	}
	maps.Copy(c.env, map[string]string{"GITLAB_CI": "true", "CI_PROJECT_DIR": c.project, "CI_JOB_ID": "1", "TACIT_IDENTITY": c.secrets["the identity"]})
	for name, value := range pipeline.Variables {
		c.env[name] = os.Expand(value, func(v string) string { return c.env[v] })
	}
	shell := []string{"bash", "-eo", "pipefail", "-c"}
	c.run(shell, strings.Join(slices.Concat(pipeline.Test.Before, pipeline.Test.Script), "\n"), nil)
	report := map[string]string{}
	for line := range strings.Lines(read(t, filepath.Join(c.project, pipeline.Test.Artifacts.Reports.Dotenv))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		report[name] = value
	}
	c.run(shell, strings.Join(pipeline.Deploy.Script, "\n"), report)
	c.check(1)
}

// CircleCI runs each step with `bash -eo pipefail -c`, which reads $BASH_ENV first.
// https://circleci.com/docs/configuration-reference/#run
func TestCICircle(t *testing.T) {
	t.Parallel()
	c := newCI(t)
	var config struct {
		Jobs map[string]struct{ Steps []any }
	}
	text := strings.ReplaceAll(named(t, read(t, "ci.md"), ".circleci/config.yml"), "/tmp/", c.home+"/")
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	maps.Copy(c.env, map[string]string{"CIRCLECI": "true", "BASH_ENV": c.file(".bash_env"), "CIRCLE_WORKING_DIRECTORY": c.project, "TACIT_IDENTITY": c.secrets["the identity"]})
	steps := 0
	for _, step := range config.Jobs["test"].Steps {
		of, ok := step.(map[string]any)
		if !ok {
			continue // checkout
		}
		command, ok := of["run"].(string)
		if !ok {
			command, _ = of["run"].(map[string]any)["command"].(string)
		}
		steps++
		c.run([]string{"/bin/bash", "-eo", "pipefail", "-c"}, command, nil)
	}
	if steps != 3 {
		t.Errorf("%d steps", steps)
	}
	// What `eval` gave to a step is hidden by nobody: the page says so. The first of the two is hidden by tacit.
	if got := strings.Count(c.log.String(), "a mistake: the key of an api"); got != 1 {
		t.Errorf("%d mistakes are shown", got)
	}
	shown := strings.ReplaceAll(c.log.String(), "a mistake: the key of an api", "a mistake")
	c.log.Reset()
	c.log.WriteString(shown)
	c.check(1)
}
