// Package strategies_test holds the broker's strategies against programs that others wrote: a certified authorisation server, and
// the verifiers of those who publish signatures.
package strategies_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// peers installs what package-lock.json says, once for all tests, and returns where.
var peers = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tacit-strategies")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		return dir, err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	return dir, cmd.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := peers(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func node(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	dir, err := peers()
	if err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	cmd := exec.Command("node", filepath.Join(dir, script))
	cmd.Stderr = os.Stderr
	return cmd
}

// ask gives a script a question, and returns its answer.
func ask(t *testing.T, script string, question any) string {
	t.Helper()
	text, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	cmd := node(t, script)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
}

func values(pairs ...string) broker.Values {
	v := broker.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = secret.New([]byte(pairs[i+1]))
	}
	return v
}

// Stripe's library takes what an hmac service signs for a webhook of Stripe's.
func TestStripeVerifiesHMAC(t *testing.T) {
	t.Parallel()
	const key, payload = "whsec_of_the_tests", `{"id":"evt_of_the_tests","object":"event"}`
	s, err := broker.NewStrategy(&registry.Service{ID: "stripe-like", Auth: registry.Auth{Kind: registry.KindHMAC, HMAC: registry.HMAC{
		Algorithm: "sha256", Header: "stripe-signature", Value: "t={{timestamp}},v1={{signature}}", Canonical: "{{timestamp}}.{{body}}",
	}}}, values("secret", key), broker.StrategyDeps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	out := &broker.Outgoing{Method: http.MethodPost, Header: http.Header{}, Body: strings.NewReader(payload), ContentLength: int64(len(payload))}
	if _, err := s.Apply(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, "stripe.mjs", map[string]string{"payload": string(body), "header": out.Header.Get("Stripe-Signature"), "secret": key})
	if got != "evt_of_the_tests" {
		t.Errorf("Stripe says %q", got)
	}
}

// Another implementation makes the same signatures, of paths and queries of every kind.
func TestAnotherSignerOfAWSAgrees(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	type request struct {
		Service string            `json:"service"`
		Region  string            `json:"region"`
		Host    string            `json:"host"`
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Body    string            `json:"body,omitempty"`
		Headers map[string]string `json:"headers"`
	}
	const keyID, key = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // cases, not keys
	letters := []string{"a", "Z", "0", "-", "_", ".", "~", " ", "!", "'", "(", ")", "*", ":", "@", "&", "=", "+", "$", ",", "ü", "€", "%", "\"", "<"}
	word := func() string {
		var b strings.Builder
		for range 1 + random.IntN(8) {
			b.WriteString(letters[random.IntN(len(letters))])
		}
		if s := strings.Trim(b.String(), "."); s != "" {
			return s
		}
		return "x"
	}
	var requests []request
	var signed []string
	for i := range 300 {
		service, host := "s3", "bucket.s3.eu-central-1.amazonaws.com"
		if i%2 == 0 {
			service, host = "bedrock", "bedrock-runtime.eu-central-1.amazonaws.com"
		}
		path := "/" + url.PathEscape(word()) + "/" + url.PathEscape(word())
		query := url.Values{}
		for range random.IntN(4) {
			query.Add(word(), word())
		}
		body := ""
		if i%3 == 0 && service != "s3" {
			body = word()
		}
		out := &broker.Outgoing{
			Method: http.MethodPost, Scheme: "https", Host: host, Path: path, Query: query.Encode(),
			Header: http.Header{"X-Amz-Meta-Word": {strings.TrimSpace(word())}},
		}
		if body != "" {
			out.Body, out.ContentLength = strings.NewReader(body), int64(len(body))
		}
		s, err := broker.NewStrategy(&registry.Service{ID: "aws", Auth: registry.Auth{Kind: registry.KindSigV4}},
			values("access_key_id", keyID, "secret_access_key", key), broker.StrategyDeps{Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{}
		for name, v := range out.Header {
			if name != "Authorization" {
				headers[name] = v[0]
			}
		}
		target := out.Path
		if out.Query != "" {
			target += "?" + out.Query
		}
		requests = append(requests, request{service, "eu-central-1", host, out.Method, target, body, headers})
		signed = append(signed, out.Header.Get("Authorization"))
	}
	var theirs []string
	answer := ask(t, "aws4.mjs", map[string]any{"requests": requests, "credentials": map[string]string{"accessKeyId": keyID, "secretAccessKey": key}})
	if err := json.Unmarshal([]byte(answer), &theirs); err != nil || len(theirs) != len(signed) {
		t.Fatalf("%d answers: %v", len(theirs), err)
	}
	for i := range signed {
		if signed[i] != theirs[i] {
			t.Errorf("%+v:\n%s\n%s", requests[i], signed[i], theirs[i])
		}
	}
}

// authorisationServer starts oidc-provider, and returns its address.
func authorisationServer(t *testing.T) string {
	t.Helper()
	cmd := node(t, "oidc.mjs")
	cmd.Stderr = io.Discard // warnings about plain HTTP
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			return lines.Text()
		}
	}
	t.Fatal("oidc-provider does not start")
	return ""
}
