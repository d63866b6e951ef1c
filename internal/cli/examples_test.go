package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tacit/internal/cli"
)

// prepare is what the examples find: a vault with a few secrets, and the files and programs that they name.
const prepare = `
set -eu
tacit init -q
printf hunter2-hunter2 | tacit set -q db.password
printf hunter3-hunter3 | tacit set -q db.password
printf sk-example-0123456789 | tacit set -q OPENAI_API_KEY --readable
tacit generate -q db/main/user
tacit slot add -q key-file second.txt
printf -- '-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n' >key.pem
printf 'SERVICE_URL=https://example.com\nSERVICE_TOKEN=ijklmnop\n' >.env
printf '{"ci/one":"value-of-one"}' >secrets.json
printf 'forbid (principal, action, resource is Secret) when { resource.tags.contains("prod") };\n' >policies.cedar
printf -- '- {principal: agent/claude, action: read, object: db.password, expect: deny}\n' >cases.yaml
printf 'service: acme\ntitle: Acme\nhosts: [api.acme.example]\nsecrets: {ACME_API_KEY: secret}\nauth: {header: {name: authorization, value: "Bearer {{secret}}"}}\n' >acme.yaml
printf 'capabilities: [{id: acme/things, methods: [GET], paths: [/v1/things], risk: read}]\n' >>acme.yaml
printf ghp-example-0123456789 | tacit set -q GITHUB_TOKEN
printf '{"model":"gpt-4o-mini","messages":[]}' >question.json
printf 'vars: {region: eu-1}\nenv: {PGPASSWORD: "${secret:db.password}"}\n' >tacit.yaml
tacit config trust -q --force 2>/dev/null
mkdir -p .xec
printf 'vars: {region: eu}\ntasks: {deploy: "./deploy.sh ${region} ${secrets.deploy.key}"}\n' >.xec/config.yaml
printf 'await secrets.get("db.password")\n' >report.mjs
mkdir -p backups bin
printf '#!/bin/sh\ncat >/dev/null\n' >bin/xclip
printf '#!/bin/sh\necho Aing5aiBe2ohth4o\n' >bin/pwgen
chmod +x bin/*
`

// invoking are the commands that ask a service of the internet.
const invoking = "tacit invoke, tacit json, tacit markdown"

// TestExamples runs every example of the help, each command in a home of its own, as somebody would who copies it.
func TestExamples(t *testing.T) {
	t.Parallel()
	for path, example := range cli.CommandExamples() {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if example == "" {
				t.Fatalf("%s has no example", path)
			}
			home := t.TempDir()
			env := append(os.Environ(), "HOME="+home, "GORACE="+goRace, "TACIT_DIR="+filepath.Join(home, "tacit"), "XDG_RUNTIME_DIR="+home, "TMPDIR="+home, "EDITOR=true",
				"DISPLAY=:0", "PATH="+filepath.Join(home, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
			sh := func(script string) {
				t.Helper()
				cmd := exec.Command("sh", "-c", script)
				cmd.Dir, cmd.Env = home, env
				cmd.Stdin = strings.NewReader("a value from standard input\n")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s\n%v\n%s", script, err, out)
				}
			}
			if path == "tacit init" {
				sh(example)
				return
			}
			sh(prepare)
			t.Cleanup(func() { sh("tacit agent stop") })
			for line := range strings.Lines(example) {
				if strings.HasPrefix(line, "tacit oauth login") {
					line = "timeout -s INT 1 " + strings.TrimSpace(line) + " || test $? = 124" // nobody is at the browser
				}
				if strings.Contains(invoking, path) {
					line = strings.TrimSpace(line) + " || { e=$?; test $e = 5 || test $e = 7; }" // the service refuses the key, or cannot be reached
				}
				sh(line)
			}
			if path == "tacit agent run" {
				sh(`until tacit agent status | grep -q running,; do :; done`)
			}
		})
	}
}
