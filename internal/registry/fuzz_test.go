package registry

import (
	"bytes"
	"strings"
	"testing"
)

// every is one file of each strategy.
func every() []string {
	var all []string
	for _, auth := range []string{
		`{header: {name: x-key, value: "{{secret}}"}}`,
		`{headers: [{name: x-id, value: "{{secret.id}}"}, {name: x-key, value: "{{secret.key}}"}]}`,
		`{query: {name: key, value: "{{secret}}"}}`,
		`{queries: [{name: key, value: "{{secret}}"}, {name: v, value: "1"}]}`,
		`{path: {prefix: "/bot{{secret}}"}}`,
		`{basic: {username: api, password: "{{secret}}"}}`,
		`{basic: {username: "{{secret}}"}}`,
		`{body: {field: api_key, value: "{{secret}}"}}`,
		`{oauth2: {grant: refresh_token, token_url: "https://login.acme.example/token", scopes: [a, "https://b.example/c"]}}`,
		`{oauth2: {grant: authorization_code, token_url: "https://login.acme.example/token", auth_url: "https://login.acme.example/a?b=c"}}`,
		`{hmac: {algorithm: sha256, header: x-signature, value: "t={{timestamp}},v1={{signature}}", canonical: "{{timestamp}}.{{body}}"}}`,
		`{hmac: {algorithm: sha256, header: x-signature, value: "{{signature}}", canonical: "{{body}}", headers: [{name: x-time, value: "{{timestamp}}"}, {name: X-Key-Id, value: k1}]}}`,
		`{body: [{field: client_id, value: "{{secret.id}}"}, {field: secret, value: "{{secret.key}}"}]}`,
		`{mtls: {certificate: "{{secret.certificate}}", private_key: "{{secret.key}}"}}`,
	} {
		all = append(all, strings.Replace(base, `{header: {name: authorization, value: "Bearer {{secret}}"}}`, auth, 1))
	}
	aws := strings.Replace(base, `{header: {name: authorization, value: "Bearer {{secret}}"}}`, `{sigv4: {service: s3}}`, 1)
	aws = strings.Replace(aws, "{ACME_API_KEY: secret}", "{ACME_API_KEY: secret_access_key, ACME_ID: access_key_id}", 1)
	aws = strings.Replace(aws, "risk: write, example", "risk: write, opaque_path: true, example", 1)
	return append(all, acme, base, aws)
}

// FuzzParseService: whatever the bytes, a file is a service or has problems with lines; a service is written and read back as itself,
// and its examples are judged by their own capabilities.
func FuzzParseService(f *testing.F) {
	for _, text := range every() {
		f.Add([]byte(text))
	}
	for _, m := range mistakes() {
		if len(m.new) < 4096 {
			f.Add([]byte(strings.Replace(base, m.old, m.new, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, origin := range []Origin{Own, Builtin} {
			s, problems := Check(text, origin)
			if (s == nil) != (len(problems) > 0) {
				t.Fatalf("service %v, problems %v", s, problems)
			}
			lines := bytes.Count(text, []byte("\n")) + 1
			for _, p := range problems {
				if p.Line < 1 || p.Line > lines || strings.ContainsAny(p.Text, "\n\x1b") {
					t.Fatalf("problem %+q", p)
				}
			}
			if s != nil {
				sound(t, s)
			}
		}
	})
}

// sound checks what every service holds.
func sound(t *testing.T, s *Service) {
	again, problems := Check(s.Encode(), s.Origin)
	if again == nil {
		t.Fatalf("what was encoded is not read back: %v\n%s", problems, s.Encode())
	}
	if !bytes.Equal(again.Encode(), s.Encode()) || again.Hash() != s.Hash() {
		t.Fatalf("encoded twice:\n%s\n%s", s.Encode(), again.Encode())
	}
	for i := range s.Capabilities {
		c := &s.Capabilities[i]
		for _, host := range s.HostsOf(c) {
			if exact := strings.Replace(host, "*", "tenant", 1); s.HostProblem(exact) != "" || !s.Allows(exact) {
				t.Fatalf("host %q: %s", host, s.HostProblem(exact))
			}
		}
		if c.Example.Path == "" {
			continue
		}
		path, why := split(c.Example.Path, c)
		if at, err := s.Match(c.Example.Method, path); why != "" || err != nil || at != c {
			t.Fatalf("the example of %s is judged by %v: %v %s", c.ID, at, err, why)
		}
	}
}

// Each strategy can be written down, and is the same when it is read again.
func TestEveryStrategy(t *testing.T) {
	t.Parallel()
	seen := map[Kind]bool{}
	for _, text := range every() {
		s := mustParse(t, text)
		seen[s.Auth.Kind] = true
		sound(t, s)
		if !strings.Contains(string(s.Encode()), `"`+string(s.Auth.Kind)+`":`) {
			t.Errorf("%s is not in %s", s.Auth.Kind, s.Encode())
		}
	}
	for _, kind := range kinds() {
		if !seen[Kind(kind)] {
			t.Errorf("%s has no example here", kind)
		}
	}
}
