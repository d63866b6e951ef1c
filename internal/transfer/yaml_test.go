package transfer

import (
	"fmt"
	"strings"
	"testing"
)

func TestYAML(t *testing.T) {
	checkGood(t, "yaml", []goodCase{
		{"empty", ``, ``},
		{"only comments", "# nothing\n\n---\n# here\n...\n# more\n", ``},
		{"empty mapping", "{}\n", ``},
		{"flat", "# top\ndb.password: x\n\nAPI_KEY: 'y z'  # why\n\"q\": \"a\\tb\\x41\"\n", `
db.password="x" line 2
API_KEY="y z" line 4
q="a\tbA" line 5
`},
		{"document marks", "%YAML 1.1\n---  # begins\na: b\n...\n\n# end\n", `
a="b" line 3
`},
		{"numbers and booleans as written", "port: 5432\npin: 0123\nhex: 0x1F\nf: 1.50\nyes: yes\nt: True\ndate: 2026-12-31\ninf: .inf\n", `
port="5432" line 1
pin="0123" line 2
hex="0x1F" line 3
f="1.50" line 4
yes="yes" line 5
t="True" line 6
date="2026-12-31" line 7
inf=".inf" line 8
`},
		{"keys are text", "true: a\nnull: b\nyes: c\n", `
true="a" line 1
null="b" line 2
yes="c" line 3
`},
		{"str tag", "a: !!str 12\nb: !!str null\n", `
a="12" line 1
b="null" line 2
`},
		{"quoted null", "a: \"null\"\nb: '~'\n", `
a="null" line 1
b="~" line 2
`},
		{"blocks", "key: |\n  -----BEGIN KEY-----\n  # not a comment\n  AAAA\n\n  -----END KEY-----\nfolded: >-\n  a\n  b\nkeep: |+\n  x\n\n\nlast: y\n", `
key="-----BEGIN KEY-----\n# not a comment\nAAAA\n\n-----END KEY-----\n" line 1
folded="a b" line 7
keep="x\n\n\n" line 10
last="y" line 14
`},
		{"several lines", "a: \"x\n  y\"\nb: 'x\n\n  y'\nc: x\n  y\nd:\n  z\n", `
a="x y" line 1
b="x\ny" line 3
c="x y" line 6
d="z" line 8
`},
		{"not interpreted", "a: ${secret:b} $(id) {{x}}\nb: \"<<\"\n", `
a="${secret:b} $(id) {{x}}" line 1
b="<<" line 2
`},
		{"merge is a name", "<<: x\n", `
<<="x" line 1 invalid=invalid name: it must begin with a letter
`},
		{"all fields", `
a:
  value: v
  tags: [prod, db]
  expires_at: 2026-12-31
  scope: workspace/W
  note: n
  owner: ana
  aliases:
    - b
    - c
  rotate_every: 30d
  exposure: sealed
  service: own/acme
`, `
a="v" line 2 scope=workspace/W tags=[prod db] aliases=[b c] expires=2026-12-31T23:59:59Z rotate=720h0m0s note=n owner=ana sealed=true service=own/acme
`},
		{"other spellings", "a: {value: v, expiresAt: 24h, sealed: false}\nb: {value: ~, value_base64: AP8=, note:, tags: null}\n", `
a="v" line 1 expires=2026-07-02T12:00:00Z sealed=false
b="\x00\xff" line 2
`},
		{"several scopes", "a:\n- value: 1\n- value: 2\n  scope: workspace/W\nb: 3\n", `
a="1" line 2
a="2" line 3 scope=workspace/W
b="3" line 5
`},
		{"flow over lines", "{\na: b,\n\"c\": {value: d}\n}\n", `
a="b" line 2
c="d" line 3
`},
		{"indented", "  a: b\n  c: d\n", `
a="b" line 1
c="d" line 2
`},
		{"complex key", "? a\n: b\n", `
a="b" line 1
`},
		{"JSON is YAML", "{\"a\":\"b\",\n\"c\":{\"value\":\"d\"}}", `
a="b" line 1
c="d" line 2
`},
		{"CRLF", "a: b\r\nc: |\r\n  x\r\n  y\r\n", `
a="b" line 1
c="x\ny\n" line 2
`},
		{"empty value", "a: ''\n", `
a="" line 1 invalid=the value is empty
`},
		{"unicode", "a: é😀\nb: \"\\u00e9\\U0001F600\"\n", `
a="é😀" line 1
b="é😀" line 2
`},
	})
}

func TestYAMLMistakes(t *testing.T) {
	v := "value: " + canary
	checkBad(t, "yaml", []badCase{
		{"a list", "- " + canary + "\n- b\n", `line 1: expected a mapping of names to values`},
		{"a string", canary + "\n", `line 1: expected a mapping of names to values`},
		{"unknown field", "a: x\nb:\n  " + v + "\n  expire: 1d\n", `line 4: unknown field "expire"`},
		{"nested", "db:\n  password: " + canary + "\n", `line 2: unknown field "password"`},
		{"duplicate name", "a: x\nb: y\na: " + canary + "\n", `line 3: duplicate name "a"`},
		{"duplicate field", "a:\n  " + v + "\n  " + v + "\n", `line 3: duplicate field "value"`},
		{"duplicate scope", "a:\n  - " + v + "\n  - " + v + "\n", `line 3: duplicate scope of "a"`},
		{"both values", "a: {" + v + ", value_base64: eA==}\n", `line 1: "a" has both value and value_base64`},
		{"no value", "x: y\na:\n  tags: [x]\n", `line 2: "a" has no value`},
		{"null", "x: y\na:\n", `line 2: "a" is null`},
		{"tilde", "a: ~\n", `line 1: "a" is null`},
		{"empty list", "a: []\n", `line 1: "a" has no value`},
		{"list of strings", "a:\n  - " + canary + "\n", `line 2: expected an object for a secret`},
		{"value is a mapping", "a:\n  value:\n    b: " + canary + "\n", `line 3: expected a string for value`},
		{"tags is a string", "a: {" + v + ", tags: x}\n", `line 1: tags must be a list of strings`},
		{"null tag", "a: {" + v + ", tags: [x, ~]}\n", `line 1: expected a string for an item of tags`},
		{"bad tag", "a:\n  " + v + "\n  tags: [\"a b\"]\n", `line 3: invalid tag "a b"`},
		{"bad date", "a:\n  " + v + "\n  expires_at: soon\n", `line 3: invalid duration "soon"`},
		{"mapping for a name", "? {a: b}\n: " + canary + "\n", `line 1: expected a name`},
		{"anchor", "a: &" + canary + " x\n", `line 1: anchors and aliases are not accepted`},
		{"alias", "a: &x y\nb: *x\n", `line 1: anchors and aliases are not accepted`},
		{"unknown alias", "x: y\na: *" + canary + "\n", `line 2: anchors and aliases are not accepted`},
		{"anchor on a field", "a:\n  value: &x y\n", `line 2: anchors and aliases are not accepted`},
		{"anchor on an item", "a:\n  " + v + "\n  tags: [&x y]\n", `line 3: anchors and aliases are not accepted`},
		{"anchor on the root", "&x a: b\n", `line 1: anchors and aliases are not accepted`},
		{"binary tag", "a: !!binary " + canary + "\n", `line 1: tags are not accepted`},
		{"own tag", "a: !" + canary + " x\n", `line 1: tags are not accepted`},
		{"two documents", "a: b\n---\nc: " + canary + "\n", `line 2: there is more than one document`},
		{"two documents by end", "a: b\n...\nc: " + canary + "\n", `line 3: there is more than one document`},
		{"content after the mark", "--- {a: " + canary + "}\n", `line 1: the document must begin on the line after ---`},
		{"directive", "%TAG ! tag:x,2000:\n---\na: b\n", `line 1: directives are not accepted`},
		{"unterminated", "a: x\nb: \"" + canary + "\nc: \"y\"\n", `line 2: not valid YAML: found unexpected end of stream`},
		{"quoted text at the first column", "a: \"x\n" + canary + "\"\n", `line 1: not valid YAML: found unexpected end of stream`},
		{"list at the first column", "a: [\n" + canary + "\n]\n", `line 1: not valid YAML: `},
		{"tab", "a:\n\t" + v + "\n", `line 2: not valid YAML: `},
		{"two colons", "x: y\na: b: " + canary + "\n", `line 2: not valid YAML: mapping values are not allowed in this context`},
		{"reserved", "a: @" + canary + "\n", `line 1: not valid YAML: found character that cannot start any token`},
		{"bad escape", "a: \"" + canary + "\\q\"\n", `line 1: not valid YAML: found unknown escape character`},
		{"latin-1", "x: y\na: " + canary + "\xe9\n", `line 2: the text is not UTF-8`},
		{"control", "x: y\na: " + canary + "\x01\n", `line 2: a control character stands in the text`},
		{"NUL", "a: " + canary + "\x00\n", `line 1: a control character stands in the text`},
		{"deep", "a: " + strings.Repeat("[", 5000) + "\n", `line 1: not valid YAML: `},
		{"deep blocks", strings.Repeat("a:\n ", 30) + "x\n", `line`},
		{"metadata export", "format: 1\nexported_at: x\nsecrets:\n  - id: s_1\n", `line 3: this is an export without values`},
	})
}

// TestYAMLCutting reads a document of many entries, whose cuts fall everywhere, and compares with what was written.
func TestYAMLCutting(t *testing.T) {
	var doc, want strings.Builder
	line := 1
	for i := range 5000 {
		var text, value string
		switch i % 6 {
		case 0:
			text, value = fmt.Sprintf("k%d: v%d\n", i, i), fmt.Sprintf("v%d", i)
		case 1:
			text, value = fmt.Sprintf("k%d: |\n  a: b\n  - c\n\n# at the first column\n", i), "a: b\n- c\n"
		case 2:
			text, value = fmt.Sprintf("k%d:\n- value: \"x\n\n   y\"\n# comment\n  tags:\n  - t\n", i), "x\ny"
		case 3:
			text, value = fmt.Sprintf("? k%d\n: >-\n  folded\n  text\n", i), "folded text"
		case 4:
			text, value = fmt.Sprintf("\"k%d\": {value: 'it''s',\n  tags: [a,\n  b]\n }\n", i), "it's"
		case 5:
			text, value = fmt.Sprintf("\r\nk%d: %s\n", i, strings.Repeat("long ", 50)+"x"), strings.Repeat("long ", 50)+"x"
			line++
		}
		at := line
		if i%6 == 2 {
			at++ // an item of a list stands on its own line
		}
		fmt.Fprintf(&want, "k%d %q line %d\n", i, value, at)
		doc.WriteString(text)
		line += strings.Count(text, "\n")
		if i%6 == 5 {
			line--
		}
	}
	list, _, err := readAll("yaml", strings.NewReader(doc.String()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, e := range list {
		fmt.Fprintf(&got, "%s %q %s\n", e.Name, e.Value.Reveal(), e.From)
	}
	if got.String() != want.String() {
		g, w := strings.Split(got.String(), "\n"), strings.Split(want.String(), "\n")
		for i := range w {
			if i >= len(g) || g[i] != w[i] {
				t.Fatalf("entry %d: got %q, want %q", i, g[i], w[i])
			}
		}
	}
}
