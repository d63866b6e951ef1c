package interpolate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tacit/internal/interpolate"
	"tacit/internal/name"
)

// world is what references stand for in the tests: variables as texts to parse, and the environment and secrets as they are.
type world struct {
	vars    map[string]string
	env     map[string]string
	secrets map[string]string
}

func (w world) variable(table, key string) (interpolate.Template, bool, error) {
	if table == interpolate.Env {
		v, ok := w.env[key]
		return interpolate.Text(v), ok, nil
	}
	v, ok := w.vars[key]
	t, err := interpolate.Parse(v)
	return t, ok, err
}

func (w world) secret(r name.Reference) ([]byte, error) {
	v, ok := w.secrets[r.Bare()]
	if !ok {
		return nil, fmt.Errorf("no such secret: %s", r.Bare())
	}
	return []byte(v), nil
}

func (w world) expand(text string) (string, error) {
	t, err := interpolate.Parse(text)
	if err != nil {
		return "", err
	}
	out, err := t.Expand(w.secret, w.variable)
	return string(out), err
}

func TestExpand(t *testing.T) {
	t.Parallel()
	w := world{
		vars:    map[string]string{"region": "eu-1", "a.b": "${vars.region}/${env.HOME}", "url": "https://u:${secret:pw}@h", "none": "", "list.0": "first"},
		env:     map[string]string{"HOME": "/home/ana", "EMPTY": "", "ODD": "${vars.region}"},
		secrets: map[string]string{"pw": "s3cret", "env:db@2#user": "ana"},
	}
	for text, want := range map[string]string{
		"":                                 "",
		"plain":                            "plain",
		"${vars.region}":                   "eu-1",
		"<${vars.a.b}>":                    "<eu-1//home/ana>",
		"${vars.url}/x":                    "https://u:s3cret@h/x",
		"${secret:pw}${secret:pw}":         "s3crets3cret",
		"${secret:env:db@2#user}":          "ana",
		"${vars.list.0}":                   "first",
		"$HOME $$ $ 5$":                    "$HOME $$ $ 5$",
		`\${vars.region}`:                  "${vars.region}",
		`\\${vars.region}`:                 `\eu-1`,
		`\\\${vars.region}`:                `\${vars.region}`,
		`C:\dir\\x`:                        `C:\dir\\x`,
		"${env.ODD}":                       "${vars.region}",
		"${env.NONE:-v}":                   "v",
		"${env.EMPTY:-v}":                  "v",
		"${vars.none:-v}":                  "v",
		"${env.EMPTY}":                     "",
		"${env.NONE:-}":                    "",
		"${env.HOME:-v}":                   "/home/ana",
		"${env.NONE:-${vars.region}}!":     "eu-1!",
		"${env.A:-${env.B:-${env.C:-c}b}}": "cb",
		`${env.NONE:-{\}}`:                 "{}",
		`${env.NONE:-a\\}}`:                `a\}`,
		`${env.NONE:-\${x\}}`:              "${x}",
		"}":                                "}",
		`\}`:                               `\}`,
		"ü${vars.region}ü":                 "üeu-1ü",
		"a\x00\xff${vars.region}":          "a\x00\xffeu-1",
	} {
		if got, err := w.expand(text); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, offset := range map[string]int{
		"a ${": 2, "${}": 0, "${x}": 0, "${HOME}": 0, "é ${secrets:a}": 3, "${secret.a}": 0, "${cmd:id}": 0, "${env.}": 0, "${env.A.B}": 0, "${env.A-B}": 0,
		"${vars.a..b}": 0, "${vars.}": 0, "${vars.a.}": 0, "${vars.a b}": 0, "${vars.a:b}": 0, "${vars.a": 0, "${vars.a:-b": 0, "${secret:}": 0, "${secret:a": 0,
		"${secret:a:-b}": 0, "${secret:a b}": 0, "${secret:tacit://a}": 0, "${env.A:-${x}}": 9, `\\${x}`: 2, "${ env.A }": 0, "${secret:${vars.a}}": 0, "${params.a.b}": 0,
		strings.Repeat("${env.A:-", 100) + strings.Repeat("}", 100): 16 * len("${env.A:-"), "${vars." + strings.Repeat("a", 300) + "}": 0,
	} {
		_, err := interpolate.Parse(text)
		var wrong *interpolate.SyntaxError
		if !errors.As(err, &wrong) || wrong.Offset != offset || wrong.Why == "" {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func TestParseParts(t *testing.T) {
	t.Parallel()
	const text = `a\${b${env.X:-y${secret:d}}c${vars.p.q}`
	parts, err := interpolate.Parse(text)
	if err != nil || len(parts) != 4 {
		t.Fatal(parts, err)
	}
	for i, want := range []string{`a\${b`, "${env.X:-y${secret:d}}", "c", "${vars.p.q}"} {
		if got := text[parts[i].Offset:parts[i].End]; got != want {
			t.Errorf("part %d is %q, want %q", i, got, want)
		}
	}
	if d := parts[1].Default; len(d) != 2 || text[d[1].Offset:d[1].End] != "${secret:d}" {
		t.Errorf("default: %+v", d)
	}
	if _, literal := parts.Literal(); literal {
		t.Error("references, and literal")
	}
	if s, literal := parts[:1].Literal(); !literal || s != "a${b" {
		t.Errorf("%q, %v", s, literal)
	}
}

func TestSecretsOfATemplate(t *testing.T) {
	t.Parallel()
	parts, err := interpolate.Parse("${secret:b}${secret:a@2}${env.X:-${secret:c}}${secret:b}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range parts.Secrets() {
		got = append(got, r.Bare())
	}
	if !slices.Equal(got, []string{"b", "a@2", "c"}) {
		t.Error(got)
	}
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	w := world{vars: map[string]string{"url": "x${secret:pw}${vars.p}", "p": "y"}}
	parts, err := interpolate.Parse("<${vars.url}>${secret:k}")
	if err != nil {
		t.Fatal(err)
	}
	flat, err := parts.Flatten(w.variable)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range flat {
		if p.Table != "" {
			t.Errorf("a variable is left: %+v", p)
		}
		text := p.Text
		if p.Secret != nil {
			text = p.Secret.String()
		}
		got = append(got, fmt.Sprintf("%s|%s|%d-%d", text, p.For, p.Offset, p.End))
	}
	want := []string{"<||0-1", "x|vars.url|1-12", "tacit://pw|vars.url|1-12", "y|vars.url|1-12", ">||12-13", "tacit://k||13-24"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestExpandRefuses(t *testing.T) {
	t.Parallel()
	long := map[string]string{}
	for i := range 40 {
		long[fmt.Sprintf("d%d", i)] = fmt.Sprintf("${vars.d%d}", i+1)
		long[fmt.Sprintf("l%d", i)] = strings.Repeat(fmt.Sprintf("${vars.l%d}", i+1), 10)
	}
	long["d40"], long["l8"] = "end", "ha"
	long["big"] = strings.Repeat("x", 3<<20)
	for name, c := range map[string]struct {
		vars   map[string]string
		text   string
		offset int
		why    string
	}{
		"not set":             {nil, "a ${vars.b}", 2, "vars.b is not set, and there is no default"},
		"not set, inside":     {map[string]string{"a": "${env.B}"}, "${vars.a}", 0, "vars.a: env.B is not set"},
		"a circle of one":     {map[string]string{"a": "x${vars.a}"}, "${vars.a}", 0, "vars.a stands for itself: vars.a → vars.a"},
		"a circle of three":   {map[string]string{"a": "${vars.b}", "b": "${vars.c}", "c": "${vars.b}"}, "é${vars.a}", 2, "vars.b stands for itself: vars.b → vars.c → vars.b"},
		"a circle by default": {nil, "${vars.a:-${vars.a}}", 0, "vars.a stands for itself"},
		"deep":                {long, "${vars.d0}", 0, "vars.d0: more than 16 variables"},
		"many":                {long, "${vars.l0}", 0, "stands for too much text"},
		"large":               {long, "${vars.big}${vars.big}", 11, "stands for too much text"},
	} {
		_, err := world{vars: c.vars}.expand(c.text)
		var wrong *interpolate.ReferenceError
		if !errors.As(err, &wrong) || wrong.Offset != c.offset || !strings.Contains(wrong.Why, c.why) {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if _, err := (world{}).expand("${secret:a}"); err == nil || err.Error() != "no such secret: a" {
		t.Errorf("the error of a secret: %v", err)
	}
}

// TestI21: what a secret or the environment holds is copied, whatever it looks like.
func TestI21TextOfASecretIsNeverParsed(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		"${secret:other}", "${vars.region}", `\${secret:other}`, "${", "}", "${env.NONE:-x}", "$(id)", "`id`", "tacit://other", "\x00\n\"'\x1b[31m",
		strings.Repeat("${secret:other}", 4096), "${cmd:id}",
	} {
		w := world{
			secrets: map[string]string{"s": hostile, "other": "OTHER"},
			env:     map[string]string{"E": hostile},
			vars:    map[string]string{"v": "${secret:s}", "e": "${env.E}", "region": "REGION"},
		}
		for text, want := range map[string]string{
			"${secret:s}": hostile, "${vars.v}": hostile, "${env.E}": hostile, "${vars.e}": hostile, "${env.NONE:-${secret:s}}": hostile,
			// Halves that would make a reference together.
			"$${secret:s}": "$" + hostile, `\\${secret:s}`: `\` + hostile, "${secret:s}{secret:other}": hostile + "{secret:other}", "${env.NONE:-$}${secret:s}": "$" + hostile,
		} {
			if got, err := w.expand(text); err != nil || got != want {
				t.Errorf("%q with %.40q: %.80q, %v", text, hostile, got, err)
			}
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "${", "${vars.a}", `\${`, `\\${x}`, "$ {", "${${", `a\`, "}"} {
		parts, err := interpolate.Parse(interpolate.Escape(s))
		if got, literal := parts.Literal(); err != nil || !literal || got != s {
			t.Errorf("%q → %q → %q, %v", s, interpolate.Escape(s), got, err)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	w := world{env: map[string]string{"A": "$", "B": "{secret:x}", "C": `C:\`, "D": "${secret:x}"}, secrets: map[string]string{"k": "K"}}
	for text, want := range map[string]string{
		"a": "a", "${env.A}${env.B}": `\${secret:x}`, "${env.C}${secret:k}": `C:\\${secret:k}`, "${env.D}": `\${secret:x}`, "${secret:k@2#f}": "${secret:k@2#f}",
	} {
		parts, err := interpolate.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		flat, err := parts.Flatten(w.variable)
		if got := flat.Source(); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	parts, err := interpolate.Parse("a\n${vars.a}\n\n${env.X:-\n${vars.b}}")
	if err != nil || parts[1].Line != 1 || parts[3].Line != 3 || parts[3].Default[1].Line != 4 {
		t.Errorf("%+v, %v", parts, err)
	}
	var wrong *interpolate.SyntaxError
	if _, err := interpolate.Parse("\n\n${x}"); !errors.As(err, &wrong) || wrong.Line != 2 {
		t.Error(err)
	}
	var missing *interpolate.ReferenceError
	if _, err := parts.Flatten(world{vars: map[string]string{"a": ""}}.variable); !errors.As(err, &missing) || missing.Line != 3 {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("${secret:env:a@2#f} \\${x} ${env.A:-${vars.b.c}}")
	f.Add("${env.A:-${env.A:-${env.A:-}}}\\\\${params.x}")
	f.Fuzz(func(t *testing.T, text string) {
		if parts, err := interpolate.Parse(interpolate.Escape(text)); err != nil {
			t.Errorf("escaped: %v", err)
		} else if got, literal := parts.Literal(); !literal || got != text {
			t.Errorf("escaped: %q", got)
		}
		parts, err := interpolate.Parse(text)
		if err != nil {
			var wrong *interpolate.SyntaxError
			if !errors.As(err, &wrong) || wrong.Offset < 0 || wrong.Offset >= len(text) {
				t.Errorf("no place: %#v", err)
			}
			return
		}
		at := 0
		for _, p := range parts {
			if p.Offset != at || p.End <= p.Offset {
				t.Fatalf("part at %d-%d, want it at %d", p.Offset, p.End, at)
			}
			at = p.End
		}
		if at != len(text) {
			t.Errorf("%d of %d bytes are in parts", at, len(text))
		}
		// I21: with a secret that looks like a reference, everything comes out as often as it is named.
		const hostile = "${secret:x}"
		flat, err := parts.Flatten(func(string, string) (interpolate.Template, bool, error) {
			return interpolate.Text("${vars.y}"), true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, p := range flat {
			want += len(p.Text)
			if p.Secret != nil {
				want += len(hostile)
			}
		}
		again, err := interpolate.Parse(flat.Source())
		if err != nil || again.Source() != flat.Source() || !slices.Equal(again.Secrets(), flat.Secrets()) {
			t.Fatalf("%q reads back as %q: %v", flat.Source(), again.Source(), err)
		}
		out, err := flat.Expand(func(name.Reference) ([]byte, error) { return []byte(hostile), nil }, nil)
		if err != nil || len(out) != want {
			t.Errorf("%d bytes, want %d: %v", len(out), want, err)
		}
	})
}
