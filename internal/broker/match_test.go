package broker

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
)

// TestI24WholeSegments: a capability is its segments, no more and no fewer, in its own case.
func TestI24WholeSegments(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/v1/models", "gate/models"},
		{"GET", "/v1/models/x/y", "gate/models"},
		{"DELETE", "/v1/models/x", "gate/model"},
		{"DELETE", "/v1/models/x/", "gate/model"},
		{"GET", "/v1/models/x", ""}, // belongs to gate/model, which is longer, and allows DELETE
		{"DELETE", "/v1/models/x/y", ""},
		{"GET", "/v1/modelsX", ""},
		{"GET", "/v1/model", ""},
		{"GET", "/V1/models", ""},
		{"GET", "/v1", ""},
		{"GET", "/", ""},
		{"POST", "/v1/models", ""},
		{"GET", "/admin", ""},
		{"GET", "/x/public", ""},
	} {
		r, capability, err := pass(service, Request{Method: c.method, Path: c.path})
		switch {
		case c.want == "" && !errors.Is(err, fault.Denied):
			t.Errorf("%s %s: %v, want it refused", c.method, c.path, err)
		case c.want == "":
			if text := err.Error(); !strings.HasPrefix(text, c.method+" gate"+c.path+": ") {
				t.Errorf("the refusal does not name the request: %s", text)
			}
		case err != nil || capability.ID != c.want:
			t.Errorf("%s %s: %v, %v", c.method, c.path, capability, err)
		case !r.isFor(capability) || r.isFor(&service.Capabilities[0]) && capability != &service.Capabilities[0]:
			t.Errorf("%s %s: not judged by %s", c.method, c.path, capability.ID)
		}
	}
}

// TestI24RefusalsAreNotAdmitted: a request that one service refused is for no capability, whatever it was before.
func TestI24RefusalsAreNotAdmitted(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	c, capability, err := pass(service, get("/objects/b/a//b"))
	if err != nil {
		t.Fatal(err)
	}
	other := parsedService(t, `
service: other
hosts: [api.other.example]
secrets: {OTHER_KEY: secret}
auth: {header: {name: authorization, value: "Bearer {{secret}}"}}
capabilities: [{id: other/objects, methods: [GET], paths: [/objects], risk: read}]
`)
	if _, err := Match(other, c); !errors.Is(err, fault.Denied) {
		t.Errorf("%v, want it refused", err)
	}
	if c.isFor(capability) || c.isFor(nil) {
		t.Error("it is still admitted")
	}
}

// TestI30RefusalsSayNoMoreThanTheRequest: method, service and canonical path, clipped, and what would be allowed.
func TestI30RefusalsSayNoMoreThanTheRequest(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	_, _, err := pass(service, Request{Method: "PUT", Path: "/v1/models", Query: "q=canary"})
	var e *fault.Error
	if !errors.As(err, &e) || e.Fix == "" || !strings.Contains(err.Error(), "gate/models allows GET, not PUT") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v, fix %q", err, e.Fix)
	}
	_, _, err = pass(service, get("/public/../"+strings.Repeat("x", 5000)))
	if err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), "segment 2 of the path has only dots") {
		t.Errorf("%v", err)
	}
}
