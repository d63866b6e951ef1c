package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/server"
	"tacit/internal/wire"
)

// FuzzAPI: whatever the request is, the answer is the shape of an operation or a problem, and nothing panics.
func FuzzAPI(f *testing.F) {
	for _, path := range server.Routes() {
		f.Add("POST", path, "application/json", []byte(`{}`))
		f.Add("POST", path, "application/json", []byte(`{"name":"a","version":-1,"value":"\ud83d\ude00","tags":["x"],"expires_at":"2026-11-22T12:00:00Z","rotate_every":"30d"}`))
		f.Add("GET", path, "", []byte(nil))
	}
	f.Add("POST", wire.Import, "application/x-ndjson", []byte("{\"format\":\"env\"}\n{\"name\":\"a\",\"value_base64\":\"/w==\"}\n{\"abandon\":\"tampered\"}"))
	f.Add("POST", wire.GetMany, "application/json", []byte(`{"requests":[{"name":"a"},{"name":"","version":-1,"field":"x","include_expired":true}]}`))
	f.Add("POST", wire.GetMany, "application/json", []byte(`{"requests":[`+strings.Repeat(`{},`, 300)+`{}]}`))
	f.Add("POST", wire.Get+"%2e%2e", "application/json; charset=utf-8", []byte(`{"name":1}`))
	f.Add("POST", wire.Get+"?x", "application/json", bytes.Repeat([]byte(`{"name":[`), 5000))
	panicked := new(bytes.Buffer)
	h := server.New(server.Options{API: canned{}, Caller: anOwner, Version: "test", Log: slog.New(slog.NewTextHandler(panicked, nil))})
	f.Fuzz(func(t *testing.T, method, path, media string, body []byte) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !validMethod(method) {
			t.Skip() // net/http refuses it before we are asked
		}
		r := &http.Request{Method: method, URL: u, Host: "tacit", Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
		if media != "" {
			r.Header.Set("Content-Type", media)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if panicked.Len() > 0 {
			t.Fatalf("%s", panicked)
		}
		checkAnswer(t, w)
	})
}

// validMethod reports whether s is a token (RFC 9110, section 5.6.2), roughly.
func validMethod(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }) < 0
}

// checkAnswer checks that an answer is one of this API.
func checkAnswer(t *testing.T, resp *httptest.ResponseRecorder) client.HTTPProblem {
	t.Helper()
	b := resp.Body.Bytes()
	var p client.HTTPProblem
	switch media := resp.Header().Get("Content-Type"); {
	case resp.Code == http.StatusOK && media == wire.JSON:
		if !json.Valid(b) || b[0] != '{' {
			t.Errorf("an answer that is no object: %q", b)
		}
	case resp.Code == http.StatusOK && media == wire.Lines:
		for line := range bytes.Lines(b) {
			if !json.Valid(line) {
				t.Errorf("a line that is no JSON: %q", line)
			}
		}
	case resp.Code >= 400 && media == wire.Problem:
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil {
			t.Fatalf("%v: %q", err, b)
		}
		if p.Status != resp.Code || !fault.Code(p.Code).Known() || p.Exit != fault.Code(p.Code).Exit() || p.Detail == "" || p.Type != "urn:tacit:problem:"+p.Code {
			t.Errorf("%d with the problem %+v", resp.Code, p)
		}
	default:
		t.Errorf("%d, %q: %q", resp.Code, media, b)
	}
	if cc := resp.Header().Get("Cache-Control"); cc != "no-store" {
		t.Errorf("Cache-Control is %q", cc)
	}
	for k := range resp.Header() {
		if strings.HasPrefix(k, "Access-Control") {
			t.Errorf("a CORS header: %s", k)
		}
	}
	return p
}
