package broker

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

func hmacService(h registry.HMAC, more ...registry.Field) *registry.Service {
	return serviceOf(registry.Auth{Kind: registry.KindHMAC, HMAC: h, Fields: more}, "secret", "key_id")
}

const slackBody = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&" +
	"user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&" +
	"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&" +
	"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

// Values that others published.
func TestHMACPublishedVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		hmac registry.HMAC
		more []registry.Field
		key  string
		at   int64
		body string
		want map[string]string
	}{
		{
			name: "GitHub", // docs.github.com: Validating webhook deliveries
			hmac: registry.HMAC{Algorithm: "sha256", Header: "x-hub-signature-256", Value: "sha256={{signature}}", Canonical: "{{body}}"},
			key:  "It's a Secret to Everybody", body: "Hello, World!",
			want: map[string]string{"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		},
		{
			name: "Slack", // docs.slack.dev: Verifying requests from Slack
			hmac: registry.HMAC{Algorithm: "sha256", Header: "x-slack-signature", Value: "v0={{signature}}", Canonical: "v0:{{timestamp}}:{{body}}"},
			more: []registry.Field{{Name: "x-slack-request-timestamp", Value: "{{timestamp}}"}},
			key:  "8f742231b10e8888abcd99yyyzzz85a5", at: 1531420618, body: slackBody,
			want: map[string]string{
				"X-Slack-Signature":         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
				"X-Slack-Request-Timestamp": "1531420618",
			},
		},
		{
			name: "RFC 4231, test case 2, SHA-256",
			hmac: registry.HMAC{Algorithm: "sha256", Header: "x", Value: "{{signature}}", Canonical: "{{body}}"},
			key:  "Jefe", body: "what do ya want for nothing?",
			want: map[string]string{"X": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		},
		{
			name: "RFC 4231, test case 2, SHA-512",
			hmac: registry.HMAC{Algorithm: "sha512", Header: "x", Value: "{{signature}}", Canonical: "{{body}}"},
			key:  "Jefe", body: "what do ya want for nothing?",
			want: map[string]string{"X": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
		},
		{
			name: "RFC 2202, test case 2, SHA-1, in base64",
			hmac: registry.HMAC{Algorithm: "sha1", Header: "x", Value: "{{signature.base64}}", Canonical: "{{body}}"},
			key:  "Jefe", body: "what do ya want for nothing?",
			want: map[string]string{"X": "7/zfauXrL6LSdBbV8YTfnCWafHk="},
		},
		{
			// The canonical string, from its parts, is the message of the RFC.
			name: "RFC 4231, from the parts of a request",
			hmac: registry.HMAC{Algorithm: "sha256", Header: "x", Value: "{{signature}}", Canonical: "{{method}}{{path}}{{query}}{{host}}"},
			key:  "Jefe", body: "",
			want: map[string]string{"X": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := NewStrategy(hmacService(c.hmac, c.more...), valuesOf("secret", c.key), StrategyDeps{Now: func() time.Time { return time.Unix(c.at, 0) }})
			if err != nil {
				t.Fatal(err)
			}
			out := outgoing()
			if c.body != "" {
				out = withBody(out, "text/plain", c.body)
			} else {
				out.Method, out.Path, out.Query, out.Host = "what ", "do ya ", "want ", "for nothing?"
			}
			apply(t, s, out)
			for name, want := range c.want {
				if got := out.Header.Get(name); got != want {
					t.Errorf("%s: %s", name, got)
				}
			}
			if bodyOf(t, out) != c.body {
				t.Error("the body that was signed is not the one that is sent")
			}
			if s.OnWire() || !strings.EqualFold(s.Reserved().Headers[len(s.Reserved().Headers)-1], c.hmac.Header) {
				t.Errorf("on the wire: %v, reserved %v", s.OnWire(), s.Reserved())
			}
		})
	}
}

// The hash of the body, where it is asked for: SHA-256 of nothing is in FIPS 180-4's examples.
func TestHMACOfAHashedBody(t *testing.T) {
	t.Parallel()
	hashed := registry.HMAC{Algorithm: "sha256", Header: "x", Value: "{{signature}}", Canonical: "{{body.sha256}}"}
	plain := registry.HMAC{Algorithm: "sha256", Header: "x", Value: "{{signature}}", Canonical: "{{body}}"}
	one, two := outgoing(), withBody(outgoing(), "text/plain", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	apply(t, mustStrategy(t, hmacService(hashed), valuesOf("secret", "0123456789")), one)
	apply(t, mustStrategy(t, hmacService(plain), valuesOf("secret", "0123456789")), two)
	if one.Header.Get("X") != two.Header.Get("X") {
		t.Errorf("%s and %s", one.Header.Get("X"), two.Header.Get("X"))
	}
}

// Attack: HMAC "signing" that sent the key itself. No template can.
func TestAttackHMACSendsTheKey(t *testing.T) {
	t.Parallel()
	good := registry.HMAC{Algorithm: "sha256", Header: "x-signature", Value: "{{signature}}", Canonical: "{{body}}"}
	const key = "canary-0123456789"
	change := func(f func(h *registry.HMAC)) registry.HMAC {
		h := good
		f(&h)
		return h
	}
	for name, s := range map[string]*registry.Service{
		"the key for the signature":  hmacService(change(func(h *registry.HMAC) { h.Value = "{{secret}}" })),
		"the key beside it":          hmacService(change(func(h *registry.HMAC) { h.Value = "{{signature}} {{secret}}" })),
		"a field of the key":         hmacService(change(func(h *registry.HMAC) { h.Value = "{{signature}} {{secret.x}}" })),
		"the key in another header":  hmacService(good, registry.Field{Name: "x-key", Value: "{{secret}}"}),
		"the key in what is signed":  hmacService(change(func(h *registry.HMAC) { h.Canonical = "{{secret}}{{body}}" })),
		"no signature at all":        hmacService(change(func(h *registry.HMAC) { h.Value = "{{timestamp}}" })),
		"nothing signed":             hmacService(change(func(h *registry.HMAC) { h.Canonical = "" })),
		"an unknown hash":            hmacService(change(func(h *registry.HMAC) { h.Algorithm = "md5" })),
		"an unknown form":            hmacService(change(func(h *registry.HMAC) { h.Value = "{{signature.raw}}" })),
		"a header that is none":      hmacService(change(func(h *registry.HMAC) { h.Header = "x y" })),
		"a placeholder that is none": hmacService(change(func(h *registry.HMAC) { h.Canonical = "{{bodies}}" })),
	} {
		_, err := NewStrategy(s, valuesOf("secret", key), StrategyDeps{Now: time.Now})
		if fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", name, err)
		}
	}

	s := mustStrategy(t, hmacService(good, registry.Field{Name: "x-key-id", Value: "{{key_id}}"}), valuesOf("secret", key, "key_id", "id-0123456789"))
	out := withBody(outgoing(), "text/plain", "x")
	if _, err := s.Apply(context.Background(), out); err != nil {
		t.Fatal(err)
	}
	if out.Header.Get("X-Key-Id") != "id-0123456789" || !s.OnWire() {
		t.Errorf("sent %v", out.Header)
	}
	for name, values := range out.Header {
		if strings.Contains(strings.Join(values, ""), key) {
			t.Errorf("the key is in %s", name)
		}
	}
	if !injects(s, key) || !injects(s, "id-0123456789") {
		t.Error("the key is not looked for in answers")
	}
}

// What a service file declares beside the signature is sent and reserved, and the time that is sent is the one that was signed. The
// vector is Slack's.
func TestHMACHeadersOfAFile(t *testing.T) {
	t.Parallel()
	service, err := registry.ParseService([]byte(`service: acme-hooks
hosts: [hooks.acme.example]
secrets: {ACME_SIGNING_KEY: secret, ACME_SIGNING_KEY_ID: key_id}
public: [key_id]
auth:
  hmac:
    algorithm: sha256
    header: X-Signature
    value: "v0={{signature}}"
    canonical: "v0:{{timestamp}}:{{body}}"
    headers:
      - {name: X-Time, value: "{{timestamp}}"}
      - {name: X-Key-Id, value: "id {{key_id}}"}
capabilities:
  - {id: acme-hooks/send, methods: [POST], paths: [/events$], risk: write}
`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStrategy(service, valuesOf("secret", "8f742231b10e8888abcd99yyyzzz85a5", "key_id", "k1"), StrategyDeps{Now: func() time.Time { return time.Unix(1531420618, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	out := withBody(outgoing(), "text/plain", slackBody)
	apply(t, s, out)
	for name, want := range map[string]string{
		"X-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", "X-Time": "1531420618", "X-Key-Id": "id k1",
	} {
		if got := out.Header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := s.Reserved().Headers; !slices.Equal(got, []string{"x-time", "x-key-id", "x-signature"}) || s.OnWire() {
		t.Errorf("reserved %q, on the wire %v", got, s.OnWire())
	}
}
