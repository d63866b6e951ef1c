package handoff

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/secret"
)

// hostile are values that would mean something to somebody if they were not escaped.
var hostile = []string{
	"${secret:OTHER}", "$(id)", "`id`", "$((1+1))", "$HOME", `\`, `\\`, `a\`, `'`, `"`, `''`, `'''`, `"""`, `""""`, `'"'"'`, `"'"'"`, `\"`, `\'`, `";id;"`, "';id;'", "';id\n'",
	"line\nline", "\n", "\n\n", "a\n", "\na", "a\n\nb", "  a", "a  ", " ", "\t", "a\tb", "\ta\n\tb", "a\n  b\n c", "a\r\nb", "\r", "a \n b\t\n",
	"\x1b[31mred\x1b[0m\a\b", "\x7f", "\u0085", "\u2028", "\ufeff", "\u202e", "\u200b", "\ufffe", "é", "日本", "😀", "\x01",
	"EOF", "\nEOF\n", "EOF\nid", "\tEOF\nx", "- a", "a: b", "a: b\nc: d", "# x", "a # x", "{}", "[]", "{a: 1}", "- - -", "---", "...", "\n---\n", "!!int 1", "&a", "*a", "|", ">", "%", "@", "?", "no", "null", "~", "123", "1e3",
	"0x1f", "true", "2026-01-01", "<<", "=", "], \"x\": 1, [", "}, {", "*/", "//", "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n", "x@evil.example/", "..", ".", "../..", "a/b?c#d&e=f", "a%40b", "a b+c", ":@/", "!!", "^x^y",
	strings.Repeat("k", 64<<10), strings.Repeat("a'\"\\\n$(id)`", 4096),
}

// value draws a value that is UTF-8 and has no NUL.
func value(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom(hostile[:len(hostile)-2]),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab \t\n\r'\"`\\$(){}[]#:;,-&*!|>?%@=~/.<E\x1b\u0085\u2028é😀")), 1, 12, -1),
		rapid.StringN(1, 20, -1).Filter(func(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }),
	).Draw(t, "value")
}

// fill renders a file: every reference in it, which is ${env.NAME}, becomes the value.
func fill(kind Kind, urls bool, source string, v []byte) (string, error) {
	t, err := interpolate.Parse(source)
	if err != nil {
		return "", err
	}
	l, err := Lay("file", kind, urls, Pieces(source, t))
	if err != nil {
		return "", err
	}
	values := make([]secret.Value, len(l.holes))
	for i := range values {
		values[i] = secret.New(v)
	}
	out, err := l.Fill(values)
	return string(out), err
}

// A language is a kind with a parser that is not ours, and a file that has a value in every place where that kind can hold one. "X" in
// what the parser returns is the value.
type language struct {
	kind  Kind
	file  string
	want  map[string]any
	parse func([]byte, any) error
}

const x = "${env.X}"

func languages() []language {
	return []language{
		{
			JSON, `{"a": ${env.X}, "b": "${env.X}", "c": "p ${env.X} s\n\"", ${env.X}${env.X}: [${env.X},"${env.X}${env.X}"], "d":{"e":${env.X}}}`,
			map[string]any{"a": "X", "b": "X", "c": "p X s\n\"", "XX": []any{"X", "XX"}, "d": map[string]any{"e": "X"}},
			json.Unmarshal,
		},
		{
			TOML, `a = ${env.X} # ${env.X}
b = "${env.X}"
c = "p ${env.X} s\n\""
d = '${env.X}'
e = 'p \n ${env.X}'
f = """${env.X}"""
g = """
p \
   ${env.X}
"q" s"""
h = '''
p ${env.X}'''''
i = [${env.X}, "${env.X}", [${env.X}],
  ${env.X}]
j = {k = ${env.X}, l.${env.X} = '${env.X}'}
["t ${env.X}".${env.X}]
${env.X} = ${env.X}${env.X}
[[u]]
m = """a""${env.X}""""
`,
			map[string]any{
				"a": "X", "b": "X", "c": "p X s\n\"", "d": "X", "e": `p \n X`, "f": "X", "g": "p X\n\"q\" s", "h": "p X''",
				"i": []any{"X", "X", []any{"X"}, "X"}, "j": map[string]any{"k": "X", "l": map[string]any{"X": "X"}},
				"t X": map[string]any{"X": map[string]any{"X": "XX"}}, "u": []map[string]any{{"m": `a""X"`}},
			},
			toml.Unmarshal,
		},
		{
			YAML, `--- # ${env.X}
a: ${env.X} # ${env.X}
b: "${env.X}"
c: "p ${env.X} s\n\"
  folded ${env.X}"
d: '${env.X}'
e: 'it''s ${env.X}

  folded'
f: p ${env.X}
  s ${env.X}
"k ${env.X}": [${env.X}, p${env.X}, "${env.X}", {m: ${env.X}, n: x}]
g: |
  ${env.X}
h: |-
  p
   ${env.X} s
  # ${env.X}

i: >
  p
  ${env.X}
  s
# ${env.X}
j: &anchor !!str ${env.X}
k:
- ${env.X}
-   - ${env.X}
- |+ # comment
    ${env.X}${env.X}
    s

l: *anchor
m: |
    ${env.X}`,
			map[string]any{
				"a": "X", "b": "X", "c": "p X s\n\" folded X", "d": "X", "e": "it's X\nfolded", "f": "p X s X", "k X": []any{"X", "pX", "X", map[string]any{"m": "X", "n": "x"}},
				"g": "X\n", "h": "p\n X s\n# X", "i": "p X s\n", "j": "X", "k": []any{"X", []any{"X"}, "XX\ns\n\n"}, "l": "X", "m": "X",
			},
			func(b []byte, v any) error { return yaml.Load(b, v) },
		},
	}
}

// with puts a value for each X.
func with(v any, value string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "X", value)
	case []any:
		var out []any
		for _, e := range v {
			out = append(out, with(e, value))
		}
		return out
	case []map[string]any:
		var out []map[string]any
		for _, e := range v {
			out = append(out, with(e, value).(map[string]any))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[with(k, value).(string)] = with(e, value)
		}
		return out
	}
	return v
}

// TestI21RenderedFilesHoldTheValue: what a real parser reads from a rendered file is the file's own structure with the value in its places,
// whatever the value is.
func TestI21RenderedFilesHoldTheValue(t *testing.T) {
	t.Parallel()
	for _, l := range languages() {
		t.Run(string(l.kind), func(t *testing.T) {
			t.Parallel()
			check := func(t interface {
				Helper()
				Fatalf(string, ...any)
			}, v string,
			) {
				t.Helper()
				file := l.file
				want := l.want
				if l.kind == YAML && len(v) > 200 { // a key has no more than 1024 characters
					file = strings.Replace(file, `"k ${env.X}"`, `"k X"`, 1)
				}
				out, err := fill(l.kind, false, file, []byte(v))
				if err != nil {
					t.Fatalf("%q: %v", clip(v), err)
				}
				var got map[string]any
				if err := l.parse([]byte(out), &got); err != nil {
					t.Fatalf("%q: %v\n%s", clip(v), err, clip(out))
				}
				expected := with(want, v).(map[string]any)
				if list, ok := expected["k "+v]; ok && file != l.file {
					delete(expected, "k "+v)
					expected["k X"] = list
				}
				if d := cmp.Diff(expected, got); d != "" {
					t.Fatalf("%q: %s\n%s", clip(v), clip(d), clip(out))
				}
			}
			for _, v := range hostile {
				check(t, v)
			}
			rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
		})
	}
}

func clip(s string) string { return s[:min(len(s), 2000)] }

func TestWhatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind Kind
		file string
	}{
		{JSON, "\n{\"a\": ${env.X}}"},
		{JSON, "\n{\"a\": \"${env.X}\"}"},
		{YAML, "\na: ${env.X}"},
		{YAML, "b:\n  a: |\n   ${env.X}"},
		{YAML, "\na: '${env.X}'"},
		{TOML, "\na = ${env.X}"},
		{TOML, "\na = \"\"\"${env.X}\"\"\""},
		{TOML, "\na = '${env.X}'"},
		{Dotenv, "\nA=${env.X}"},
		{Dotenv, "\nA=\"${env.X}\""},
		{Plain, "\nA ${env.X}"},
	} {
		out, err := fill(c.kind, false, c.file, []byte("canary\xff\xfe"))
		if !errors.Is(err, fault.Invalid) || out != "" || strings.Contains(err.Error(), "canary") || !strings.HasPrefix(err.Error(), "file:"+lineOf(c.file)+": env.X is not") {
			t.Errorf("%s %q: %q, %v", c.kind, c.file, out, err)
		}
	}
	// A shell holds any bytes but NUL; NUL has an escape in the three.
	if out, err := fill(Shell, false, "a=${env.X}", []byte("\xff")); err != nil || out != "a='\xff'" {
		t.Errorf("%q, %v", out, err)
	}
	for _, file := range []string{"a=${env.X}", "cat <<E\n${env.X}\nE\n"} {
		if out, err := fill(Shell, false, file, []byte("a\x00b")); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q, %v", out, err)
		}
	}
	for kind, file := range map[Kind]string{JSON: `["${env.X}"]`, YAML: `- ${env.X}`, TOML: `a = ["${env.X}"]`} {
		out, err := fill(kind, false, file, []byte("a\x00b"))
		if err != nil || !strings.Contains(out, `a\u0000b`) {
			t.Errorf("%q, %v", out, err)
		}
	}
}

func lineOf(file string) string {
	before, _, _ := strings.Cut(file, x)
	return string(rune('1' + strings.Count(before, "\n")))
}

// What stands beside a value, in a comment, or in no place for one.
func TestPlacesWithoutAValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind      Kind
		file, why string
	}{
		{JSON, `{"a": 1${env.X}}`, "beside other text"},
		{JSON, `{"a": ${env.X}1}`, "beside other text"},
		{JSON, `{"a": '${env.X}'}`, "single quote"},
		{JSON, `{"a": "\u00${env.X}"}`, "in the middle of an escape"},
		{JSON, `{"a": "x\\${env.X}"}`, "in the middle of an escape"},
		{JSON, `{"a": "${env.X}`, "no end"},
		{TOML, `a = 1${env.X}`, "beside other text"},
		{TOML, `a = 1.${env.X}`, "beside other text"},
		{TOML, `a-${env.X} = 1`, "beside other text"},
		{TOML, `a = "\U0000${env.X}"`, "in the middle of an escape"},
		{TOML, "a = \"${env.X}\nb = 1", "no end"},
		{YAML, `a: &b${env.X} c`, "cannot be read as YAML"},
		{YAML, `a: !b${env.X} c`, "cannot be read as YAML"},
		{YAML, "a: |2\n    ${env.X}", "block scalar"},
		{YAML, "a: [${env.X}", "cannot be read as YAML"},
		{YAML, "\ta: \"${env.X}\n", "cannot be read as YAML"},
		{Dotenv, "A${env.X}=1", "name of a variable"},
		{Dotenv, "A=a b ${env.X}", "without quotes"},
		{Dotenv, "A=$B${env.X}", "without quotes"},
		{Dotenv, `A="$(${env.X})"`, "a shell would run"},
		{Dotenv, `A="\${B:-${env.X}}"`, "substitution"},
		{Dotenv, `A="$${env.X}"`, "substitution"},
		{Dotenv, `A='a'"${env.X}"`, "only a part"},
		{Dotenv, `A="${env.X}`, "no end"},
		{Plain, "a\x00 ${env.X}", "NUL"},
	} {
		out, err := fill(c.kind, false, "\n"+c.file, []byte("v"))
		if !errors.Is(err, fault.Invalid) || out != "" || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s %q: %q, %v", c.kind, c.file, out, err)
		}
	}
	for kind, file := range map[Kind]string{
		JSON: "// ${env.X}\n/* ${env.X}\n*/{}", YAML: "# ${env.X}\na: 1 # ${env.X}\nb: 'x # y' # ${env.X}", TOML: "# ${env.X}\na = 1 # ${env.X}", Shell: "# ${env.X}\na # ${env.X}\n",
		Dotenv: "# ${env.X}\nA=1 # ${env.X}\nB='1' # ${env.X}\n",
	} {
		out, err := fill(kind, false, file, []byte("v"))
		if err != nil || out != file {
			t.Errorf("%s: %q, %v", kind, out, err)
		}
		l, _ := Lay("f", kind, false, Pieces(file, must(interpolate.Parse(file))))
		for i := range l.holes {
			if l.Wanted(i) {
				t.Errorf("%s: the value at place %d would be read", kind, i)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The lines of a value stay lines in a block scalar, and text around values stays as it was.
func TestLooks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind              Kind
		file, value, want string
	}{
		{YAML, "key:\n|\n  ${env.X}\nb: 1\n", "a\x1b", "key:\n  \"a\\u001b\\n\"\nb: 1\n"}, // parsers let it stand at the margin, unlike quotes
		{YAML, "key: |\n    ${env.X}\n# c\nb:   1\n", "-----BEGIN\nAAAA\n-----END", "key: |\n    -----BEGIN\n    AAAA\n    -----END\n# c\nb:   1\n"},
		{YAML, "key: | # c\n  ${env.X}\nb: 1", "a\n", "key: \"a\\n\\n\" # c\nb: 1"},
		{YAML, "a: ${env.X}\nb: {c: ${env.X}}", "no", "a: \"no\"\nb: {c: \"no\"}"},
		{JSON, `{"a" : ${env.X}, "b":1.0}`, "12", `{"a" : "12", "b":1.0}`},
		{TOML, "a = 'x${env.X}' # c", "\\", `a = "x\\" # c`},
		{Dotenv, "A=${env.X}\nexport B='${env.X}'\nC=\"$D ${env.X}\"\n", "p w", "A='p w'\nexport B='p w'\nC=\"$D p w\"\n"},
		{None, "a ${env.X}\n", "\x1b\n", "a \x1b\n\n"},
		{Plain, "a ${env.X}\n", "$(x)", "a $(x)\n"},
	} {
		out, err := fill(c.kind, false, c.file, []byte(c.value))
		if err != nil || out != c.want {
			t.Errorf("%s %q: %q, %v, want %q", c.kind, c.file, out, err, c.want)
		}
	}
}

// TestI21ValuesStayInTheirPartOfAURL: net/url reads what was meant, whatever the value is.
func TestI21ValuesStayInTheirPartOfAURL(t *testing.T) {
	t.Parallel()
	const file = `{"u": "postgres://us${env.X}er:${env.X}@db.example:5432/d${env.X}?q=${env.X}&r=1#${env.X}"}`
	check := func(t interface{ Fatalf(string, ...any) }, v string) {
		out, err := fill(JSON, true, file, []byte(v))
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		var doc map[string]string
		if err := json.Unmarshal([]byte(out), &doc); err != nil {
			t.Fatalf("%v", err)
		}
		u, err := url.Parse(doc["u"])
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		password, _ := u.User.Password()
		if u.Host != "db.example:5432" || u.User.Username() != "us"+v+"er" || password != v || u.Path != "/d"+v || u.Query().Get("q") != v || u.Query().Get("r") != "1" || u.Fragment != v {
			t.Fatalf("%q became %s", v, doc["u"])
		}
	}
	for _, v := range hostile[:len(hostile)-2] {
		check(t, v)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, value, want string }{
		{"https://u:${env.X}@h/", "p@ss/w", "https://u:p%40ss%2Fw@h/"},
		{"https://${env.X}/p", "h.example:80", "https://h.example:80/p"},
		{"https://${env.X}/p", "u@evil", ""},
		{"https://${env.X}", "evil/x", ""},
		{"https://h/${env.X}/p", "..", ""},
		{"https://h/a${env.X}/p", "..", "https://h/a../p"},
		{"https://h/p?${env.X}", "a=b&c", "https://h/p?a%3Db%26c"},
		{"jdbc:postgresql://h/d?password=${env.X}", "a b", "jdbc:postgresql://h/d?password=a%20b"},
		{"Endpoint=sb://h.example/;SharedAccessKey=${env.X}", "ab+/=", "Endpoint=sb://h.example/;SharedAccessKey=ab+/="},
		{"see https://h/ for ${env.X}", "a b", "see https://h/ for a b"},
		{"${env.X}/p", "https://h", "https://h/p"},
		{"://${env.X}", "a b", "://a b"},
	} {
		out, err := fill(Plain, true, c.file, []byte(c.value))
		if out != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q, %q: %q, %v", c.file, c.value, out, err)
		}
	}
	if out, err := fill(URL, true, "q=${env.X}", []byte("a&b=ü")); err != nil || out != "q=a%26b%3D%C3%BC" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, text string
		want       Kind
	}{
		{"a.json", "", JSON},
		{"dir/config.YAML", "", YAML},
		{"x.yml.tmpl", "", YAML},
		{"Cargo.toml", "", TOML},
		{".env", "", Dotenv},
		{".env.production", "", Dotenv},
		{"prod.env", "", Dotenv},
		{".envrc", "", Shell},
		{"run.sh", "", Shell},
		{"deploy", "#!/usr/bin/env bash\n", Shell},
		{"deploy", "#!/usr/bin/python3\n", Plain},
		{"-", "{\n \"a\": ${env.X}}\n", JSON},
		{"-", "---\na: b", YAML},
		{"-", "hello", Plain},
		{"nginx.conf", "{ x }", Plain},
	} {
		if got := KindOf(c.file, c.text); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.file, c.text, got, c.want)
		}
	}
}

// FuzzLayout: no file makes a scanner fail otherwise than with an error, and what is laid out can be filled or refused.
func FuzzLayout(f *testing.F) {
	for _, l := range languages() {
		f.Add(l.file, "v\n'\"")
	}
	f.Add("a='${env.X}' \"$(x '${env.X}')\" <<E\n${env.X}\nE\n", "$(id)")
	f.Fuzz(func(t *testing.T, file, v string) {
		for _, kind := range []Kind{JSON, YAML, TOML, Shell, Dotenv, URL, Plain, None} {
			out, err := fill(kind, true, file, []byte(v))
			var known *fault.Error
			var syntax *interpolate.SyntaxError
			if err != nil && !errors.As(err, &known) && !errors.As(err, &syntax) {
				t.Fatalf("%s: %v", kind, err)
			}
			if err == nil && !bytes.Contains([]byte(file), []byte("${")) && out != file {
				t.Fatalf("%s: %q became %q", kind, file, out)
			}
		}
	})
}

// TestI08RenderingIsBounded: a file made to be slow, on one line and with many references, takes no more than seconds.
func TestI08RenderingIsBounded(t *testing.T) {
	t.Parallel()
	many := func(unit string) string { return strings.Repeat(unit, (1<<20)/len(unit)) }
	for _, c := range []struct {
		kind Kind
		file string
	}{
		{JSON, `["` + many("https://h/${env.X} ") + `"]`},
		{JSON, "[" + many("${env.X},\n") + "0]"},
		{TOML, "a = [" + many("'${env.X}',") + "]"},
		{YAML, "a: [" + many("'${env.X}', ") + "]"},
		{YAML, "a: " + many("# ${env.X} ")},
		{Shell, many("a[x'${env.X}' ") + "\n"},
		{Shell, `echo "` + many("${env.X}https://") + `"`},
		{Shell, "cat <<E\n" + many("$a ${env.X}\n") + "E\n"},
		{Shell, many("$(echo ${env.X}) ")},
		{Shell, many("$(") + "${env.X}"},
		{Dotenv, "A='" + many("${env.X} ") + "'"},
		{URL, many("https://${env.X}@h/")},
		{Plain, many("${env.X}")},
	} {
		start := time.Now()
		_, _ = fill(c.kind, true, c.file, []byte("v"))
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%s %.30q: %v", c.kind, c.file, d)
		} else {
			t.Logf("%s %.30q: %v", c.kind, c.file, d)
		}
	}
}
