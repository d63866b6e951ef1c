package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/util"
	"go.yaml.in/yaml/v4"

	"tacit/integration/openapi/api"
	"tacit/internal/agent"
	"tacit/internal/server"
)

const document = "../../docs/openapi.yaml"

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestDocument: the document is valid OpenAPI 3.1, and has the operations of the server and of the agent itself: all of them, and no
// other.
func TestDocument(t *testing.T) {
	t.Parallel()
	doc := load(t)
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	var paths []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if want := map[bool]string{true: "GET", false: "POST"}[item.Get != nil]; method != want {
				t.Errorf("%s has the method %s", path, method)
			}
		}
		paths = append(paths, path)
	}
	routes := append(server.Routes(), agent.Routes()...)
	slices.Sort(paths)
	slices.Sort(routes)
	if !slices.Equal(paths, routes) {
		t.Errorf("the document has\n%v\nserver and agent have\n%v", paths, routes)
	}
}

// TestGenerated: the client that is tested here is the one that the document of today makes.
func TestGenerated(t *testing.T) {
	t.Parallel()
	var o codegen.Configuration
	config, err := os.ReadFile("api/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(config, &struct {
		Package  *string                  `yaml:"package"`
		Generate *codegen.GenerateOptions `yaml:"generate"`
	}{&o.PackageName, &o.Generate}); err != nil {
		t.Fatal(err)
	}
	doc, err := util.LoadSwagger(document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := codegen.Generate(doc, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("api/api.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	// The comment at the top names the version of the program that was run, which a test has none of.
	if body(string(got)) != body(want) {
		t.Error("docs/openapi.yaml has changed: run go generate ./... in integration/")
	}
}

func body(source string) string {
	_, after, _ := strings.Cut(source, "\npackage ")
	return after
}

// checking sends requests and holds them and their answers to the document.
type checking struct {
	t      *testing.T
	next   http.RoundTripper
	router routers.Router
	asked  map[string]bool // operations that were answered with 200
}

// RoundTrip implements http.RoundTripper.
func (c *checking) RoundTrip(r *http.Request) (*http.Response, error) {
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		return c.next.RoundTrip(r)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		c.t.Errorf("request: %v", err)
	}
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	switch resp.Header.Get("Content-Type") {
	case "application/vnd.tacit.use": // see used
	case "application/x-ndjson":
		resp.Body = &lineCheck{ReadCloser: resp.Body, c: c, name: strings.Fields(*route.Operation.Responses.Status(200).Value.Description)[4]}
	default:
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(b))
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
		if err := openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(b)); err != nil {
			c.t.Errorf("%s: answer: %v", r.URL.Path, err)
		}
		c.noMore(r.URL.Path, route, resp.StatusCode, b)
	}
	if resp.StatusCode == http.StatusOK {
		c.asked[r.URL.Path] = true
	}
	return resp, nil
}

// noMore checks that an answer has no member at its top that the document does not tell of.
func (c *checking) noMore(path string, route *routers.Route, status int, b []byte) {
	responses, media := route.Operation.Responses.Status(status), "application/json"
	if responses == nil {
		responses, media = route.Operation.Responses.Default(), "application/problem+json"
	}
	var members map[string]any
	_ = json.Unmarshal(b, &members)
	for m := range members {
		if _, ok := responses.Value.Content[media].Schema.Value.Properties[m]; !ok {
			c.t.Errorf("%s: the answer has %q, which the document does not tell of", path, m)
		}
	}
}

// lineCheck holds the lines of a stream to a schema.
type lineCheck struct {
	io.ReadCloser
	c    *checking
	name string // of the schema
	line []byte // that is not whole yet
}

func (l *lineCheck) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.line = append(l.line, p[:n]...)
	for {
		line, rest, ok := bytes.Cut(l.line, []byte("\n"))
		if !ok {
			return n, err
		}
		l.line = rest
		var v any
		if jerr := json.Unmarshal(line, &v); jerr != nil {
			l.c.t.Errorf("a line that is no JSON: %q", line)
		}
		schema := l.c.doc().Components.Schemas[strings.TrimSuffix(l.name, ".")]
		if schema == nil {
			l.c.t.Errorf("no schema %q", l.name)
			continue
		}
		if verr := schema.Value.VisitJSON(v, openapi3.MultiErrors()); verr != nil {
			l.c.t.Errorf("a line: %v", verr)
		}
	}
}

func (c *checking) doc() *openapi3.T { return load(c.t) }

// TestGeneratedClient makes one call to each operation with the generated client on a real vault. Every request and every answer
// fits the document.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	doc := load(t)
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	// Lines are not JSON as a whole: they are looked at one by one.
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/vnd.tacit.use", openapi3filter.PlainBodyDecoder)
	check := &checking{t: t, next: serve(t), router: router, asked: map[string]bool{}}
	c, err := api.NewClientWithResponses("http://tacit", api.WithHTTPClient(&http.Client{Transport: check}))
	if err != nil {
		t.Fatal(err)
	}
	ptr := func(s string) *string { return &s }
	number := func(n int64) *int64 { return &n }
	ok := func(name string, answer interface{ StatusCode() int }, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if status := answer.StatusCode(); status != http.StatusOK {
			t.Fatalf("%s: %d", name, status)
		}
	}

	set, err := c.SetSecretWithResponse(ctx, nil, api.SetRequest{Name: "db/password", Value: ptr("the first value, which is long"), Tags: &[]string{"prod"}, RotateEvery: ptr("30d")})
	ok("set", set, err)
	binary, err := c.SetSecretWithResponse(ctx, nil, api.SetRequest{Name: "binary", ValueBase64: ptr("//4="), Generate: nil})
	ok("set binary", binary, err)
	rotated, err := c.RotateSecretWithResponse(ctx, nil, api.RotateRequest{Name: "db/password", Value: ptr("the second value"), Overlap: ptr("24h")})
	ok("rotate", rotated, err)
	updated, err := c.UpdateSecretWithResponse(ctx, nil, api.UpdateRequest{Name: "db/password", AddTags: &[]string{"eu"}, Note: ptr("a note")})
	ok("update", updated, err)
	moved, err := c.MoveSecretWithResponse(ctx, nil, api.MoveRequest{Name: "db/password", To: "db/main"})
	ok("move", moved, err)

	got, err := c.GetSecretWithResponse(ctx, nil, api.GetRequest{Name: "db/main"})
	ok("get", got, err)
	if got.JSON200 == nil || got.JSON200.Value == nil || *got.JSON200.Value != "the second value" {
		t.Errorf("get: %s", got.Body)
	}
	raw, err := c.GetSecretWithResponse(ctx, nil, api.GetRequest{Name: "binary"})
	ok("get binary", raw, err)
	if raw.JSON200 == nil || raw.JSON200.Value != nil || raw.JSON200.ValueBase64 == nil || *raw.JSON200.ValueBase64 != "//4=" {
		t.Errorf("get binary: %s", raw.Body)
	}
	many, err := c.GetSecretsWithResponse(ctx, nil, api.GetManyRequest{Requests: []api.GetRequest{{Name: "db/main"}, {Name: "db/other"}}})
	ok("get many", many, err)
	if a := many.JSON200.Answers; len(a) != 2 || a[0].Read == nil || *a[0].Read.Value != "the second value" || a[1].Problem == nil || a[1].Problem.Code != "not_found" {
		t.Errorf("get many: %s", many.Body)
	}
	shown, err := c.ShowSecretWithResponse(ctx, nil, api.SecretRef{Name: "db/main"})
	ok("show", shown, err)
	list, err := c.ListSecretsWithResponse(ctx, nil, api.ListRequest{})
	ok("list", list, err)
	if list.JSON200 == nil || list.JSON200.Total != 3 {
		t.Errorf("list: %s", list.Body)
	}
	if names := lines(t, "names")(c.ListNames(ctx, nil, api.ListRequest{})); !slices.Equal(names, []string{`{"name":"DEMO_KEY"}`, `{"name":"binary"}`, `{"name":"db/main"}`}) {
		t.Errorf("names: %q", names)
	}
	history, err := c.SecretHistoryWithResponse(ctx, nil, api.SecretRef{Name: "db/main"})
	ok("history", history, err)
	diff, err := c.DiffVersionsWithResponse(ctx, nil, api.DiffRequest{Name: "db/main", A: number(1), B: number(2)})
	ok("diff", diff, err)
	due, err := c.DueSecretsWithResponse(ctx, nil, api.DueRequest{Within: ptr("60d")})
	ok("due", due, err)

	decided, err := c.DecideExternalWithResponse(ctx, nil, api.DecideRequest{Action: "read", Provider: "env", Names: &[]string{"a", "b"}})
	ok("decide", decided, err)
	recorded, err := c.RecordExternalWithResponse(ctx, nil, api.RecordRequest{Id: decided.JSON200.Id, Outcomes: &[]api.Outcome{{Name: "a", Version: new(3)}}})
	ok("record", recorded, err)

	back, err := c.RollbackSecretWithResponse(ctx, nil, api.SecretRef{Name: "db/main", Version: number(1)})
	ok("rollback", back, err)
	purged, err := c.PurgeVersionsWithResponse(ctx, nil, api.PurgeRequest{Name: "db/main", Versions: []int64{2}})
	ok("purge", purged, err)
	removed, err := c.RemoveSecretsWithResponse(ctx, nil, api.RemoveRequest{Names: []string{"binary"}})
	ok("remove", removed, err)
	entries := "{\"format\":\"json\"}\n{\"name\":\"i/one\",\"value\":\"1\"}\n{\"name\":\"i/two\",\"value_base64\":\"/w==\"}\n"
	imported, err := c.ImportSecretsWithBodyWithResponse(ctx, nil, "application/x-ndjson", strings.NewReader(entries))
	ok("import", imported, err)
	if imported.JSON200 == nil || imported.JSON200.Counts.Create != 2 {
		t.Errorf("import: %s", imported.Body)
	}

	audit, err := c.ListAuditWithResponse(ctx, nil, api.AuditQuery{Limit: number(5)})
	ok("audit", audit, err)
	if records := lines(t, "audit export")(c.ExportAudit(ctx, nil, api.AuditQuery{})); len(records) < 10 {
		t.Errorf("audit export: %d lines", len(records))
	}
	who, err := c.WhoSawWithResponse(ctx, nil, api.SecretRef{Name: "db/main"})
	ok("audit who", who, err)
	note, err := c.CheckpointAuditWithResponse(ctx, nil, api.Empty{})
	ok("audit checkpoint", note, err)
	verified, err := c.VerifyAuditWithResponse(ctx, nil, api.AuditVerifyRequest{Checkpoint: &note.JSON200.Checkpoint})
	ok("audit verify", verified, err)
	follow(ctx, t, c)

	access(ctx, t, c, ok)
	services(ctx, t, c, ok)
	status, err := c.StatusWithResponse(ctx, nil)
	ok("status", status, err)
	whoami, err := c.WhoamiWithResponse(ctx, &api.WhoamiParams{TacitWorkspace: ptr("web")})
	ok("whoami", whoami, err)
	if whoami.JSON200 == nil || whoami.JSON200.Workspace == nil || *whoami.JSON200.Workspace != "web" {
		t.Errorf("whoami: %s", whoami.Body)
	}

	missing, err := c.GetSecretWithResponse(ctx, nil, api.GetRequest{Name: "db/other"})
	if err != nil || missing.StatusCode() != http.StatusNotFound || missing.ApplicationproblemJSONDefault == nil || missing.ApplicationproblemJSONDefault.Code != "not_found" {
		t.Errorf("a secret that is missing: %s, %v", missing.Body, err)
	}
	ownOperations(ctx, t, c, ok)
	for _, path := range append(server.Routes(), agent.Routes()...) {
		if !check.asked[path] && path != "/api/v1/agent/unlock" { // which ends with a key, and began all this: see serve
			t.Errorf("%s was not asked", path)
		}
	}
}

// ownOperations goes through what is about the agent itself, and ends it.
func ownOperations(ctx context.Context, t *testing.T, c *api.ClientWithResponses, ok func(name string, answer interface{ StatusCode() int }, err error)) {
	t.Helper()
	status, err := c.AgentStatusWithResponse(ctx, nil)
	ok("agent status", status, err)
	if status.JSON200 == nil || status.JSON200.Locked || status.JSON200.LocksAt == nil {
		t.Errorf("agent status: %s", status.Body)
	}
	hello, err := c.AgentHelloWithResponse(ctx, nil)
	ok("agent hello", hello, err)
	proxy, err := c.AgentProxyWithResponse(ctx, nil)
	ok("agent proxy", proxy, err)
	reloaded, err := c.AgentReloadWithResponse(ctx, nil)
	ok("agent reload", reloaded, err)
	refused, err := c.AgentUnlockWithResponse(ctx, &api.AgentUnlockParams{Upgrade: api.TacitRootKey}, api.UnlockRequest{Slot: "1", ForSeconds: 1, IdleSeconds: 31622400 + 1})
	if err != nil || refused.StatusCode() != http.StatusBadRequest || refused.ApplicationproblemJSONDefault == nil {
		t.Errorf("agent unlock, for too long: %s, %v", refused.Body, err)
	}
	locked, err := c.AgentLockWithResponse(ctx, nil)
	ok("agent lock", locked, err)
	if locked.JSON200 == nil || !locked.JSON200.Locked {
		t.Errorf("agent lock: %s", locked.Body)
	}
	stopped, err := c.AgentStopWithResponse(ctx, nil)
	ok("agent stop", stopped, err)
}

// access goes through tokens, grants and policies.
func access(ctx context.Context, t *testing.T, c *api.ClientWithResponses, ok func(name string, answer interface{ StatusCode() int }, err error)) {
	t.Helper()
	const demo = "agent/demo"
	made, err := c.CreateTokenWithResponse(ctx, nil, api.TokenRequest{Principal: demo, Allow: []string{"read ci/*"}})
	ok("token create", made, err)
	tokens, err := c.ListTokensWithResponse(ctx, nil, api.Empty{})
	ok("token list", tokens, err)
	revoked, err := c.RevokeTokensWithResponse(ctx, nil, api.TokenRevokeRequest{Which: made.JSON200.Id})
	ok("token revoke", revoked, err)
	grant, err := c.AddGrantWithResponse(ctx, nil, api.GrantRequest{Principal: demo, Rule: "read db/*"})
	ok("grant add", grant, err)
	grants, err := c.ListGrantsWithResponse(ctx, nil, api.Empty{})
	ok("grant list", grants, err)
	why, err := c.ExplainDecisionWithResponse(ctx, nil, api.ExplainRequest{Principal: demo, Action: "read", Object: "db/main"})
	ok("policy explain", why, err)
	if why.JSON200.Decision != "allow" {
		t.Errorf("policy explain: %s", why.Body)
	}
	tested, err := c.TestPoliciesWithResponse(ctx, nil, api.PolicyTestRequest{File: "cases:\n  - {principal: agent/demo, action: read, object: db/main, expect: allow}\n"})
	ok("policy test", tested, err)
	removed, err := c.RemoveGrantWithResponse(ctx, nil, api.GrantRemoveRequest{Id: grant.JSON200.Id})
	ok("grant remove", removed, err)
	set, err := c.SetPoliciesWithResponse(ctx, nil, api.PolicySetRequest{Text: "// none\n"})
	ok("policy set", set, err)
	shown, err := c.ShowPoliciesWithResponse(ctx, nil, api.Empty{})
	ok("policy show", shown, err)
}

// lines returns the lines of a stream. What oapi-codegen makes of an answer would take them for one JSON document.
func lines(t *testing.T, name string) func(*http.Response, error) []string {
	return func(resp *http.Response, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %v", name, resp.Status, err)
		}
		return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
}

// follow takes the first record of a stream that has no end.
func follow(ctx context.Context, t *testing.T, c *api.ClientWithResponses) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	resp, err := c.FollowAudit(ctx, nil, api.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var record api.AuditRecord
	if err := json.NewDecoder(resp.Body).Decode(&record); err != nil || resp.StatusCode != http.StatusOK || record.Seq != 1 {
		t.Errorf("audit follow: %d, %+v, %v", resp.StatusCode, record, err)
	}
}
