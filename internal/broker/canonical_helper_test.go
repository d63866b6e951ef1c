package broker

import (
	"net/http"
	"testing"

	"tacit/internal/registry"
)

// gate is a service for judging paths. It is parsed as a user's own is.
const gate = `
service: gate
hosts: [api.gate.example]
secrets: {GATE_ID: access_key_id, GATE_SECRET: secret_access_key}
auth: {sigv4: {service: s3, region: us-east-1}}
capabilities:
  - {id: gate/public, methods: [GET, POST], paths: [/public], risk: read}
  - {id: gate/admin, methods: [POST], paths: [/admin], risk: write}
  - {id: gate/models, methods: [GET], paths: [/v1/models], risk: read}
  - {id: gate/model, methods: [DELETE], paths: ["/v1/models/{id}$"], risk: destructive}
  - {id: gate/slash, methods: [GET], paths: ["/projects/{id}/files/{name}"], encoded_slash: true, risk: read}
  - {id: gate/objects, methods: [GET, PUT], paths: ["/objects/{bucket}"], opaque_path: true, risk: write}
  - {id: gate/policy, methods: [PUT], paths: ["/objects/{bucket}/policy$"], risk: write}
`

func gateService(t testing.TB) *registry.Service { return parsedService(t, gate) }

func parsedService(t testing.TB, text string) *registry.Service {
	t.Helper()
	s, err := registry.ParseService([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pass canonicalises and matches.
func pass(s *registry.Service, r Request) (*CanonicalRequest, *registry.Capability, error) {
	c, err := Canonicalise(r)
	if err != nil {
		return nil, nil, err
	}
	capability, err := Match(s, c)
	if err != nil {
		return nil, nil, err
	}
	return c, capability, nil
}

// printed is c as a request, as it would be sent.
func printed(c *CanonicalRequest) Request {
	return Request{
		Method: c.Method(), Path: c.Path(), Query: c.Query(), Header: c.Header(), Body: c.Body(), ContentLength: c.Length(),
	}
}

func get(path string) Request { return Request{Method: http.MethodGet, Path: path} }
