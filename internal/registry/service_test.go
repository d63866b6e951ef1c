package registry

import (
	"strings"
	"testing"
)

// acme is the example of docs/services.md, with everything that a service of the user's own may say.
const acme = `
service: acme
title: Acme API
docs: https://docs.acme.example
hosts: [api.acme.example, "*.tenants.acme.example", "eu.acme.example:8443"]
secrets: {ACME_API_KEY: secret, ACME_ACCOUNT: account}
aliases: {acme.key: ACME_API_KEY}
public: [account]
auth:
  headers:
    - {name: Authorization, value: "Bearer {{secret}}"}
    - {name: x-acme-account, value: "{{account}}"}
env: {base_url: ACME_BASE_URL, base_path: /v1, key: [ACME_API_KEY, ACME_KEY], key_form: "ak-"}
capabilities:
  - id: acme/things
    title: Things
    methods: [POST, GET]
    paths: [/v1/things, "/v1/projects/{project}/things"]
    risk: write
    returns: [access_token]
    example: {method: POST, path: /v1/things, query: "a=b&c=d%20e", headers: {Content-Type: application/json}, body: {name: x, n: 1.5, deep: {list: [true, null, "1"]}}}
  - {id: acme/thing-by-name, methods: [GET], paths: ["/v1/things/{id}$"], risk: read, encoded_slash: true, example: {method: GET, path: /v1/things/a%2Fb}}
  - {id: acme/all, hosts: [eu.acme.example:8443], methods: [DELETE], paths: [/], risk: destructive, secrets: [ACME_API_KEY]}
network: {allow_private: true}
`

func mustParse(t *testing.T, text string) *Service {
	t.Helper()
	s, problems := Check([]byte(text), Own)
	for _, p := range problems {
		t.Error(p)
	}
	if s == nil {
		t.FailNow()
	}
	return s
}

func TestParseService(t *testing.T) {
	t.Parallel()
	s := mustParse(t, acme)
	const want = `{"aliases":{"acme.key":"ACME_API_KEY"},"auth":{"headers":[{"name":"authorization","value":"Bearer {{secret}}"},` +
		`{"name":"x-acme-account","value":"{{account}}"}]},"capabilities":[` +
		`{"hosts":["eu.acme.example:8443"],"id":"acme/all","methods":["DELETE"],"paths":["/"],"risk":"destructive","secrets":["ACME_API_KEY"]},` +
		`{"encoded_slash":true,"example":{"method":"GET","path":"/v1/things/a%2Fb"},"id":"acme/thing-by-name","methods":["GET"],"paths":["/v1/things/{id}$"],"risk":"read"},` +
		`{"example":{"body":"{\"name\":\"x\",\"n\":1.5,\"deep\":{\"list\":[true,null,\"1\"]}}","headers":{"content-type":"application/json"},"method":"POST","path":"/v1/things","query":"a=b&c=d%20e"},` +
		`"id":"acme/things","methods":["GET","POST"],"paths":["/v1/things","/v1/projects/{project}/things"],"returns":["access_token"],"risk":"write","title":"Things"}],` +
		`"docs":"https://docs.acme.example","env":{"base_path":"/v1","base_url":["ACME_BASE_URL"],"key":["ACME_API_KEY","ACME_KEY"],"key_form":"ak-"},` +
		`"hosts":["api.acme.example","*.tenants.acme.example","eu.acme.example:8443"],"network":{"allow_private":true},"public":["account"],` +
		`"secrets":{"ACME_ACCOUNT":"account","ACME_API_KEY":"secret"},"service":"acme","title":"Acme API"}`
	if got := string(s.Encode()); got != want {
		t.Errorf("encoded as\n%s\nwant\n%s", got, want)
	}
	again, err := DecodeService(s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash() != s.Hash() || again.Pin() != s.Pin() {
		t.Error("a stored service has another hash")
	}
	if pin := s.Pin(); !strings.HasPrefix(pin, "own/acme#") || len(pin) != len("own/acme#")+64 {
		t.Errorf("pin %s", pin)
	}
}
