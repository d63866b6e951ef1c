package registry

import (
	"strings"
	"testing"
)

// TestI23HashIsOfEverything: each part of a definition is in the hash that a pin holds, so that no change goes unnoticed.
func TestI23HashIsOfEverything(t *testing.T) {
	t.Parallel()
	first := mustParse(t, acme)
	seen := map[string]string{first.Hash(): "the first"}
	for _, change := range [][2]string{
		{"title: Acme API", "title: Acme"},
		{"docs.acme.example", "doc.acme.example"},
		{"[api.acme.example, ", "[evil.example, api.acme.example, "},
		{`hosts: [api.acme.example, "*.tenants.acme.example"`, `hosts: ["*.tenants.acme.example", api.acme.example`}, // the first is the one
		{`eu.acme.example:8443`, `eu.acme.example:8444`},
		{"ACME_ACCOUNT: account", "ACME_ACCOUNT_ID: account"},
		{"acme.key:", "acme.key2:"},
		{"public: [account]", "public: []"},
		{"name: Authorization", "name: x-authorization"},
		{`"Bearer {{secret}}"`, `"Token {{secret}}"`},
		{"base_url: ACME_BASE_URL", "base_url: OPENAI_BASE_URL"},
		{"base_path: /v1", "base_path: /v2"},
		{"key: [ACME_API_KEY, ACME_KEY]", "key: [ACME_API_KEY]"},
		{`key_form: "ak-"`, `key_form: "bk-"`},
		{`key_form: "ak-"`, `key_form: "ak-", key_bearer: true`},
		{"methods: [POST, GET]", "methods: [POST, GET, PUT]"},
		{"paths: [/v1/things, ", "paths: [/v1/things, /v2/things, "},
		{`"/v1/things/{id}$"`, `"/v1/things/{id}"`},
		{"risk: write", "risk: money"},
		{"returns: [access_token]", "returns: [refresh_token]"},
		{"encoded_slash: true", "encoded_slash: true, title: x"},
		{"secrets: [ACME_API_KEY]", "secrets: [ACME_ACCOUNT]"},
		{"hosts: [eu.acme.example:8443]", "hosts: [api.acme.example]"},
		{"allow_private: true", "allow_private: false"},
		{"allow_private: true", "plain_http: true"},
		{"deep: {list", "deeper: {list"},
		{"a=b&c=d%20e", "a=b"},
	} {
		text := strings.ReplaceAll(acme, change[0], change[1])
		if text == acme {
			t.Errorf("%q is not in the file", change[0])
			continue
		}
		hash := mustParse(t, text).Hash()
		if by, taken := seen[hash]; taken {
			t.Errorf("%q has the hash of %s", change[1], by)
		}
		seen[hash] = change[1]
	}
	// And what means the same has the same one.
	for _, change := range [][2]string{
		{"title: Acme API\n", "# a comment\n\ntitle: \"Acme API\"\n"},
		{"{ACME_API_KEY: secret, ACME_ACCOUNT: account}", "{ACME_ACCOUNT: account, ACME_API_KEY: secret}"},
		{"methods: [POST, GET]", "methods:\n      - GET\n      - 'POST'"},
		{"name: Authorization", "name: authorization"},
		{"allow_private: true", "allow_private: true, plain_http: false"},
	} {
		if text := strings.Replace(acme, change[0], change[1], 1); text == acme || mustParse(t, text).Hash() != first.Hash() {
			t.Errorf("%q has another hash", change[1])
		}
	}
}

// TestI23HashIsOfWhatIsSentBesideASignature: so are the headers that hmac sets, and every field of a body.
func TestI23HashIsOfWhatIsSentBesideASignature(t *testing.T) {
	t.Parallel()
	const auth = `{header: {name: authorization, value: "Bearer {{secret}}"}}`
	signed := func(headers string) string {
		return `{hmac: {algorithm: sha256, header: x, value: "{{signature}}", canonical: "{{body}}"` + headers + `}}`
	}
	seen := map[string]string{}
	for _, variant := range []string{
		signed(``),
		signed(`, headers: [{name: y, value: "{{timestamp}}"}]`),
		signed(`, headers: [{name: z, value: "{{timestamp}}"}]`),
		signed(`, headers: [{name: y, value: constant}]`),
		signed(`, headers: [{name: y, value: "{{timestamp}}"}, {name: z, value: "1"}]`),
		`{body: {field: a, value: "{{secret}}"}}`,
		`{body: [{field: a, value: "{{secret}}"}, {field: b, value: "1"}]}`,
		`{body: [{field: a, value: "{{secret}}"}, {field: b, value: "2"}]}`,
	} {
		s := mustParse(t, strings.Replace(base, auth, variant, 1))
		if by, taken := seen[s.Hash()]; taken {
			t.Errorf("%s has the hash of %s", variant, by)
		}
		seen[s.Hash()] = variant
		again, err := DecodeService(s.Encode())
		if err != nil || again.Hash() != s.Hash() || again.Pin() != "own/acme#"+s.Hash() {
			t.Errorf("%s is not read back as itself: %v", variant, err)
		}
	}
	one := mustParse(t, strings.Replace(base, auth, `{body: {field: a, value: "{{secret}}"}}`, 1))
	if list := mustParse(t, strings.Replace(base, auth, `{body: [{field: a, value: "{{secret}}"}]}`, 1)); list.Hash() != one.Hash() {
		t.Error("a list of one field is not that field")
	}
}
