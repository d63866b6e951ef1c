package openapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tacit/client"
	"tacit/integration/openapi/api"
	"tacit/internal/keeper"
	"tacit/internal/secret"
	"tacit/internal/wire"
)

const demoKey = "a-key-of-the-demo-service"

// provide adds a service of one's own to a vault, with its secret: a server that repeats what it gets.
func provide(t *testing.T, k *keeper.Keeper) {
	t.Helper()
	upstream := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"said": string(body), "key": r.Header.Get("Authorization")})
	}))
	t.Cleanup(upstream.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: upstream.Certificate().Raw})
	file := fmt.Sprintf(`
service: demo
hosts: [%q]
secrets: {DEMO_KEY: secret}
auth:
  header: {name: authorization, value: "Bearer {{secret}}"}
capabilities:
  - {id: demo/echo, methods: [POST], paths: [/echo$], risk: read}
network: {allow_private: true, ca_pem: %q}
`, upstream.Listener.Addr(), ca)
	if _, err := k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: []byte(file)}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, Value: secret.New([]byte(demoKey)), Via: "set"}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CredentialCreate(t.Context(), owner, keeper.CredentialRequest{ID: "demo-2", Service: "demo", Secrets: map[string]string{"": "DEMO_KEY"}}); err != nil {
		t.Fatal(err)
	}
}

// services goes through what there is to use, and uses it.
func services(ctx context.Context, t *testing.T, c *api.ClientWithResponses, ok func(name string, answer interface{ StatusCode() int }, err error)) {
	t.Helper()
	const echo, second = "demo/echo", "demo-2"
	list, err := c.ListServicesWithResponse(ctx, nil, api.Empty{})
	ok("service list", list, err)
	service, err := c.DescribeServiceWithResponse(ctx, nil, api.ServiceRef{Service: "demo"})
	ok("service describe", service, err)
	openai, err := c.DescribeServiceWithResponse(ctx, nil, api.ServiceRef{Service: "openai"})
	ok("service describe", openai, err)
	capabilities, err := c.ListCapabilitiesWithResponse(ctx, nil, api.CapabilityListRequest{})
	ok("capability list", capabilities, err)
	described, err := c.DescribeCapabilityWithResponse(ctx, nil, api.CapabilityRef{Capability: "openai/chat-completions"})
	ok("capability describe", described, err)
	rate, slow := int64(600), int64(20_000)
	limited, err := c.LimitCapabilityWithResponse(ctx, nil, api.LimitRequest{Capability: echo, RatePerMinute: &rate, TimeoutMs: &slow, Redact: &[]string{"email"}})
	ok("capability limit", limited, err)
	if limited.JSON200.Limits.TimeoutMs == nil || *limited.JSON200.Limits.TimeoutMs != slow {
		t.Errorf("capability limit: %s", limited.Body)
	}
	bound, err := c.BindCapabilityWithResponse(ctx, nil, api.BindRequest{Capability: echo, Credential: ptrTo(second)})
	ok("capability bind", bound, err)
	bindings, err := c.ListBindingsWithResponse(ctx, nil, api.Empty{})
	ok("capability bindings", bindings, err)
	credentials, err := c.ListCredentialsWithResponse(ctx, nil, api.Empty{})
	ok("credential list", credentials, err)
	if credentials.JSON200 == nil || credentials.JSON200.Total != 2 {
		t.Errorf("credential list: %s", credentials.Body)
	}

	invoked, err := c.InvokeCapabilityWithResponse(ctx, nil, api.InvokeRequest{Capability: echo, BodyText: ptrTo("hello")})
	ok("capability invoke", invoked, err)
	if invoked.JSON200 == nil || invoked.JSON200.Credential != second || !strings.Contains(string(invoked.Body), `"body":{"key":"***","said":"hello"}`) {
		t.Errorf("capability invoke: %s", invoked.Body)
	}
	used(ctx, t, c)

	unbound, err := c.UnbindCapabilityWithResponse(ctx, nil, api.BindRequest{Capability: echo})
	ok("capability unbind", unbound, err)
	removed, err := c.RemoveCredentialWithResponse(ctx, nil, api.CredentialRef{Credential: second})
	ok("credential remove", removed, err)
}

// used reads a stream as docs/api.md describes it.
func used(ctx context.Context, t *testing.T, c *api.ClientWithResponses) {
	t.Helper()
	ask := `{"service":"demo","method":"POST","path":"/echo","content_length":-1}` + "\n\x00bytes"
	resp, err := c.UseCapabilityWithBody(ctx, nil, "application/vnd.tacit.use", strings.NewReader(ask))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	line, body, _ := strings.Cut(string(b), "\n")
	var head client.UsedHead
	if uerr := wire.Unmarshal([]byte(line), &head); err != nil || uerr != nil || head.Status != http.StatusOK || body != `{"key":"***","said":"\u0000bytes"}`+"\n" {
		t.Errorf("capability use: %d %q, %v", resp.StatusCode, b, err)
	}
	end, err := base64.StdEncoding.DecodeString(resp.Trailer.Get("Tacit-End"))
	var last client.UsedEnd
	if uerr := wire.Unmarshal(end, &last); err != nil || uerr != nil || last.BytesUp != 6 || last.Redactions != 1 || last.Problem != nil {
		t.Errorf("capability use ended with %q, %v", end, err)
	}
}

func ptrTo(s string) *string { return &s }
