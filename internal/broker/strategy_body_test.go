package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

func bodyStrategy(t testing.TB) Strategy {
	t.Helper()
	auth := registry.Auth{Kind: registry.KindBody, Fields: []registry.Field{
		{Name: "client_id", Value: "{{client_id}}"}, {Name: "secret", Value: "{{secret}}"},
	}}
	return mustStrategy(t, serviceOf(auth, "client_id", "secret"), valuesOf("client_id", "id-of-the-client", "secret", `s"<&\0123456789`))
}

func TestBodyFieldOfJSON(t *testing.T) {
	t.Parallel()
	s := bodyStrategy(t)
	for _, body := range []string{`{}`, ` { } `, `{"a":1}`, "\n{\"a\":{\"secret\":\"mine\"},\"b\":[{\"secret\":1}]}\n", `{"a":1,"a":2}`, ""} {
		out := withBody(outgoing(), "application/json; charset=utf-8", body)
		apply(t, s, out)
		sent := bodyOf(t, out)
		var got map[string]any
		if err := json.Unmarshal([]byte(sent), &got); err != nil {
			t.Fatalf("%s: sent %s: %v", body, sent, err)
		}
		if got["client_id"] != "id-of-the-client" || got["secret"] != `s"<&\0123456789` || int64(len(sent)) != out.ContentLength {
			t.Errorf("%s: sent %s, of %d bytes", body, sent, out.ContentLength)
		}
		if body != "" && !strings.HasSuffix(sent, strings.TrimLeft(body, " \n")[1:]) {
			t.Errorf("%s: the caller's members changed: %s", body, sent)
		}
	}
	if !injects(s, `s"<&\0123456789`) || !slices.Equal(s.Reserved().Fields, []string{"client_id", "secret"}) || !s.OnWire() {
		t.Errorf("injected %q, reserved %+v", s.Injected(), s.Reserved())
	}
}

func TestBodyFieldOfAForm(t *testing.T) {
	t.Parallel()
	s := bodyStrategy(t)
	out := withBody(outgoing(), "application/x-www-form-urlencoded", "a=b+c&d=%26")
	apply(t, s, out)
	sent := bodyOf(t, out)
	got, err := url.ParseQuery(sent)
	if err != nil || got.Get("secret") != `s"<&\0123456789` || got.Get("client_id") != "id-of-the-client" || got.Get("a") != "b c" || got.Get("d") != "&" {
		t.Errorf("sent %s: %v", sent, err)
	}
	if !strings.HasSuffix(sent, "&a=b+c&d=%26") || out.ContentLength != int64(len(sent)) {
		t.Errorf("sent %s", sent)
	}
}

// I25: the caller cannot set, duplicate or hide the field that authenticates.
func TestI25BodyFieldBelongsToTheBroker(t *testing.T) {
	t.Parallel()
	s := bodyStrategy(t)
	for _, c := range []struct{ contentType, body string }{
		{"application/json", `{"secret":"mine"}`},
		{"application/json", `{"a":1,"SECRET":"mine"}`},
		{"application/json", `{"\u0073ecret":"mine"}`},
		{"application/json", `{"a":{},"client_id":null}`},
		{"application/vnd.acme+json", `{"secret":"mine"}`},
		{"application/json", `[{"a":1}]`},
		{"application/json", `"text"`},
		{"application/json", `{"a":1}{"secret":"mine"}`},
		{"application/json", `{"a":1`},
		{"application/json", `   `},
		{"application/json", "\xff\xfe{\x00}\x00"}, // UTF-16
		{"application/x-www-form-urlencoded", "secret=mine"},
		{"application/x-www-form-urlencoded", "a=1&Secret=mine"},
		{"application/x-www-form-urlencoded", "a=1&%73ecret=mine"},
		{"application/x-www-form-urlencoded", "a=1&secret[]=mine"},
		{"application/x-www-form-urlencoded", "a=1&+secret=mine"},
		{"application/x-www-form-urlencoded", "a=1;secret=mine"},
		{"application/x-www-form-urlencoded", "a=1&secret"},
		{"application/x-www-form-urlencoded", "a=1&%zz=2"},
		{"multipart/form-data; boundary=x", "--x--"},
		{"text/plain", `{"a":1}`},
		{"application/json; charset=\"", `{"a":1}`},
		{"", `{"a":1}`},
	} {
		out := withBody(outgoing(), c.contentType, c.body)
		if _, err := s.Apply(context.Background(), out); err == nil {
			t.Errorf("%s %q was taken: sent %s", c.contentType, c.body, bodyOf(t, out))
		}
	}
	compressed := withBody(outgoing(), "application/json", `{"a":1}`)
	compressed.Header.Set("Content-Encoding", "gzip")
	if _, err := s.Apply(context.Background(), compressed); err == nil {
		t.Error("a compressed body was taken")
	}
	if _, err := s.Apply(context.Background(), outgoing()); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a GET: %v", err)
	}
}

// What must be read as a whole is bounded, whatever length was announced.
func TestI29BufferedBodiesAreBounded(t *testing.T) {
	t.Parallel()
	s := bodyStrategy(t)
	for _, announced := range []int64{-1, maxBuffered + 1} {
		endless := &endlessBody{}
		out := outgoing()
		out.Method, out.Body, out.ContentLength = http.MethodPost, endless, announced
		if _, err := s.Apply(context.Background(), out); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("an endless body, announced as %d: %v", announced, err)
		}
		if endless.read > 2*maxBuffered {
			t.Errorf("%d bytes of it were read", endless.read)
		}
	}
	// A body that ends in an error is not sent as if it were whole.
	out := outgoing()
	out.Method, out.Body, out.ContentLength = http.MethodPost, io.MultiReader(strings.NewReader("{}"), brokenBody{}), -1
	out.Header.Set("Content-Type", "application/json")
	if _, err := s.Apply(context.Background(), out); err == nil {
		t.Error("half a body was taken for a whole one")
	}
}

type endlessBody struct{ read int64 }

func (e *endlessBody) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// FuzzBodyFields: whatever the caller sends, what goes out is an object or a form that has our field once, with our value.
func FuzzBodyFields(f *testing.F) {
	f.Add("application/json", `{"a":{"secret":1}}`)
	f.Add("application/x-www-form-urlencoded", "a=b&c")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		out := withBody(outgoing(), contentType, body)
		if _, err := bodyStrategy(t).Apply(context.Background(), out); err != nil {
			return
		}
		sent := bodyOf(t, out)
		if strings.HasPrefix(sent, "{") {
			var got map[string]any
			if err := json.Unmarshal([]byte(sent), &got); err != nil || got["secret"] != `s"<&\0123456789` {
				t.Errorf("sent %q: %v", sent, err)
			}
			return
		}
		got, err := url.ParseQuery(sent)
		if err != nil || !slices.Equal(got["secret"], []string{`s"<&\0123456789`}) {
			t.Errorf("sent %q: %v", sent, err)
		}
	})
}
