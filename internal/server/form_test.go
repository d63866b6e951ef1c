package server_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/server"
	"tacit/internal/wire"
)

// ask sends one request to a server with canned answers. header is "Name: value".
func ask(o server.Options, method, path, body string, header ...string) *httptest.ResponseRecorder {
	if o.API == nil {
		o.API = canned{}
	}
	if o.Caller == nil {
		o.Caller = anOwner
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	server.New(o).ServeHTTP(w, r)
	return w
}

const asJSON = "Content-Type: application/json"

// TestForm refuses what has not the form of a request, and says why.
func TestForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		detail             string
	}{
		"a request":           {"POST", wire.Get, `{"name":"a"}`, []string{asJSON}, 200, ""},
		"with a charset":      {"POST", wire.Get, `{"name":"a"}`, []string{asJSON + "; charset=UTF-8"}, 200, ""},
		"no type":             {"POST", wire.Get, `{"name":"a"}`, nil, 415, "the body must be application/json"},
		"a form":              {"POST", wire.Get, `name=a`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415, ""},
		"plain text":          {"POST", wire.Get, `{"name":"a"}`, []string{"Content-Type: text/plain"}, 415, ""},
		"another charset":     {"POST", wire.Get, `{"name":"a"}`, []string{asJSON + "; charset=utf-16"}, 415, ""},
		"two types":           {"POST", wire.Get, `{"name":"a"}`, []string{asJSON, asJSON}, 415, ""},
		"compressed":          {"POST", wire.Get, `{"name":"a"}`, []string{asJSON, "Content-Encoding: gzip"}, 415, "no operation takes an encoded body"},
		"another method":      {"PUT", wire.Get, `{"name":"a"}`, []string{asJSON}, 405, "the method of this operation is POST"},
		"GET":                 {"GET", wire.Get, "", nil, 405, ""},
		"OPTIONS":             {"OPTIONS", wire.Get, "", nil, 405, ""},
		"HEAD":                {"HEAD", wire.Status, "", nil, 405, ""},
		"a body for status":   {"GET", wire.Status, `{}`, []string{asJSON}, 400, "this operation takes no body"},
		"a query":             {"POST", wire.Get + "?name=a", `{"name":"a"}`, []string{asJSON}, 400, "no operation takes a query"},
		"no operation":        {"POST", "/api/v1/secret/teleport", `{}`, []string{asJSON}, 404, "no such operation"},
		"a slash more":        {"POST", wire.Get + "/", `{}`, []string{asJSON}, 404, ""},
		"two slashes":         {"POST", "/api/v1//secret/get", `{}`, []string{asJSON}, 404, ""},
		"dots":                {"POST", "/api/v1/secret/../secret/get", `{}`, []string{asJSON}, 404, ""},
		"encoded":             {"POST", "/api/v1/secret%2fget", `{}`, []string{asJSON}, 404, ""},
		"a proxy request":     {"POST", "http://evil.example" + wire.Get, `{"name":"a"}`, []string{asJSON}, 400, "this is not a proxy"},
		"of a page":           {"POST", wire.Get, `{"name":"a"}`, []string{asJSON, "Origin: https://evil.example"}, 403, "requests of web pages are not answered"},
		"of no origin":        {"POST", wire.Get, `{"name":"a"}`, []string{asJSON, "Origin: null"}, 403, ""},
		"of the same site":    {"GET", wire.Status, "", []string{"Sec-Fetch-Site: same-origin"}, 403, ""},
		"typed":               {"GET", wire.Status, "", []string{"Sec-Fetch-Site: none"}, 200, ""},
		"no JSON":             {"POST", wire.Get, `name: a`, []string{asJSON}, 400, "not valid JSON"},
		"cut":                 {"POST", wire.Get, `{"name":"a`, []string{asJSON}, 400, "the JSON ends too early"},
		"empty":               {"POST", wire.Get, "", []string{asJSON}, 400, "the JSON ends too early"},
		"two documents":       {"POST", wire.Get, `{"name":"a"}{"name":"b"}`, []string{asJSON}, 400, "not valid JSON"},
		"a list":              {"POST", wire.Get, `[]`, []string{asJSON}, 400, "wrong type"},
		"an unknown member":   {"POST", wire.Get, `{"name":"a","nmae":"b"}`, []string{asJSON}, 400, `unknown member "/nmae"`},
		"another case":        {"POST", wire.Get, `{"Name":"a"}`, []string{asJSON}, 400, `unknown member "/Name"`},
		"a member twice":      {"POST", wire.Get, `{"name":"a","name":"b"}`, []string{asJSON}, 400, `"/name" is there twice`},
		"a wrong type":        {"POST", wire.Get, `{"name":7}`, []string{asJSON}, 400, `"/name" has the wrong type`},
		"not UTF-8":           {"POST", wire.Get, "{\"name\":\"\xff\"}", []string{asJSON}, 400, "not valid JSON"},
		"a lone surrogate":    {"POST", wire.Get, `{"name":"\ud800"}`, []string{asJSON}, 400, "not valid JSON"},
		"nested":              {"POST", wire.Get, `{"name":` + strings.Repeat("[", 20000), []string{asJSON}, 400, ""},
		"nested in nothing":   {"POST", wire.Get, `{"zz":` + strings.Repeat(`{"a":`, 9000), []string{asJSON}, 400, ""},
		"too large":           {"POST", wire.Get, `{"name":"` + strings.Repeat("a", 64<<10) + `"}`, []string{asJSON}, 413, "larger than 65536 bytes"},
		"many":                {"POST", wire.GetMany, `{"requests":[{"name":"a"},{"name":"b","field":"x"}]}`, []string{asJSON}, 200, ""},
		"none of many":        {"POST", wire.GetMany, `{"requests":[]}`, []string{asJSON}, 400, "from 1 to 256 secrets, not 0"},
		"too many":            {"POST", wire.GetMany, `{"requests":[` + strings.Repeat(`{"name":"a"},`, 256) + `{"name":"a"}]}`, []string{asJSON}, 400, "from 1 to 256 secrets, not 257"},
		"one that is wrong":   {"POST", wire.GetMany, `{"requests":[{"name":"a"},{"nmae":"b"}]}`, []string{asJSON}, 400, `unknown member "/requests/1/nmae"`},
		"many are too large":  {"POST", wire.GetMany, `{"requests":[{"name":"` + strings.Repeat("a", 1<<20) + `"}]}`, []string{asJSON}, 413, "larger than 1048576 bytes"},
		"two values":          {"POST", wire.Set, `{"name":"a","value":"s3cr3t","value_base64":"czNjcjN0"}`, []string{asJSON}, 400, "exclude each other"},
		"a value that is not": {"POST", wire.Set, `{"name":"a","value":["s3cr3t"]}`, []string{asJSON}, 400, `"/value" has the wrong type`},
		"no base64":           {"POST", wire.Set, `{"name":"a","value_base64":"s3cr3t!"}`, []string{asJSON}, 400, "value_base64 is not base64"},
		"an unknown via":      {"POST", wire.Set, `{"name":"a","value":"s3cr3t","via":"s3cr3t"}`, []string{asJSON}, 400, "via is set, generate, edit or import"},
		"a bad duration":      {"POST", wire.Due, `{"within":"soon"}`, []string{asJSON}, 400, "within"},
		"an import of JSON":   {"POST", wire.Import, `{}`, []string{asJSON}, 415, ""},
		"an empty import":     {"POST", wire.Import, "", []string{"Content-Type: " + wire.Lines}, 400, "an import begins with a line that says how"},
		"a long line":         {"POST", wire.Import, "{}\n{\"name\":\"" + strings.Repeat("a", 2<<20), []string{"Content-Type: " + wire.Lines}, 413, "a line is larger than 1048576 bytes"},
		"a bad entry":         {"POST", wire.Import, "{}\n{\"nam\":\"a\"}\n", []string{"Content-Type: " + wire.Lines}, 400, `unknown member "/nam"`},
		"an abandoned import": {"POST", wire.Import, "{}\n{\"name\":\"a\"}\n{\"abandon\":\"tampered\"}\n", []string{"Content-Type: " + wire.Lines}, 500, "abandoned"},
		"abandoned for what":  {"POST", wire.Import, "{}\n{\"abandon\":\"because\"}\n", []string{"Content-Type: " + wire.Lines}, 500, "abandoned"},
		"a bad claim":         {"GET", wire.Whoami, "", []string{wire.HeaderWorkspace + ": %zz"}, 400, "percent-encoded"},
		"two claims":          {"GET", wire.Whoami, "", []string{wire.HeaderGroup + ": a", wire.HeaderGroup + ": b"}, 400, "there once"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := ask(server.Options{}, c.method, c.path, c.body, c.header...)
			if resp.Code != c.status {
				t.Errorf("%d, want %d", resp.Code, c.status)
			}
			p := checkAnswer(t, resp)
			if !strings.Contains(p.Detail, c.detail) || strings.Contains(p.Detail, "s3cr3t") || len(p.Detail) > 300 {
				t.Errorf("it says %q, want %q", p.Detail, c.detail)
			}
			if c.status == 405 && resp.Header().Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

// TestHosts: a server that is reached by name answers to its names only.
func TestHosts(t *testing.T) {
	t.Parallel()
	o := server.Options{Hosts: []string{"tacit.example:8443"}}
	for host, status := range map[string]int{"tacit.example:8443": 200, "Tacit.Example:8443": 200, "tacit.example": 421, "rebound.evil.example": 421, "127.0.0.1:8443": 421, "": 421} {
		if resp := ask(o, "GET", wire.Status, "", "Host: "+host); resp.Code != status {
			t.Errorf("%q: %d", host, resp.Code)
		}
	}
}

// TestClaims: the owner says in which workspace and group it is; for anyone else it does not count.
func TestClaims(t *testing.T) {
	t.Parallel()
	for owner, want := range map[bool]string{true: `"workspace":"we b/ü","group":"g"`, false: `"workspace":"w","group":""`} {
		o := server.Options{Caller: func(*http.Request) (keeper.Caller, error) {
			if owner {
				return keeper.Caller{Owner: true}, nil
			}
			return keeper.Caller{Principal: "agent/x", Workspace: "w"}, nil
		}}
		resp := ask(o, "GET", wire.Whoami, "", wire.HeaderWorkspace+": we%20b%2F%C3%BC", wire.HeaderGroup+": g")
		if !strings.Contains(resp.Body.String(), want) {
			t.Errorf("owner %v: %s", owner, resp.Body)
		}
	}
}

// TestBusy says when to come back.
func TestBusy(t *testing.T) {
	t.Parallel()
	o := server.Options{Caller: func(*http.Request) (keeper.Caller, error) {
		return keeper.Caller{}, fault.New(fault.Busy, "another process holds the vault")
	}}
	resp := ask(o, "GET", wire.Status, "")
	if resp.Code != 503 || resp.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v", resp.Code, resp.Header())
	}
}

// TestOnlyNotFoundIs404: what falls through to the next provider must not look like anything else (I19).
func TestOnlyNotFoundIs404(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		if status := code.Status(); (status == 404) != (code == fault.NotFound) || status < 400 || status > 599 {
			t.Errorf("%s is %d", code, status)
		}
	}
}

// TestI31NoPresence enumerates what the server answers, and asks for every presence operation by each name that it could have.
func TestI31NoPresence(t *testing.T) {
	t.Parallel()
	known := []string{
		"/status", "/whoami", "/secret/get", "/secret/get-many", "/secret/show", "/secret/list", "/secret/names", "/secret/history", "/secret/diff", "/secret/due",
		"/secret/set", "/secret/rotate", "/secret/update", "/secret/move", "/secret/rollback", "/secret/remove", "/secret/purge", "/secret/import",
		"/provider/decide", "/provider/record", "/audit/list", "/audit/follow", "/audit/export", "/audit/who", "/audit/verify", "/audit/checkpoint",
		"/token/create", "/token/list", "/token/revoke", "/grant/add", "/grant/list", "/grant/remove",
		"/policy/show", "/policy/set", "/policy/test", "/policy/explain",
		"/service/list", "/service/describe", "/credential/list", "/credential/remove",
		"/capability/list", "/capability/describe", "/capability/limit", "/capability/bind", "/capability/unbind", "/capability/bindings",
		"/capability/invoke", "/capability/use",
	}
	var routes []string
	for _, p := range server.Routes() {
		routes = append(routes, strings.TrimPrefix(p, wire.Version))
	}
	slices.Sort(known)
	slices.Sort(routes)
	if !slices.Equal(routes, known) {
		t.Errorf("the operations are\n%v\nwant\n%v\na new one is added here on purpose, and never one of keeper.Owner", routes, known)
	}
	nouns := []string{"", "/slot", "/slots", "/secret", "/vault", "/root", "/backup", "/service", "/credential", "/audit", "/network", "/owner", "/agent"}
	verbs := []string{
		"/add", "/rm", "/remove", "/list", "/test", "/slotadd", "/slot-add", "/rotate", "/rotate-root", "/rotateroot", "/export", "/backup", "/restore", "/replace",
		"/import-replace", "/importbackup", "/import-backup", "/unseal", "/readable", "/prune", "/create", "/permit", "/allow", "/rollback", "/accept", "/doctor", "/variables", "/init",
	}
	for _, n := range nouns {
		for _, v := range verbs {
			if slices.Contains(known, n+v) {
				continue
			}
			for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
				if resp := ask(server.Options{}, method, wire.Version+n+v, "{}", asJSON); resp.Code != 404 {
					t.Errorf("%s %s: %d", method, n+v, resp.Code)
				}
			}
		}
	}
	// An operation that is here has no member that would make it one that is not.
	for body, path := range map[string]string{
		`{"name":"a","readable":true}`: wire.Update, `{"name":"a","seal":false,"unseal":true}`: wire.Update, `{"replace":true}`: wire.Import, `{"values":true}`: wire.List,
	} {
		media := asJSON
		if path == wire.Import {
			media = "Content-Type: " + wire.Lines
		}
		if resp := ask(server.Options{}, "POST", path, body, media); resp.Code != 400 {
			t.Errorf("%s %s: %d", path, body, resp.Code)
		}
	}
}
