package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// inPieces gives text to f in pieces of the sizes, over and over.
func inPieces(f fields, text []byte, sizes []int) ([]byte, error) {
	var out []byte
	var err error
	for i := 0; len(text) > 0; i++ {
		n := min(len(text), sizes[i%len(sizes)])
		if out, err = f.append(out, text[:n]); err != nil {
			return out, err
		}
		text = text[n:]
	}
	return out, f.end()
}

// TestMembersExamples has what is hidden, to the byte, in pieces of every size.
func TestMembersExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`{"key":"abc"}`, `{"key":"***"}`},
		{`{ "key" : "a\"b\\" , "b": 1 }`, `{ "key" : "***" , "b": 1 }`},
		{`{"key":12.5e-3,"b":1}`, `{"key":"***","b":1}`},
		{`{"key":null}`, `{"key":"***"}`},
		{`{"key": true }`, `{"key": "***" }`},
		{"{\"key\":true\n}", "{\"key\":\"***\"\n}"},
		{`{"key":{"a":[1,{"key":"}"}],"b":"]"},"c":2}`, `{"key":"***","c":2}`},
		{`{"key":[1,[2,"]"]],"c":2}`, `{"key":"***","c":2}`},
		{`{"key":{},"key":[]}`, `{"key":"***","key":"***"}`},
		{`[{"a":{"key":"x"}},{"key":"y"}]`, `[{"a":{"key":"***"}},{"key":"***"}]`},
		{`{"\u006bey":"x","k\u0065y":"y","\ud83d\ude00":"z"}`, `{"\u006bey":"***","k\u0065y":"***","\ud83d\ude00":"***"}`},
		{`{"\ud83dkey":"x","\ude00key":1,"keyx":2,"ke":3,"Key":4,"":5}`, `{"\ud83dkey":"x","\ude00key":1,"keyx":2,"ke":3,"Key":4,"":5}`},
		{`{"a":"key","b":"\"key\":1"}`, `{"a":"key","b":"\"key\":1"}`},
		{`"key"`, `"key"`},
		{`["key",{"a":"key"}]`, `["key",{"a":"key"}]`},
		{"{\"key\":1}\n{\"key\":2}\n", "{\"key\":\"***\"}\n{\"key\":\"***\"}\n"},
		{"\x1e{\"key\":1}\n\x1e{}", "\x1e{\"key\":\"***\"}\n\x1e{}"},
		{"1 2 \"x\" null", "1 2 \"x\" null"},
		{"", ""},
		{`{}`, `{}`},
		{`[]`, `[]`},
		{`[[],{},[{}]]`, `[[],{},[{}]]`},
		{"{\"\xff\":1,\"key\":2}", "{\"\xff\":1,\"key\":\"***\"}"},
	} {
		for size := 1; size <= len(c.in)+1; size++ {
			m := newMembers([]string{"key", "😀"})
			got, err := inPieces(m, []byte(c.in), []int{size})
			if err != nil || string(got) != c.want {
				t.Errorf("%s in pieces of %d: got %s, %v; want %s", c.in, size, got, err, c.want)
				break
			}
			if n := strings.Count(c.want, "***"); m.hidden() != n {
				t.Errorf("%s: %d hidden, want %d", c.in, m.hidden(), n)
			}
		}
	}
}

// TestMembersRefuse has what is not JSON: nothing behind the place where that shows is passed on.
func TestMembersRefuse(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`{key:"x"}`, `{'key':"x"}`, `{"a" "key":"x"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `[1,]`, `[,1]`, `{"a":1]`, `[1}`, `}`, `]`, `:`, `,`,
		`{"a":1 "key":"x"}`, "{\"a\":\"x\ny\"}", `{"a":"\x"}`, `{"a":"\u12"}`, `/* */{"key":1}`, `<a>`, `{"a":1`, `["a"`, `"a`, `{"a"`, `{"a":`, `[1 2]`,
		`{"a":'x'}`, strings.Repeat("[", maxMemberDepth+1), strings.Repeat(`{"a":`, maxMemberDepth+1), `callback({"key":1})`, "\xef\xbb\xbf{}", `{"a":"\"`,
	} {
		if got, err := inPieces(newMembers([]string{"key"}), []byte(in), []int{3}); err == nil {
			t.Errorf("%.40s passes, as %.40s", in, got)
		}
	}
	if _, err := inPieces(newMembers([]string{"key"}), []byte(strings.Repeat("[", maxMemberDepth)+strings.Repeat("]", maxMemberDepth)), []int{7}); err != nil {
		t.Error(err)
	}
}

// TestMembersModel compares with encoding/json: what is left is the same document with the members replaced.
func TestMembersModel(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"key", "kéy", "a", "b\"c", "token", "", "😀", "k"})
	var value *rapid.Generator[any]
	leaf := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Just[any](nil), rapid.Just[any](true),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }), rapid.Just[any](`"key":"}]`),
	)
	value = leaf
	for range 4 {
		below := value
		value = rapid.OneOf(
			leaf, rapid.Map(rapid.MapOfN(name, below, 0, 4), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(below, 0, 4), func(s []any) any { return s }),
		)
	}
	hide := []string{"key", "kéy", "😀", "token"}
	rapid.Check(t, func(t *rapid.T) {
		document := value.Draw(t, "document")
		var text []byte
		if rapid.Bool().Draw(t, "indent") {
			text, _ = json.MarshalIndent(document, " ", "\t")
		} else {
			text, _ = json.Marshal(document)
		}
		if rapid.Bool().Draw(t, "escaped") { // every character of names and strings that is not ASCII, as an escape
			text = []byte(asciiJSON(string(text)))
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 5).Draw(t, "sizes")
		got, err := inPieces(newMembers(hide), text, sizes)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var back any
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%s becomes %s: %v", text, got, err)
		}
		var original any
		_ = json.Unmarshal(text, &original)
		if want := hideIn(original, hide); !reflect.DeepEqual(back, want) {
			t.Fatalf("%s becomes %s", text, got)
		}

		// The same as the data of events, in lines.
		data := "id: 1\ndata: " + strings.ReplaceAll(string(text), "\n", "\ndata: ") + "\n\n"
		events := newEvents(hide)
		out, err := inPieces(events, []byte(data+"data: [DONE]\n\n"), sizes)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		event, _, _ := strings.Cut(string(out), "\n\n")
		joined := strings.ReplaceAll(strings.TrimPrefix(event, "id: 1\ndata: "), "\ndata: ", "\n")
		if joined = strings.TrimSuffix(joined, "\ndata:"); json.Unmarshal([]byte(joined), &back) != nil || !reflect.DeepEqual(back, hideIn(original, hide)) {
			t.Fatalf("%q becomes %q", data, out)
		}
	})
}

func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04X\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		}
	}
	return b.String()
}

func hideIn(v any, names []string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = hideIn(x, names)
			for _, n := range names {
				if k == n {
					m[k] = "***"
				}
			}
		}
		return m
	case []any:
		s := []any{}
		for _, x := range v {
			s = append(s, hideIn(x, names))
		}
		return s
	}
	return v
}

// TestEventsExamples has streams of events in every way to end a line.
func TestEventsExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"data: {\"key\":1}\n\n", "data: {\"key\":\"***\"}\n\n"},
		{"data:{\"key\":1}\r\n\r\n", "data:{\"key\":\"***\"}\r\n\r\n"},
		{"data: {\"key\":\rdata: 1}\r\rdata: {\"key\":2}\r\r", "data: {\"key\":\rdata: \"***\"}\r\rdata: {\"key\":\"***\"}\r\r"},
		{"\xef\xbb\xbfdata: {\"key\":1}\n\n", "\xef\xbb\xbfdata: {\"key\":\"***\"}\n\n"},
		{"event: x\ndata: {\"a\":[\ndata: {\"key\":[1,\ndata:2]}\ndata:]}\n\n", "event: x\ndata: {\"a\":[\ndata: {\"key\":\"***\"\ndata:}\ndata:]}\n\n"},
		{"data: key, plain: {\"key\":1}\n\ndata: {\"key\":1}\n\n", "data: key, plain: {\"key\":1}\n\ndata: {\"key\":\"***\"}\n\n"},
		{"data: [DONE]\n\n", "data: [DONE]\n\n"},
		{"data\ndata: {\"key\":1}\n\n", "data\ndata: {\"key\":\"***\"}\n\n"},
		{": {\"key\":1}\ndatax: {\"key\":1}\n data: {\"key\":1}\n\n", ": {\"key\":1}\ndatax: {\"key\":1}\n data: {\"key\":1}\n\n"},
		{"data: {\"key\":\"x", "data: {\"key\":\"***\""},
		{"\n\n\ndata:\n\n", "\n\n\ndata:\n\n"},
	} {
		for size := 1; size <= len(c.in); size++ {
			got, err := inPieces(newEvents([]string{"key"}), []byte(c.in), []int{size})
			if err != nil || string(got) != c.want {
				t.Errorf("%q in pieces of %d: got %q, %v; want %q", c.in, size, got, err, c.want)
				break
			}
		}
	}
	for _, in := range []string{"data: {\"a\":\"x\n\ndata: y\"}\n\n", "data: {\"a\":\ndata: <}\n\n", "data: {\"a\":1\n\n", "data: {\"a\":\"x\ndata: y\"}\n\n"} {
		if got, err := inPieces(newEvents([]string{"key"}), []byte(in), []int{5}); err == nil {
			t.Errorf("%q passes, as %q", in, got)
		}
	}
}

// TestFieldsOfAnswers says in which answers members are hidden, and which are not passed on because nobody can tell.
func TestFieldsOfAnswers(t *testing.T) {
	t.Parallel()
	const body = `{"id":1,"token":"brand new","email":"a@b.example"}`
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{r.URL.RawQuery}
		if r.URL.RawQuery == "" {
			w.Header()["Content-Type"] = nil
		}
		status := http.StatusOK
		if r.URL.Path == "/failed" {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		switch r.URL.Path {
		case "/empty":
			_ = http.NewResponseController(w).Flush()
		case "/html":
			_, _ = io.WriteString(w, "<p>"+body)
		default:
			_, _ = io.WriteString(w, body)
		}
	}))
	b := newTestBroker(t, Options{})
	returns, redact := []string{"token"}, []string{"email"}
	for _, c := range []struct {
		path, media     string
		returns, redact []string
		want            string // empty: refused
	}{
		{"/", "application/json", returns, redact, `{"id":1,"token":"***","email":"***"}`},
		{"/", "application/json", returns, nil, `{"id":1,"token":"***","email":"a@b.example"}`},
		{"/", "Application/Problem+JSON;charset=utf-8", nil, redact, `{"id":1,"token":"brand new","email":"***"}`},
		{"/", "text/plain", nil, redact, body},
		{"/", "text/plain", returns, nil, ""},
		{"/", "", returns, nil, ""},
		{"/failed", "text/plain", returns, redact, body},
		{"/failed", "application/json", returns, redact, `{"id":1,"token":"***","email":"***"}`},
		{"/html", "application/json", returns, nil, ""},
		{"/html", "application/json", nil, redact, ""},
		{"/html", "text/html", nil, redact, "<p>" + body},
	} {
		use := u.use(t, b, headerSecret, c.path)
		use.Request.query = c.media
		use.Capability = &registry.Capability{ID: "acme/things", Returns: c.returns}
		use.Request.admitted = use.Capability
		use.Request.admitted, use.Redact = use.Capability, c.redact
		got := do(t, b, use)
		if c.want == "" {
			if !errors.Is(got.err, fault.Unavailable) || bytes.Contains(got.text(), []byte("brand")) {
				t.Errorf("%s as %q: got %q %v", c.path, c.media, got.body, got.err)
			}
			continue
		}
		if got.err != nil || string(got.body) != c.want || got.stats.Redactions != strings.Count(c.want, "***") {
			t.Errorf("%s as %q: got %q %v, %+v", c.path, c.media, got.body, got.err, got.stats)
		}
	}
	use := u.use(t, b, headerSecret, "/empty")
	use.Capability = &registry.Capability{ID: "acme/things", Returns: returns}
	use.Request.admitted = use.Capability
	if got := do(t, b, use); got.err != nil {
		t.Errorf("an empty answer is refused: %v", got.err)
	}
}

// FuzzMembers looks for JSON that encoding/json reads and in which a hidden member is still there, and for a difference between pieces.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"key":{"a":"\"}"},"b":[1,"x"],"\u006bey":null}`), 3)
	f.Add([]byte(`[{"key":1},{"a":"key"}] 1 {"k":"\ud83d\ude00"}`), 1)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		whole, err := inPieces(newMembers([]string{"key"}), text, []int{len(text) + 1})
		pieces, piecesErr := inPieces(newMembers([]string{"key"}), text, []int{max(1, size&0xff)})
		if !bytes.Equal(whole, pieces) || !errors.Is(piecesErr, err) {
			t.Fatalf("%q: %q %v, in pieces %q %v", text, whole, err, pieces, piecesErr)
		}
		var in, out any
		if json.Unmarshal(text, &in) != nil {
			return
		}
		if err != nil {
			if strings.Count(string(text), "[")+strings.Count(string(text), "{") < maxMemberDepth {
				t.Fatalf("%q is JSON: %v", text, err)
			}
			return
		}
		if err := json.Unmarshal(whole, &out); err != nil {
			t.Fatalf("%q becomes %q: %v", text, whole, err)
		}
		if want := hideIn(in, []string{"key"}); !reflect.DeepEqual(out, want) {
			t.Fatalf("%q becomes %q", text, whole)
		}
	})
}
