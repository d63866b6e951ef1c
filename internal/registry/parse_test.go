package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tacit/internal/fault"
)

// base is a file with nothing wrong, one part a line.
const base = `service: acme
title: Acme API
docs: https://docs.acme.example
checked: 2026-11-22
hosts: [api.acme.example]
secrets: {ACME_API_KEY: secret}
aliases: {acme.key: ACME_API_KEY}
public: []
auth: {header: {name: authorization, value: "Bearer {{secret}}"}}
env: {base_url: ACME_BASE_URL, key: ACME_API_KEY}
capabilities:
  - {id: acme/things, methods: [GET, POST], paths: [/v1/things], risk: write, example: {method: GET, path: /v1/things}}
`

// A part of base that is replaced, and the problem that this is.
type mistake struct{ name, old, new, want string }

func mistakes() []mistake {
	auth := `{header: {name: authorization, value: "Bearer {{secret}}"}}`
	things := `  - {id: acme/things, methods: [GET, POST], paths: [/v1/things], risk: write, example: {method: GET, path: /v1/things}}`
	more := func(s string) string { return things + "\n" + s }
	return []mistake{
		{"unknown key", "title:", "titel:", `line 2: unknown key "titel"`},
		{"unknown key below", "base_url:", "base:", `line 10: unknown key "base"`},
		{"twice", "title: Acme API", "service: other", `line 2: "service" is there twice`},
		{"anchor", "title: Acme API", "title: &a Acme API", `line 2: anchors and aliases are not supported`},
		{"alias", "title: Acme API", "title: *a", `line 2: anchors and aliases are not supported`},
		{"merge", "title: Acme API", "<<: {title: x}", `line 2: a key must be a word`},
		{"tag", "title: Acme API", "title: !!binary QQ==", `line 2: tags are not supported`},
		{"own tag", "title: Acme API", "title: !x QQ==", `line 2: tags are not supported`},
		{"null", "title: Acme API", "title:", `line 2: the value is empty`},
		{"lines", "title: Acme API", `title: "a\nb"`, `line 2: must be one line`},
		{"escape", "title: Acme API", `title: "a\e[2J"`, `line 2: must be one line of printable text`},
		{"direction", "title: Acme API", `title: "a\u202eb"`, `line 2: must be one line of printable text`},
		{"long", "title: Acme API", "title: " + strings.Repeat("a", 513), `line 2: longer than 512 bytes`},
		{"two documents", "title: Acme API", "---\nx: y", `not valid YAML`},
		{"unfinished", "public: []", "public: [", `not valid YAML`},
		{"no file", base, "# nothing\n", `line 1: the file is empty`},
		{"no mapping", base, "- a\n", `line 1: expected keys with values`},
		{"nested", "public: []", "public: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), `line 8: not valid YAML: exceeded max depth`},
		{"large", base, base + strings.Repeat("# comment\n", 110_000), `line 1: the file is larger than 512 KiB`},

		{"no id", "service: acme\n", "", `line 1: service is missing`},
		{"id", "service: acme", "service: Acme", `line 1: "Acme" is no service id`},
		{"docs", "https://docs.acme.example", "http://docs.acme.example", `line 3: docs is the https address`},
		{"day", "2026-11-22", "2026-02-31", `line 4: checked is a day`},

		{"no hosts", "hosts: [api.acme.example]\n", "", `line 1: hosts is missing`},
		{"empty hosts", "[api.acme.example]", "[]", `line 5: there is no host`},
		{"host no list", "[api.acme.example]", "api.acme.example", `line 5: expected a list`},
		{"host twice", "[api.acme.example]", "[api.acme.example, api.acme.example]", `line 5: "api.acme.example" is there twice`},
		{"upper case", "[api.acme.example]", "[API.acme.example]", `it must be in lower case`},
		{"scheme", "[api.acme.example]", `["https://api.acme.example"]`, `is no host`},
		{"path", "[api.acme.example]", "[api.acme.example/v1]", `letters, digits and '-' only`},
		{"user", "[api.acme.example]", `["u@api.acme.example"]`, `letters, digits and '-' only`},
		{"final dot", "[api.acme.example]", "[api.acme.example.]", `it has an empty label`},
		{"port of the scheme", "[api.acme.example]", `["api.acme.example:443"]`, `leave out the port`},
		{"port zero", "[api.acme.example]", `["api.acme.example:0"]`, `its port is no number`},
		{"port spelled", "[api.acme.example]", `["api.acme.example:0443"]`, `its port is no number`},
		{"port large", "[api.acme.example]", `["api.acme.example:70000"]`, `its port is no number`},
		{"star alone", "[api.acme.example]", `["*"]`, `letters, digits and '-' only`},
		{"star of a top domain", "[api.acme.example]", `["*.example"]`, `at least two labels`},
		{"star inside", "[api.acme.example]", `["api.*.example"]`, `letters, digits and '-' only`},
		{"two stars", "[api.acme.example]", `["*.*.acme.example"]`, `letters, digits and '-' only`},
		{"part of a label", "[api.acme.example]", `["*api.acme.example"]`, `letters, digits and '-' only`},
		{"other script", "[api.acme.example]", "[äcme.example]", `punycode`},
		{"homograph", "[api.acme.example]", "[аpi.acme.example]", `punycode`}, // a Cyrillic а
		{"underscore", "[api.acme.example]", "[a_b.example]", `letters, digits and '-' only`},
		{"short address", "[api.acme.example]", "[127.1]", `no address in its usual spelling`},
		{"hexadecimal address", "[api.acme.example]", "[0x7f.0.0.0x1]", `no address in its usual spelling`},
		{"decimal address", "[api.acme.example]", `["2130706433"]`, `no address in its usual spelling`},
		{"mapped address", "[api.acme.example]", `["[::ffff:127.0.0.1]"]`, `no address in its usual spelling`},
		{"long address", "[api.acme.example]", `["[0:0:0:0:0:0:0:1]"]`, `no address in its usual spelling`},
		{"zone", "[api.acme.example]", `["[fe80::1%eth0]"]`, `no address in its usual spelling`},

		{"no secrets", "{ACME_API_KEY: secret}", "{}", `line 6: there is no secret`},
		{"secret name", "{ACME_API_KEY: secret}", `{"9": secret}`, `line 6: "9" is no name of a secret`},
		{"placeholder", "{ACME_API_KEY: secret}", `{ACME_API_KEY: "Secret Key"}`, `line 6: "Secret Key" is no placeholder`},
		{"placeholder twice", "{ACME_API_KEY: secret}", `{ACME_API_KEY: secret, B: secret}`, `line 6: the placeholder "secret" is there twice`},
		{"unused", "{ACME_API_KEY: secret}", `{ACME_API_KEY: secret, B: other}`, `line 6: nothing in auth uses {{other}}, the placeholder of B`},
		{"alias of nothing", "{acme.key: ACME_API_KEY}", "{acme.key: OTHER}", `line 7: "OTHER" is not one of the secrets`},
		{"alias is a secret", "{acme.key: ACME_API_KEY}", "{ACME_API_KEY: ACME_API_KEY}", `line 7: "ACME_API_KEY" is a secret`},
		{"all public", "public: []", "public: [secret]", `line 8: all placeholders are public`},
		{"public unknown", "public: []", "public: [other]", `line 8: "other" is not one of the placeholders`},

		{"no auth", "auth: " + auth + "\n", "", `line 1: auth is missing`},
		{"two strategies", auth, `{header: {name: a, value: "{{secret}}"}, query: {name: a, value: "{{secret}}"}}`, `line 9: auth has exactly one of`},
		{"no strategy", auth, `{}`, `line 9: auth has exactly one of`},
		{"unknown strategy", auth, `{cookie: {name: a}}`, `line 9: unknown key "cookie"`},
		{"header name", auth, `{header: {name: "a b", value: "{{secret}}"}}`, `line 9: "a b" is no name of a header`},
		{"header with a line", auth, `{header: {name: "a\r\nb", value: "{{secret}}"}}`, `line 9: must be one line`},
		{"value with a line", auth, `{header: {name: a, value: "{{secret}}\r\nx: y"}}`, `line 9: must be one line`},
		{"host as a header", auth, `{header: {name: Host, value: "{{secret}}"}}`, `line 9: host is no header that authenticates`},
		{"framing", auth, `{header: {name: Transfer-Encoding, value: "{{secret}}"}}`, `line 9: transfer-encoding is no header that authenticates`},
		{"unknown placeholder", auth, `{header: {name: a, value: "{{secret}} {{other}}"}}`, `line 9: {{other}} is no placeholder`},
		{"spaces", auth, `{header: {name: a, value: "{{ secret }}"}}`, `line 9: "{{ secret }}" is no template`},
		{"open", auth, `{header: {name: a, value: "{{secret"}}`, `line 9: "{{secret" is no template`},
		{"no value", auth, `{header: {name: a}}`, `line 9: value is missing`},
		{"same header", auth, `{headers: [{name: a, value: "{{secret}}"}, {name: A, value: x}]}`, `line 9: "a" is there twice`},
		{"no headers", auth, `{headers: []}`, `line 9: the list is empty`},
		{"parameter", auth, `{query: {name: "a&b", value: "{{secret}}"}}`, `line 9: "a&b" is no name of a parameter`},
		{"prefix", auth, `{path: {prefix: "bot{{secret}}"}}`, `line 9: prefix is a path`},
		{"prefix with a query", auth, `{path: {prefix: "/?{{secret}}"}}`, `line 9: prefix is a path`},
		{"constant", auth, `{basic: {username: api, password: x}}`, `line 6: nothing in auth uses {{secret}}`},
		{"colon", auth, `{basic: {username: "a:b", password: "{{secret}}"}}`, `line 9: a user name holds no colon`},
		{"grant", auth, `{oauth2: {grant: password, token_url: "https://a.example/t"}}`, `line 9: grant is refresh_token`},
		{"plain token address", auth, `{oauth2: {grant: client_credentials, token_url: "http://a.example/t"}}`, `line 9: must begin with https://`},
		{"token address with user", auth, `{oauth2: {grant: client_credentials, token_url: "https://u:p@a.example/t"}}`, `line 9: must be an address without user`},
		{"token address with star", auth, `{oauth2: {grant: client_credentials, token_url: "https://*.a.example/t"}}`, `must be exact`},
		{"token address in upper case", auth, `{oauth2: {grant: client_credentials, token_url: "https://A.example/t"}}`, `it must be in lower case`},
		{"no login address", auth, `{oauth2: {grant: authorization_code, token_url: "https://a.example/t"}}`, `line 9: auth_url is missing`},
		{"needless login address", auth, `{oauth2: {grant: client_credentials, token_url: "https://a.example/t", auth_url: "https://a.example/"}}`, `line 9: auth_url is for authorization_code`},
		{"scope", auth, `{oauth2: {grant: client_credentials, token_url: "https://a.example/t", scopes: ["a b"]}}`, `line 9: "a b" is no scope`},
		{"sigv4 without a key", auth, `{sigv4: {service: s3}}`, `line 9: one of the secrets must have the placeholder access_key_id`},
		{"algorithm", auth, `{hmac: {algorithm: md5, header: a, value: "{{signature}}", canonical: "{{body}}"}}`, `line 9: algorithm is sha256`},
		{"key sent", auth, `{hmac: {algorithm: sha256, header: a, value: "{{secret}}{{signature}}", canonical: "{{body}}"}}`, `line 9: {{secret}} is the key`},
		{"field of the key sent", auth, `{hmac: {algorithm: sha256, header: a, value: "{{secret.key}}{{signature}}", canonical: "{{body}}"}}`, `line 9: {{secret.key}} is the key`},
		{"nothing signed", auth, `{hmac: {algorithm: sha256, header: a, value: "x", canonical: "{{body}}"}}`, `line 9: the value must hold {{signature}}`},
		{"unknown word", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{url}}"}}`, `line 9: {{url}} is no placeholder`},

		{"key in a header", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{body}}", headers: [{name: b, value: "{{secret}}"}]}}`, `line 9: {{secret}} is the key`},
		{"field of the key in a header", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{body}}", headers: [{name: b, value: "x{{secret.key}}"}]}}`, `line 9: {{secret.key}} is the key`},
		{"the signature's header again", auth, `{hmac: {algorithm: sha256, header: X-Sig, value: "{{signature}}", canonical: "{{body}}", headers: [{name: x-sig, value: a}]}}`, `line 9: "x-sig" is there twice`},
		{"header twice", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{body}}", headers: [{name: b, value: x}, {name: B, value: y}]}}`, `line 9: "b" is there twice`},
		{"framing beside a signature", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{body}}", headers: [{name: Content-Length, value: "1"}]}}`, `line 9: content-length is no header that authenticates`},
		{"no headers beside a signature", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{body}}", headers: []}}`, `line 9: the list is empty`},
		{"body in a header", auth, `{hmac: {algorithm: sha256, header: a, value: "{{signature}}", canonical: "{{body}}", headers: [{name: b, value: "{{body}}"}]}}`, `line 9: {{body}} is no placeholder`},
		{"same field", auth, `{body: [{field: a, value: "{{secret}}"}, {field: A, value: x}]}`, `line 9: "A" is there twice`},
		{"no fields", auth, `{body: []}`, `line 9: the list is empty`},

		{"variable", "base_url: ACME_BASE_URL", "base_url: acme", `line 10: "acme" is no variable`},
		{"variable that steers", "base_url: ACME_BASE_URL", "base_url: LD_PRELOAD", `line 10: LD_PRELOAD steers how programs run`},
		{"proxy", "base_url: ACME_BASE_URL", "base_url: HTTPS_PROXY", `line 10: HTTPS_PROXY steers how programs run`},
		{"base path", "base_url: ACME_BASE_URL", "base_path: v1", `line 10: base_path is a path`},
		{"key form", "base_url: ACME_BASE_URL", `key_form: "s k"`, `line 10: key_form is how a key begins`},

		{"no capabilities", things, "  []", `line 12: there is no capability`},
		{"capability id", "id: acme/things", "id: things", `line 12: "things" is no capability of the service`},
		{"another's id", "id: acme/things", "id: openai/things", `line 12: "openai/things" is no capability of the service`},
		{"capability twice", things, more(`  - {id: acme/things, methods: [PUT], paths: [/v2], risk: read}`), `line 13: "acme/things" is there twice`},
		{"host of another", "risk: write", "risk: write, hosts: [evil.example]", `line 12: "evil.example" is not one of the service's hosts`},
		{"no methods", "methods: [GET, POST]", "methods: []", `line 12: there is no method`},
		{"method", "methods: [GET, POST]", "methods: [get]", `line 12: "get" is no method`},
		{"tunnel", "methods: [GET, POST]", "methods: [CONNECT]", `line 12: "CONNECT" is no method`},
		{"risk", "risk: write", "risk: low", `line 12: risk is read, write`},
		{"no risk", "risk: write,", "", `line 12: risk is missing`},
		{"no path", "paths: [/v1/things]", "paths: []", `line 12: there is no path`},
		{"relative", "paths: [/v1/things]", "paths: [v1/things]", `line 12: "v1/things" is no path`},
		{"half a segment", "paths: [/v1/things]", "paths: [/v1/things/]", `line 12: "/v1/things/" is no path`},
		{"dots", "paths: [/v1/things]", "paths: [/v1/../things]", `line 12: "/v1/../things" is no path`},
		{"glob", "paths: [/v1/things]", "paths: [/v1/*]", `line 12: "/v1/*" is no path`},
		{"escaped", "paths: [/v1/things]", "paths: [/v1/%74hings]", `line 12: "/v1/%74hings" is no path`},
		{"part of a segment", "paths: [/v1/things]", `paths: ["/v1/{a}b"]`, `line 12: "/v1/{a}b" is no path`},
		{"with a query", "paths: [/v1/things]", `paths: ["/v1?a=b"]`, `line 12: "/v1?a=b" is no path`},
		{"deep", "paths: [/v1/things]", "paths: [" + strings.Repeat("/a", 33) + "]", `line 12: more than 32 segments`},
		{"returns", "risk: write", "risk: write, returns: [data.token]", `line 12: "data.token" is no name of a field`},
		{"needs", "risk: write", "risk: write, secrets: [OTHER]", `line 12: "OTHER" is not one of the service's secrets`},
		{"slash without a place", "risk: write", "risk: write, encoded_slash: true", `line 12: encoded_slash is for paths with {x}`},
		{"opaque without a signature", "risk: write", "risk: write, opaque_path: true", `line 12: opaque_path is for object keys under sigv4`},
		{"no flag", "risk: write", "risk: write, opaque_path: maybe", `line 12: must be true or false`},

		{"overlap", things, more(`  - {id: acme/b, methods: [POST], paths: [/v1/things], risk: read}`), `line 13: /v1/things: POST is also in acme/things as /v1/things`},
		{"overlap of a place", things, more(`  - {id: acme/b, methods: [GET], paths: ["/{x}/things"], risk: read}`), `line 13: /{x}/things: GET is also in acme/things`},
		{
			"overlap across hosts", "hosts: [api.acme.example]\n", "hosts: [a.example, b.example]\n",
			"",
		},

		{"example outside", "example: {method: GET, path: /v1/things}", "example: {method: GET, path: /v1/thingsX}", `line 12: the example is refused: no capability of acme covers /v1/thingsX`},
		{"example's method", "example: {method: GET", "example: {method: PUT", `line 12: the example is refused: acme/things allows GET, POST, not PUT`},
		{"example of another", things, more(`  - {id: acme/b, methods: [GET], paths: [/v1], risk: read, example: {method: GET, path: /v1/things/x}}`), `line 13: the example belongs to acme/things, whose path is longer`},
		{"example with dots", "path: /v1/things}", "path: /v1/things/../x}", `line 12: the path of the example has an empty, dot or slash segment`},
		{"example with escaped dots", "path: /v1/things}", "path: /v1/things/%2e%2e/x}", `line 12: the path of the example has an empty, dot or slash segment`},
		{"example with a slash", "path: /v1/things}", "path: /v1/things/a%2Fb}", `line 12: the path of the example has an empty, dot or slash segment`},
		{"example with a query", "path: /v1/things}", `path: "/v1/things?a=b"}`, `line 12: the path of the example begins with '/' and holds no query`},
		{"example's query", "path: /v1/things}", `path: /v1/things, query: "?a=b"}`, `line 12: query is parameters`},
		{"example with the key", "path: /v1/things}", `path: /v1/things, headers: {Authorization: x}}`, `line 12: the example sets authorization, which authenticates`},
		{"example's header", "path: /v1/things}", `path: /v1/things, headers: {host: x}}`, `line 12: "host" is no header of an example`},
		{"example's number", "path: /v1/things}", `path: /v1/things, body: {a: 0x10}}`, `line 12: "0x10" is no number of JSON`},
		{"certificate", "public: []", "network: {ca_pem: x}", `line 8: ca_pem: there is no certificate`},
		{
			"a key as certificate", "public: []", "network: {ca_pem: \"-----BEGIN PRIVATE KEY-----\\nAA==\\n-----END PRIVATE KEY-----\\n\"}",
			`line 8: ca_pem: there is something else than certificates`,
		},
	}
}

// TestI08BadFiles: each mistake is found and said with its line; nothing of such a file is used.
func TestI08BadFiles(t *testing.T) {
	t.Parallel()
	mustParse(t, base)
	for _, m := range mistakes() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(base, m.old, m.new, 1)
			if text == base {
				t.Fatal("nothing was replaced")
			}
			if m.want == "" {
				mustParse(t, text)
				return
			}
			s, problems := Check([]byte(text), Own)
			if s != nil || !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.String(), m.want) }) {
				t.Errorf("problems %q, want one with %q", problems, m.want)
			}
			if len(problems) > 6 {
				t.Errorf("%d problems for one mistake: %q", len(problems), problems)
			}
			if _, err := ParseService([]byte(text)); !errors.Is(err, fault.Invalid) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestI08Counts: a small file cannot make much of itself.
func TestI08Counts(t *testing.T) {
	t.Parallel()
	many := func(n int, format string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(format, i))
		}
		return strings.Join(all, ", ")
	}
	things := `  - {id: acme/things, methods: [GET, POST], paths: [/v1/things], risk: write, example: {method: GET, path: /v1/things}}`
	for _, m := range []mistake{
		{"hosts", "[api.acme.example]", "[" + many(65, "h%d.example") + "]", "line 5: more than 64 items"},
		{"secrets", "{ACME_API_KEY: secret}", "{" + many(17, "A%d: a%[1]d") + "}", "line 6: more than 16 keys"},
		{"aliases", "{acme.key: ACME_API_KEY}", "{" + many(33, "a%d: ACME_API_KEY") + "}", "line 7: more than 32 keys"},
		{"paths", "paths: [/v1/things]", "paths: [" + many(2049, "/v1/things/a%d") + "]", "line 12: more than 2048 items"},
		{"capabilities", things, "  [" + many(1025, "{id: acme/a%d, methods: [GET], paths: [/a%[1]d], risk: read}") + "]", "line 12: more than 1024 items"},
		{"top", "title: Acme API", many(70, "A%d: x\n"), "more than 64 keys"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(base, m.old, m.new, 1)
			if m.name == "top" {
				text = strings.ReplaceAll(text, "\n, ", "\n")
			}
			_, problems := Check([]byte(text), Own)
			if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.String(), m.want) }) {
				t.Errorf("problems %.200q, want one with %q", problems, m.want)
			}
		})
	}
}

// Built-in services are held to more.
func TestBuiltinRules(t *testing.T) {
	t.Parallel()
	for _, m := range []mistake{
		{"no documentation", "docs: https://docs.acme.example\n", "", "line 1: docs is missing"},
		{"not checked", "checked: 2026-11-22\n", "", "line 1: checked is missing"},
		{"no example", ", example: {method: GET, path: /v1/things}", "", "line 12: example is missing"},
		{"network", "public: []", "network: {allow_private: true}", "line 8: network is for services of your own"},
		{"address", "[api.acme.example]", "[192.0.2.1]", "it is an address"},
		{"one label", "[api.acme.example]", "[localhost]", "it has one label only"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(base, m.old, m.new, 1)
			_, problems := Check([]byte(text), Builtin)
			if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.String(), m.want) }) {
				t.Errorf("problems %q, want one with %q", problems, m.want)
			}
			if m.name == "network" {
				return
			}
			mustParse(t, text)
		})
	}
	split := strings.ReplaceAll(base, "service: acme", "service: acme-more")
	if _, problems := Check([]byte(split), Builtin); len(problems) > 0 {
		t.Errorf("a service that was split off cannot keep its capabilities' ids: %v", problems)
	}
	if _, problems := Check([]byte(split), Own); len(problems) == 0 {
		t.Error("an own service claims the capability of another")
	}
}

// All problems are said, in their order, and the error for one line has the first.
func TestAllProblems(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("[api.acme.example]", "[A.example]", "service: acme", "service: ACME", "risk: write", "risk: low").Replace(base)
	_, problems := Check([]byte(text), Own)
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if !slices.Equal(lines, []int{1, 5, 12, 12}) { // the id of the capability is not ACME's either
		t.Errorf("problems %q", problems)
	}
	_, err := ParseService([]byte(text))
	if err == nil || !strings.HasPrefix(err.Error(), `line 1: "ACME" is no service id`) || !strings.HasSuffix(err.Error(), "(and 3 more)") {
		t.Errorf("error %v", err)
	}
}
