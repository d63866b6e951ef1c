//go:build unix

package handoff

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
)

func commandOf(source string) (string, error) {
	t, err := interpolate.Parse(source)
	if err != nil {
		return "", err
	}
	pieces := Pieces("", t)
	var names []string
	for _, p := range pieces {
		if p.Of != "" {
			names = append(names, "TACIT_1")
		}
	}
	return Command("tacit.yaml", pieces, names)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"./deploy.sh --region ${vars.region}": `./deploy.sh --region "${TACIT_1}"`,
		"a 'x ${vars.r} y'":                   `a 'x '"${TACIT_1}"' y'`,
		`a "x ${vars.r}"`:                     `a "x ""${TACIT_1}"""`,
		"cat <<E\n${secret:x} $HOME\nE\n":     "cat <<E\n${TACIT_1} $HOME\nE\n",
		"a # ${secret:x}":                     "a # ${secret:x}",
		"plain \\${HOME}":                     "plain ${HOME}",
	} {
		if got, err := commandOf(source); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", source, got, err, want)
		}
	}
	for _, source := range []string{"eval ${secret:x}", "sh -c 'x ${secret:x}'", "echo `${secret:x}`", "echo $((${secret:x}))", "cat <<'E'\n${secret:x}\nE\n", "a\n\"${secret:x}"} {
		if got, err := commandOf(source); !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "tacit.yaml:") {
			t.Errorf("%q: %q, %v", source, got, err)
		}
	}
}

// TestI21CommandsHaveVariables: a shell sees the value as it is wherever a command has it, and its text is in no command.
func TestI21CommandsHaveVariables(t *testing.T) {
	t.Parallel()
	command, err := commandOf(script + "cat <<E\n${env.X}\nE\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			check := func(t interface{ Fatalf(string, ...any) }, v string) {
				cmd := exec.Command(shell, "-c", command)
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nowhere", "LC_ALL=C", "TACIT_1=" + v}
				out, err := cmd.CombinedOutput()
				if err != nil || string(out) != wantOfScript(v)+v+"\n" {
					t.Fatalf("%q: %v, %q", clip(v), err, clip(string(out)))
				}
			}
			for _, v := range hostile {
				check(t, v)
			}
			rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
		})
	}
}

// TestI12ArgumentsThatShowASecret knows where a shell hands a variable to a program.
func TestI12ArgumentsThatShowASecret(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		`curl -H "X: $KEY" https://h`:                     "1 curl",
		"true\n/usr/bin/curl -u \"u:${KEY}\" h":           "2 curl",
		`x=$KEY; curl "$x"`:                               "1 curl",
		`export x="a $KEY"; if true; then curl "$x"; fi`:  "1 curl",
		`for k in $KEY; do curl $k; done`:                 "1 curl",
		`curl -d "$(printf %s "$KEY")" h`:                 "1 curl",
		`echo "$(curl -d "$KEY")"`:                        "1 curl",
		`env A=$KEY cmd`:                                  "1 env",
		`sudo -u x cmd $KEY`:                              "1 sudo",
		`sh -c 'curl "$KEY"'`:                             "1 sh",
		"$KEY":                                            "1 $KEY",
		"cmd ${KEY#prefix}":                               "1 cmd",
		"a | b $KEY && c":                                 "1 b",
		"a > $KEY b $KEY":                                 "1 a",
		"echo `curl 'x' $KEY`":                            "1 ",
		`printf %s "$KEY" | curl -d @- h`:                 "",
		`KEY2=$KEY cmd`:                                   "",
		"curl --config - <<E\nheader = \"X: $KEY\"\nE\n":  "",
		`cmd <<< "$KEY"`:                                  "",
		`test -n "$KEY" && [ "$KEY" = x ] || echo "$KEY"`: "",
		`[[ -n $KEY ]] && cmd $OTHER "$KEYS"`:             "",
		`awk '{print $KEY}'`:                              "",
		`echo $KEY > file; cmd >>log 2>&1`:                "",
		`case $KEY in x) cmd ;; esac`:                     "",
		`cmd # $KEY`:                                      "",
	} {
		got := ""
		for _, f := range Arguments(command, map[string]string{"KEY": "api.key"}) {
			got += fmt.Sprintf("%d %s", f.Line, f.Program)
			if f.Of != "api.key" {
				t.Errorf("%q: of %q", command, f.Of)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
}
