//go:build unix

package execs

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

// example is the program that the documentation shows.
const example = "../../../contrib/exec-provider/store.py"

// fake runs the example in the directory of its first argument, unless the file mode there says how to misbehave.
const fake = `
case "$(cat "$1/mode" 2>/dev/null)" in
denied)    echo '{"version":1,"error":{"code":"denied","message":"the token may not do this"}}' ;;
expired)   echo '{"version":1,"error":{"code":"denied","message":"log in again"}}' ;;
throttled) echo '{"version":1,"error":{"code":"limited","message":"slow down","retry_after":7}}' ;;
failing)   echo '{"version":1,"secrets":[{"name":"db-password","value":"` + providertest.Canary + `"}]}'; printf '\033[31mit broke at ` + providertest.Canary + `\a\n' >&2; exit 3 ;;
down)      kill -9 $$ ;;
slow)      sleep 600 ;;
garbage)   printf '\000\033[31m{]` + providertest.Canary + `\377' ;;
truncated) printf '{"version":1,"secrets":[{"name":"db-password","value":"true ` + providertest.Canary + `"' ;;
huge)      exec yes '{"version":1,"secrets":[' ;;
"wrong name") echo '{"version":1,"secrets":[{"name":"other","value":"` + providertest.Lie + `"}]}' ;;
"proxy page") echo '` + providertest.Page + `' ;;
*)         exec "$2" -IS ` + example + ` "$1/db" ;;
esac
`

// world hands its environment out as the program does.
func world(env ...string) provider.World {
	env = append(env, "PATH="+os.Getenv("PATH"))
	return provider.World{
		Debug:            func(string, ...any) {},
		ChildEnvironment: func(context.Context) ([]string, error) { return handoff.Strip(env, "MY_SLOT"), nil },
	}
}

func made(t *testing.T, w provider.World, script string, args ...string) provider.Provider {
	t.Helper()
	table := providertest.Table("command", append([]string{"sh", "-c", script, "fake"}, args...), "read_only", "false")
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: table}, w)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSuite(t *testing.T) {
	t.Parallel()
	python, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output() // what a version manager would look up each time
	if err != nil {
		t.Fatal(err)
	}
	providertest.Run(t, providertest.Store{New: func(t *testing.T, w provider.World) providertest.Subject {
		dir := t.TempDir()
		w.ChildEnvironment = world().ChildEnvironment
		return providertest.Subject{
			Provider: made(t, w, fake, dir, strings.TrimSpace(string(python))),
			Break: func(f providertest.Fault) {
				if err := os.WriteFile(filepath.Join(dir, "mode"), []byte(f), 0o600); err != nil {
					t.Error(err)
				}
			},
			Foreign: func() {
				db := filepath.Join(dir, "db")
				b, err := os.ReadFile(db)
				if err == nil {
					err = os.WriteFile(db, append([]byte(`{"no name of ours":{"value":"x"},`), b[1:]...), 0o600)
				}
				if err != nil {
					t.Error(err)
				}
			},
		}
	}})
}

func TestReadOnlyUnlessAllowed(t *testing.T) {
	t.Parallel()
	p, err := Make(provider.Spec{Name: "x", Settings: providertest.Table("command", []string{"false"})}, world())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(t.Context(), "a", secret.New([]byte("v"))); !errors.Is(err, fault.Usage) || p.Traits().Writable {
		t.Errorf("Write: %v", err)
	}
	if _, err := p.Delete(t.Context(), "a"); !errors.Is(err, fault.Usage) {
		t.Errorf("Delete: %v", err)
	}
}

// I12: no value and no key is in the program's arguments or environment, whatever it is asked.
func TestI12TheProgramSeesNoKeyAndNoArgument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := made(t, world("TACIT_PASSPHRASE="+providertest.Canary, "TACIT_IDENTITY="+providertest.Canary, "TACIT_TOKEN="+providertest.Canary, "MY_SLOT="+providertest.Canary, "KEPT=yes"),
		`for f in cmdline environ; do tr '\0' '\n' < /proc/$$/$f > "$1/$f"; done; cat > "$1/stdin"; echo '{"version":1,"secrets":[{"name":"db"}]}'`, dir)
	if _, err := p.Write(t.Context(), "db", secret.New([]byte(providertest.Canary))); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{"cmdline": false, "environ": false, "stdin": true} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || strings.Contains(string(b), providertest.Canary) != want {
			t.Errorf("%s: %v\n%s", file, err, b)
		}
		if file == "environ" && !strings.Contains(string(b), "KEPT=yes") {
			t.Errorf("the environment is lost: %s", b)
		}
	}
}

// I14: what the program complains with is shown, without the value that it was given.
func TestI14ComplaintsAreMasked(t *testing.T) {
	t.Parallel()
	p := made(t, world(), `v=$(sed 's/.*"value":"\([^"]*\)".*/\1/'); echo "cannot store $v, $(printf %s "$v" | base64) in row 7" >&2; exit 1`)
	_, err := p.Write(t.Context(), "db", secret.New([]byte(providertest.Canary)))
	if err == nil || strings.Contains(err.Error(), providertest.Canary) || !strings.Contains(err.Error(), "cannot store ***, *** in row 7") {
		t.Error(err)
	}
}

// I19: only a program that ends well, speaks the protocol and names the secret can say that there is none.
func TestI19OnlyTheProtocolSaysNotFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		want         fault.Code
	}{
		{"said", `echo '{"version":1,"secrets":[{"name":"db","error":{"code":"not_found"}}]}'`, fault.NotFound},
		{"said, and ended badly", `echo '{"version":1,"secrets":[{"name":"db","error":{"code":"not_found"}}]}'; exit 1`, fault.Unavailable},
		{"said of all", `echo '{"version":1,"error":{"code":"not_found"}}'`, fault.Unavailable},
		{"said of another", `echo '{"version":1,"secrets":[{"name":"dc","error":{"code":"not_found"}}]}'`, fault.Unavailable},
		{"nothing", ``, fault.Unavailable},
		{"null", `echo null`, fault.Unavailable},
		{"an empty object", `echo '{}'`, fault.Unavailable},
		{"no secrets", `echo '{"version":1}'`, fault.Unavailable},
		{"no value", `echo '{"version":1,"secrets":[{"name":"db"}]}'`, fault.Unavailable},
		{"two values", `echo '{"version":1,"secrets":[{"name":"db","value":"x","value_base64":"eA=="}]}'`, fault.Unavailable},
		{"an empty value", `echo '{"version":1,"secrets":[{"name":"db","value":""}]}'`, fault.Invalid},
		{"an unknown key", `echo '{"version":1,"secrets":[{"name":"db","valeu":"x"}]}'`, fault.Unavailable},
		{"another protocol", `echo '{"version":2,"secrets":[{"name":"db","value":"x"}]}'`, fault.Unavailable},
		{"two objects", `echo '{"version":1,"secrets":[{"name":"db","value":"x"}]} {}'`, fault.Unavailable},
		{"half a surrogate", `echo '{"version":1,"secrets":[{"name":"db","value":"\ud83d"}]}'`, fault.Unavailable},
		{"bad base64", `echo '{"version":1,"secrets":[{"name":"db","value_base64":"?"}]}'`, fault.Unavailable},
		{"an unknown code", `echo '{"version":1,"secrets":[{"name":"db","error":{"code":"gone"}}]}'`, fault.Unavailable},
		{"expired", `echo '{"version":1,"secrets":[{"name":"db","error":{"code":"expired","message":"since May"}}]}'`, fault.Expired},
		{"unsupported", `echo '{"version":1,"error":{"code":"unsupported"}}'`, fault.Usage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := made(t, world(), test.script).Read(t.Context(), "db", "")
			if fault.CodeOf(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAnswersBelongToWhatWasAsked(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"swapped":         `echo '{"version":1,"secrets":[{"name":"b","value":"of b"},{"name":"a","value":"of a"}]}'`,
		"one":             `echo '{"version":1,"secrets":[{"name":"a","value":"of a"}]}'`,
		"three":           `echo '{"version":1,"secrets":[{"name":"a","value":"x"},{"name":"b","value":"x"},{"name":"b","value":"y"}]}'`,
		"another version": `echo '{"version":1,"secrets":[{"name":"a","value":"x"},{"name":"b","value":"x","version":"2"}]}'`,
	} {
		b := made(t, world(), script).(provider.Batch)
		for _, a := range b.ReadMany(t.Context(), []provider.Asked{{Name: "a"}, {Name: "b", Version: "3"}}) {
			if !errors.Is(a.Err, fault.Unavailable) || a.Item.Value.Len() > 0 {
				t.Errorf("%s: %v", name, a.Err)
			}
		}
	}
}

// The program runs where the configuration is, so that it may name files.
func TestRunsWhereItIsConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	answer := []byte(`{"version":1,"secrets":[{"name":"db","value":"beside the file"}]}`)
	if err := os.WriteFile(filepath.Join(dir, "answer.json"), answer, 0o600); err != nil {
		t.Fatal(err)
	}
	table := providertest.Table("command", []string{"cat", "answer.json"})
	table.Place.File = filepath.Join(dir, "tacit.yaml")
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: table}, world())
	if err != nil {
		t.Fatal(err)
	}
	if it, err := p.Read(t.Context(), "db", ""); err != nil || string(it.Value.Reveal()) != "beside the file" {
		t.Errorf("got %q, %v", it.Value.Reveal(), err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for want, pairs := range map[string][]any{
		"tacit.yaml:1: command is a list": nil,
		"tacit.yaml:2: command is a list": {"command", "my-store"},
		"tacit.yaml:2: unknown key":       {"command", []string{"x"}, "comand", "x"},
	} {
		_, err := Make(provider.Spec{Name: "exec", Settings: providertest.Table(pairs...)}, provider.World{})
		if !errors.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", pairs, err, want)
		}
	}
}

// What any program could answer is an answer that is kept apart from others, or an error: never a panic, and never a value that the
// JSON does not hold.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"version":1}`, `{"version":1,"error":{"code":"limited","message":"x","retry_after":7}}`, `{"version":1,"deleted":2}`, "null", "[]", "",
		`{"version":1,"secrets":[{"name":"a","version":"3","value":"v","tags":["x"],"created_at":"2026-01-02T03:04:05Z","expires_at":null}]}`,
		`{"version":1,"secrets":[{"name":"a","value_base64":"AAEC"}]}`, `{"version":1,"secrets":[{"name":"a","value":"\ud83d"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		a, err := parse(out)
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("a long error: %v", err)
			}
			return
		}
		if !json.Valid(out) {
			t.Errorf("%q is no JSON", out)
		}
		for _, s := range a.Secrets {
			v, err := s.value()
			if err != nil {
				continue
			}
			r := request{}
			r.put(secret.New(append([]byte(nil), v...)))
			back, err := found{Value: r.Value, ValueBase64: r.ValueBase64}.value()
			if len(v) > 0 && (err != nil || string(back) != string(v)) {
				t.Errorf("%q came back as %q, %v", v, back, err)
			}
		}
	})
}
