package broker

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

// TestI24OneSpelling: what may be written in several ways is sent in one, and judged decoded.
func TestI24OneSpelling(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	for _, c := range []struct{ path, want, capability, segments string }{
		{"/v1/models", "/v1/models", "gate/models", "v1 models"},
		{"/%761/mod%65ls", "/v1/models", "gate/models", "v1 models"},
		{"/v1/models/", "/v1/models/", "gate/models", "v1 models"}, // a slash at the end is kept, and names nothing
		{"/public/a%7Eb", "/public/a~b", "gate/public", "public a~b"},
		{"/public/gemini%3agenerate", "/public/gemini:generate", "gate/public", "public gemini:generate"},
		{"/public/Products('x')", "/public/Products('x')", "gate/public", "public Products('x')"},
		{"/public/@me/$batch", "/public/@me/$batch", "gate/public", "public @me $batch"},
		{"/public/a+b", "/public/a%2Bb", "gate/public", "public a+b"}, // some servers take a plus for a space
		{"/public/%c3%a4", "/public/%C3%A4", "gate/public", "public ä"},
		{"/public/ä", "/public/%C3%A4", "gate/public", "public ä"},
		{"/public/a%3fb%23c", "/public/a%3Fb%23c", "gate/public", "public a?b#c"},
		{"/public/100%25", "/public/100%25", "gate/public", "public 100%"},
		{"/public/a...b", "/public/a...b", "gate/public", "public a...b"},
		{"/public/.hidden", "/public/.hidden", "gate/public", "public .hidden"},
		{`/public/{a}|"b"`, "/public/%7Ba%7D%7C%22b%22", "gate/public", `public {a}|"b"`},
		{"/projects/a%2fb/files/c%2Fd%2fe", "/projects/a%2Fb/files/c%2Fd%2Fe", "gate/slash", "projects a/b files c/d/e"},
		{"/projects/7/files/x/y", "/projects/7/files/x/y", "gate/slash", "projects 7 files x y"},
		{"/objects/b", "/objects/b", "gate/objects", "objects b"},
		{"/objects/%62/%7e+;a/../%2e//x%252f/", "/objects/b/%7e+;a/../%2e//x%252f/", "gate/objects", "objects b ~+;a .. .  x%2f"},
		{"/objects/b/ä|", "/objects/b/%C3%A4%7C", "gate/objects", "objects b ä|"},
	} {
		got, capability, err := pass(service, get(c.path))
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if got.Path() != c.want || capability.ID != c.capability || !slices.Equal(got.Segments(), strings.Split(c.segments, " ")) {
			t.Errorf("%s: %s, %s, %q", c.path, got.Path(), capability.ID, got.Segments())
		}
	}
	for _, path := range []string{"", "/"} {
		if c, err := Canonicalise(get(path)); err != nil || c.Path() != "/" || len(c.Segments()) != 0 {
			t.Errorf("%q: %v, %v, want the root", path, c, err)
		}
	}
}

// TestI24AmbiguousPaths tries to reach /admin, or anything else, by a path that reads like another. Each is refused before a capability
// is chosen, or by it.
func TestI24AmbiguousPaths(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	for _, path := range []string{
		// dot segments, plain and encoded
		"/public/../admin", "/public/./x", "/public/..", "/..", "/.", "/public/%2e%2e/admin", "/public/%2E%2E/admin", "/public/.%2e/admin",
		"/public/%2e", "/public/a%2eb", "/public/.../admin", "/public/..%20/admin", "/public/.%20./admin", "/public/%20",
		// encoded slashes
		"/public%2fadmin", "/public/..%2fadmin", "/public/..%2Fadmin", "/public/a%2f..%2f..%2fadmin", "/%2fadmin", "/public/%2f", "/public/a%2fb",
		// empty segments
		"//", "//admin", "/public//admin", "//evil.example/admin", "/public/x//",
		// backslashes
		`/public\..\admin`, `/public/..\admin`, "/public/..%5cadmin", "/public/%5Cadmin", `\admin`,
		// decoded twice
		"/public/%252e%252e/admin", "/public/%252fadmin", "/public/%255cadmin", "/public/%25252e", "/public/%25%32%65", "/public/%2525",
		"/public/%25u002e", "/public/%u002e%u002e/admin", "/public/a%250a",
		// over-long and broken UTF-8
		"/public/%c0%ae%c0%ae/admin", "/public/%c0%afadmin", "/public/%e0%80%afadmin", "/public/%f0%80%80%af", "/public/%ff", "/public/\xc0\xaf",
		"/public/%ed%a0%80",
		// escapes that are none
		"/public/%", "/public/%2", "/public/%zz", "/public/%%32e",
		// control bytes
		"/public/%00", "/public/x%00/../admin", "/public/%0d%0aHost:%20evil.example", "/public/%7f", "/public/\x00", "/public/a\r\nb", "/public/\x7f",
		"/public/%c2%85", "/public/\t",
		// parameters, which some servers cut off before they look for dots
		"/public/..;/admin", "/public/;/admin", "/public;x=y/admin", "/public/%3b/admin", "/;/admin", "/admin;.css",
		// what is no path
		"*", "admin", "http://evil.example/public", "https://api.gate.example/public", "evil.example:443", "?x", "/public?x=/admin", "/public#/admin",
		"/public /admin", " /public", "user@evil.example", ":80/public", "javascript:x",
	} {
		for _, method := range []string{"GET", "POST"} {
			got, capability, err := pass(service, Request{Method: method, Path: path})
			if err == nil {
				t.Errorf("%s %q is sent as %s under %s", method, path, got.Path(), capability.ID)
				continue
			}
			if !errors.Is(err, fault.Denied) {
				t.Errorf("%s %q: class %s, want denied: %v", method, path, fault.CodeOf(err), err)
			}
		}
	}
}

// TestI24PathFlawsNeedTheirCapability: a declaration allows what it says, where it says.
func TestI24PathFlawsNeedTheirCapability(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	for _, path := range []string{
		"/projects/a%2f..%2fb/files/x", "/projects/%2fa/files/x", "/projects/a%2f/files/x", "/projects/a%2f%2fb/files/x", "/projects/..%2f..%2fadmin/files/x",
		"/projects/a%5cb/files/x", "/projects/../files/x", "/projects/%2e%2e/files/x", "/projects/%2e%2e%2fa/files/x", "/projects/a%252fb/files/x",
		"/projects/7/files/x/a%2fb",    // behind the pattern
		"/projects%2f7/files/x",        // before {id}
		"/projects/7%2ffiles/x",        // one segment too few
		"/objects/../x", "/objects//x", // the bucket is no part of the key
		"/objects/b%2fc/x",              // neither is it opaque
		"/objects/%2e%2e/x", "/objects", // and it is needed
		"/objects/b/%", "/objects/b/%00", "/objects/b/%c0%af", `/objects/b/\`, "/objects/b/a b", "/objects/b/x?y", "/objects/b/x#y",
		"/objects/b%2fpolicy", "/./objects/b/x", "/public/../objects/b/x",
	} {
		if got, capability, err := pass(service, get(path)); err == nil {
			t.Errorf("GET %q is sent as %s under %s", path, got.Path(), capability.ID)
		} else if !errors.Is(err, fault.Denied) {
			t.Errorf("GET %q: class %s, want denied", path, fault.CodeOf(err))
		}
	}
	// The exact pattern below an opaque one is judged by itself, whatever the spelling.
	for _, path := range []string{"/objects/b/policy", "/objects/b/%70olicy"} {
		if got, capability, err := pass(service, Request{Method: "PUT", Path: path}); err != nil || capability.ID != "gate/policy" || got.Path() != "/objects/b/policy" {
			t.Errorf("PUT %s: %v, %v", path, capability, err)
		}
	}

	// Without a bucket in the path, a key that begins with a slash would be taken for a host.
	whole := parsedService(t, `
service: whole
hosts: ["*.objects.example"]
secrets: {W_ID: access_key_id, W_SECRET: secret_access_key}
auth: {sigv4: {service: s3, region: us-east-1}}
capabilities: [{id: whole/objects, methods: [GET], paths: [/], opaque_path: true, risk: read}]
`)
	if got, _, err := pass(whole, get("//evil.example/x")); err == nil {
		t.Errorf("sent as %s", got.Path())
	}
	if got, _, err := pass(whole, get("/a//b/../%2e")); err != nil || got.Path() != "/a//b/../%2e" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestI24EmptyNameIsNoName: a trailing slash does not stand for {id}.
func TestI24EmptyNameIsNoName(t *testing.T) {
	t.Parallel()
	if got, capability, err := pass(gateService(t), Request{Method: "DELETE", Path: "/v1/models/"}); err == nil {
		t.Errorf("DELETE %s under %s", got.Path(), capability.ID)
	}
}

func TestPathBounds(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/" + strings.Repeat("x", maxPath), strings.Repeat("/x", maxPathSegments+1)} {
		if _, err := Canonicalise(get(path)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%d bytes: %v", len(path), err)
		}
	}
	for _, path := range []string{"/" + strings.Repeat("x", maxPath-1), strings.Repeat("/x", maxPathSegments)} {
		if _, err := Canonicalise(get(path)); err != nil {
			t.Errorf("%d bytes: %v", len(path), err)
		}
	}
}

// TestI24AnySpellingIsOne: however the bytes of the segments are escaped, the path is the same, and the segments are.
func TestI24AnySpellingIsOne(t *testing.T) {
	t.Parallel()
	clean := rapid.StringMatching(`[a-zA-Z0-9_~!$&'()*+,=:@?#"<>^|äß日-][a-zA-Z0-9_~ !$&'()*+,=:@?#"<>^|äß日-]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(clean, 1, 12).Draw(t, "segments")
		slash := rapid.SampledFrom([]string{"", "/"}).Draw(t, "slash")
		spell := func(label string) string {
			var b strings.Builder
			for _, s := range segments {
				b.WriteByte('/')
				b.WriteString(spelling(t, label, s))
			}
			return b.String() + slash
		}
		one, err := Canonicalise(get(spell("one")))
		if err != nil {
			t.Fatal(err)
		}
		other, err := Canonicalise(get(spell("other")))
		if err != nil {
			t.Fatal(err)
		}
		if one.Path() != other.Path() || !slices.Equal(one.Segments(), segments) || !slices.Equal(other.Segments(), segments) {
			t.Fatalf("%s %q, %s %q; want %q", one.Path(), one.Segments(), other.Path(), other.Segments(), segments)
		}
	})
}

// spelling escapes some bytes of s, as it likes, and all that must be.
func spelling(t *rapid.T, label, s string) string {
	var b strings.Builder
	for i := range len(s) {
		escape := rapid.SampledFrom([]string{"", "lower", "UPPER"}).Draw(t, label)
		switch c := s[i]; {
		case escape == "" && c > ' ' && strings.IndexByte(`%?#\/;&=+`, c) < 0:
			b.WriteByte(c)
		case escape == "lower":
			b.WriteString(strings.ToLower(string(appendEscaped(nil, c))))
		default:
			b.Write(appendEscaped(nil, c))
		}
	}
	return b.String()
}
