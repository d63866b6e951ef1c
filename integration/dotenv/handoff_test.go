package dotenv

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	compose "github.com/compose-spec/compose-go/v2/dotenv"
	"pgregory.net/rapid"

	"tacit/internal/handoff"
	"tacit/internal/interpolate"
	"tacit/internal/secret"
)

var anyValue = rapid.OneOf(
	rapid.StringN(1, 40, -1), rapid.StringOfN(rapid.RuneFrom([]rune("a1 '\"`#&;|=:@\n\t{}$\\")), 1, 40, -1),
	rapid.SampledFrom([]string{"$(id)", "${HOME}", "$HOME", "a\nB=x", "\"\nB=x\n\"", "'\nB=x\n'", "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n", "# x", " x ", "export A=1"}),
)

// printed is what `tacit env --format dotenv` prints for the values A, B and so on.
func printed(t *rapid.T, values []string) (text string, want map[string]string) {
	want = map[string]string{}
	var all []handoff.Variable
	for i, v := range values {
		name := string(rune('A' + i))
		want[name] = v
		all = append(all, handoff.Variable{Name: name, Of: name, Value: secret.New([]byte(v))})
	}
	b, err := handoff.WriteEnv("dotenv", all, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), want
}

// TestI21ComposeReadsEnv: Compose finds in what env prints what was given to it, and nothing else.
func TestI21ComposeReadsEnv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, want := printed(t, rapid.SliceOfN(anyValue.Filter(composeCanHold), 1, 5).Draw(t, "values"))
		got, err := compose.Parse(strings.NewReader(text))
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%v\nfrom %q\ngot  %q\nwant %q", err, text, got, want)
		}
	})
}

// TestI21ComposeReadsRendered: and in an env file that was rendered, wherever the reference stood.
func TestI21ComposeReadsRendered(t *testing.T) {
	const file = "A=${env.X}\nexport B=p-${env.X}-s\nC='p ${env.X}' # ${env.X}\nD=\"p ${env.X} s\"\n# ${env.X}\nE=e\n"
	parsed, err := interpolate.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		// Between the double quotes of D, everybody but Compose wants \` for a backquote.
		v := anyValue.Filter(func(s string) bool { return composeCanHold(s) && !strings.ContainsAny(s, "`") }).Draw(t, "value")
		l, err := handoff.Lay("file", handoff.Dotenv, false, handoff.Pieces(file, parsed))
		if err != nil {
			t.Fatal(err)
		}
		x := secret.New([]byte(v))
		out, err := l.Fill([]secret.Value{x, x, x, x, x, x})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"A": v, "B": "p-" + v + "-s", "C": "p " + v, "D": "p " + v + " s", "E": "e"}
		got, err := compose.Parse(strings.NewReader(string(out)))
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%v\nfrom %q\ngot  %q\nwant %q", err, out, got, want)
		}
		if tacit := ours(t, string(out)); !maps.Equal(tacit, want) {
			t.Fatalf("tacit, from %q\ngot  %q\nwant %q", out, tacit, want)
		}
	})
}

// TestPythonReadsEnv: python-dotenv too, where values have none of what it looks for between single quotes.
func TestPythonReadsEnv(t *testing.T) {
	const program = "import dotenv, io, json, os, sys\njson.dump([dotenv.dotenv_values(stream=io.StringIO(t)) for t in json.load(sys.stdin)], sys.stdout)"
	if err := exec.Command("python3", "-c", "import dotenv").Run(); err != nil {
		if os.Getenv("TACIT_NO_SKIP") == "1" {
			t.Fatal("python-dotenv is not installed")
		}
		t.Skip("python-dotenv is not installed: pip install python-dotenv")
	}
	var texts []string
	var wants []map[string]string
	rapid.Check(t, func(t *rapid.T) {
		text, want := printed(t, rapid.SliceOfN(anyValue.Filter(func(s string) bool {
			return composeCanHold(s) && !strings.ContainsAny(s, "\\'\x85\u2028\u2029\v\f\x1c\x1d\x1e") && !strings.Contains(s, "${")
		}), 1, 5).Draw(t, "values"))
		texts, wants = append(texts, text), append(wants, want)
	})
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", program)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i, want := range wants {
		if !maps.Equal(got[i], want) {
			t.Errorf("from %q\ngot  %q\nwant %q", texts[i], got[i], want)
		}
	}
}
