package baseurl_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// curl runs curl in a home of its own, and returns the status and everything that it shows: header, body, and errors.
func (h *home) curl(t *testing.T, stdin string, args ...string) (status, shown string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error", "--include", "--max-time", "60", "--write-out", "\n%{http_code}"}, args...)...)
	cmd.Env, cmd.Dir = h.environ(dir), dir
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("curl %v: %v\n%s", args, err, &out)
	}
	lines := strings.Split(out.String(), "\n")
	return lines[len(lines)-1], out.String()
}

// In each place where a service has its key, curl has a token, and the service gets the key.
func TestCurlWithTheKeyInEachPlace(t *testing.T) {
	t.Parallel()
	const key = "key-of-the-curl-tests-0123456789"
	type request struct {
		name string
		args func(base, token string) []string
	}
	header := func(base, token string) []string {
		return []string{"-H", "x-acme-key: " + token, base + "/v1/echo?a=b"}
	}
	bearer := func(base, token string) []string {
		return []string{"-H", "Authorization: Bearer " + token, base + "/v1/echo?a=b"}
	}
	basic := func(base, token string) []string { return []string{"-u", "acme:" + token, base + "/v1/echo?a=b"} }
	query := func(base, token string) []string { return []string{base + "/v1/echo?key=" + token + "&a=b"} }
	path := func(base, token string) []string { return []string{base + "/bot" + token + "/v1/echo?a=b"} }
	other := func(base, token string) []string { return []string{"-H", "x-other: " + token, base + "/v1/echo?a=b"} }
	otherQuery := func(base, token string) []string { return []string{base + "/v1/echo?a=b&other=" + token} }
	wrong := []request{
		{"header", header},
		{"bearer", bearer},
		{"basic", basic},
		{"query", query},
		{"path", path},
		{"another header", other},
		{"another parameter", otherQuery},
	}
	for _, c := range []struct {
		name, auth string
		right      func(base, token string) []string
		also       []string // other requests that stand in the same place
		seen       func(r *http.Request) string
		want       string
	}{
		{
			"header", `header: {name: x-acme-key, value: "{{secret}}"}`, header, nil,
			func(r *http.Request) string { return r.RequestURI + " " + r.Header.Get("X-Acme-Key") }, "/v1/echo?a=b " + key,
		},
		{
			"bearer", `header: {name: authorization, value: "Bearer {{secret}}"}`, bearer,
			[]string{"basic"},
			func(r *http.Request) string { return r.RequestURI + " " + r.Header.Get("Authorization") }, "/v1/echo?a=b Bearer " + key,
		},
		{
			"basic", `basic: {username: acme, password: "{{secret}}"}`, basic,
			[]string{"bearer"},
			func(r *http.Request) string {
				user, password, _ := r.BasicAuth()
				return r.RequestURI + " " + user + " " + password
			}, "/v1/echo?a=b acme " + key,
		},
		{
			"query", `query: {name: key, value: "{{secret}}"}`, query, nil,
			func(r *http.Request) string { return r.RequestURI }, "/v1/echo?a=b&key=" + key,
		},
		{
			"path", `path: {prefix: "/bot{{secret}}"}`, path, nil,
			func(r *http.Request) string { return r.RequestURI }, "/bot" + key + "/v1/echo?a=b",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			seen := &notebook{t: t}
			hosts, network := start(t, seen.watch(c.seen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				for name, values := range r.Header {
					w.Header()["Got-"+name] = values
				}
				_, _ = fmt.Fprintf(w, "%s %s %s %d %s", r.Method, r.RequestURI, r.Header, len(body), body[:min(len(body), 100)])
			})))
			service := "curl-" + c.name
			base, token := h.serve(t, service, fmt.Sprintf(`
service: %s
%s
secrets: {%s: secret}
auth:
  %s
capabilities:
  - {id: %s/echo, methods: [GET, POST], paths: [/v1/echo$], risk: write}
%s
`, service, hosts, "CURL_"+c.name, c.auth, service, network), "CURL_"+c.name, key)

			status, shown := h.curl(t, "", c.right(base, token)...)
			if got := seen.take(); status != "200" || !slices.Equal(got, []string{c.want}) {
				t.Errorf("status %s, the service got %q, want %q\n%s", status, got, c.want, shown)
			}
			absent(t, "what curl got", shown, key, token)
			if !strings.Contains(shown, "***") {
				t.Errorf("the echo of the key is not shown as ***:\n%s", shown)
			}

			// A large body, for which curl asks first whether it may send it; and one of unknown length.
			large := strings.Repeat("0123456789abcdef", 1<<17)
			for _, more := range [][]string{{"--data-binary", "@-", "-H", "Content-Type: text/plain"}, {"-X", "POST", "-T", "-"}} {
				status, shown = h.curl(t, large, append(more, c.right(base, token)...)...)
				if status != "200" || !strings.Contains(shown, fmt.Sprintf(" %d %s", len(large), large[:100])) {
					t.Errorf("%v: %s", more, shown)
				}
				absent(t, "what curl got", shown, key, token)
			}
			seen.take()

			for _, w := range wrong {
				if w.name == c.name || slices.Contains(c.also, w.name) {
					continue
				}
				status, shown := h.curl(t, "", w.args(base, token)...)
				if got := seen.take(); status != "400" && status != "401" || got != nil {
					t.Errorf("a token in the place %s: status %s, the service got %q\n%s", w.name, status, got, shown)
				}
			}
			// Twice, beside a key of the caller's own, and in the body.
			right := c.right(base, token)
			for _, args := range [][]string{
				append([]string{"-H", "x-other: " + token}, right...),
				append([]string{"-H", "x-api-key: somebody-elses"}, right...),
				append([]string{"-H", "Cookie: session=1"}, right...),
				append([]string{"--data", "token=" + token}, right...),
			} {
				if status, shown := h.curl(t, "", args...); status == "200" {
					t.Errorf("%v: status %s\n%s", args, status, shown)
				}
			}
			for _, line := range seen.take() { // the token in the body is seen only when the body is sent
				if line != c.want {
					t.Errorf("the service got %q", line)
				}
			}
			for _, args := range [][]string{{base + "/v1/echo"}, c.right(base, "tacit_"+strings.Repeat("a", len(token)-len("tacit_")))} {
				if status, shown := h.curl(t, "", args...); status != "401" {
					t.Errorf("%v: status %s\n%s", args, status, shown)
				}
			}
			if got := seen.take(); got != nil {
				t.Errorf("the service got %q", got)
			}

			log := h.run(t, "", "audit", "--principal", "agent/"+service, "--json")
			if !strings.Contains(log, service+"/echo") {
				t.Errorf("the log does not know of it:\n%s", log)
			}
			absent(t, "the log", log, key, token)
		})
	}
}

// An upstream that breaks off is said to be at fault: not tacit, and not who asked.
func TestCurlIsToldThatTheServiceIsDown(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	hosts, network := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	base, token := h.serve(t, "curl-down", fmt.Sprintf(`
service: curl-down
%s
secrets: {CURL_DOWN: secret}
auth:
  header: {name: authorization, value: "Bearer {{secret}}"}
capabilities:
  - {id: curl-down/all, methods: [GET], paths: [/], risk: read}
%s
`, hosts, network), "CURL_DOWN", "key-of-the-curl-tests-0123456789")
	if status, shown := h.curl(t, "", "-H", "Authorization: Bearer "+token, base+"/x"); status != "502" || !strings.Contains(shown, `"origin":"upstream"`) {
		t.Errorf("status %s\n%s", status, shown)
	}
}
