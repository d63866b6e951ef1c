package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tacit/client"
)

// exampleAddr is where the server of the examples listens.
var exampleAddr string

func TestMain(m *testing.M) {
	s := httptest.NewServer(http.HandlerFunc(answerExamples))
	exampleAddr = s.URL
	code := m.Run()
	s.Close()
	os.Exit(code)
}

// answerExamples answers as an agent would whose vault has db/password and a sealed key.
func answerExamples(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
	}
	line, _, _ := strings.Cut(readString(r.Body), "\n")
	_ = json.Unmarshal([]byte(line), &in)
	problem := func(status int, code string, exit int) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(client.HTTPProblem{Status: status, Code: code, Exit: exit, Detail: code + ": " + in.Name, Origin: "tacit"})
	}
	w.Header().Set("Content-Type", "application/json")
	switch op := strings.TrimPrefix(r.URL.Path, "/api/v1/"); {
	case op == "whoami":
		fmt.Fprint(w, `{"principal":"user/ana"}`)
	case op == "secret/get" && in.Name == "db/password":
		fmt.Fprint(w, `{"secret":{"name":"db/password"},"version":1,"value":"sixteen letters!"}`)
	case op == "secret/get" && in.Name == "OPENAI_API_KEY":
		problem(403, "sealed", 5)
	case op == "capability/invoke":
		fmt.Fprint(w, `{"capability":"openai/models","status":200,"body":{"data":[]}}`)
	case op == "capability/use":
		end := base64.StdEncoding.EncodeToString([]byte(`{"bytes_down":9,"problem":null}`))
		w.Header().Set("Content-Type", "application/vnd.tacit.use")
		w.Header().Set("Trailer", "Tacit-End")
		fmt.Fprint(w, `{"capability":"openai/models","status":200,"headers":{}}`+"\ndata: one")
		w.Header().Set("Tacit-End", end)
	default:
		problem(404, "not_found", 3)
	}
}

func readString(r io.Reader) string {
	b, _ := io.ReadAll(r)
	return string(b)
}

// A value is printed in no way, and neither is a token.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	v := client.NewValue([]byte("the-secret-value"))
	c, err := client.New(client.Options{Addr: "unix:/nowhere", Token: "tacit_the-secret-token"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	nested := struct {
		V client.Value
		P *client.Value
		C *client.Client
		v client.Value
		m map[string]client.Value
	}{v, &v, c, v, map[string]client.Value{"a": v}}
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, format, v)
		fmt.Fprintf(&out, format, nested)
		fmt.Fprintf(&out, format, c)
	}
	b, err := json.Marshal(map[string]any{"v": v, "nested": nested})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	slog.New(slog.NewTextHandler(&out, nil)).Info("said", "v", v, "nested", nested)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("said", "v", v, "c", c)
	for _, hidden := range []string{"the-secret", "7468652d736563726574", "dGhlLXNlY3JldA", "116 104 101"} {
		if strings.Contains(out.String(), hidden) {
			t.Errorf("%q is in what was printed:\n%s", hidden, out.String())
		}
	}
	v.Wipe()
	if string(v.Reveal()) != strings.Repeat("\x00", 16) || (client.Value{}).Reveal() != nil {
		t.Error("a wiped value holds something, or an empty one")
	}
}

// A token that cannot be in a header is refused before anything could quote it.
func TestTokenThatIsNone(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\nX: y", " y", "\x00", "✓"} {
		_, err := client.New(client.Options{Addr: "unix:/nowhere", Token: "tacit_x" + end})
		var failed *client.Error
		if !errors.As(err, &failed) || failed.Code != "usage" || strings.Contains(err.Error(), "tacit_x") {
			t.Errorf("%q: %v", end, err)
		}
	}
}

func TestWhomToAsk(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for _, p := range pairs {
				if v, ok := strings.CutPrefix(p, name+"="); ok {
					return v
				}
			}
			return ""
		}
	}
	for _, test := range []struct{ name, want, env string }{
		{"state directory", "unix:/h/.local/state/tacit/agent.sock", "HOME=/h"},
		{"runtime directory", "unix:/r/tacit/agent.sock", "HOME=/h XDG_RUNTIME_DIR=/r"},
		{"a relative one is none", "unix:/h/.local/state/tacit/agent.sock", "HOME=/h XDG_RUNTIME_DIR=r"},
		{"own directory", "unix:/t/agent.sock", "HOME=/h TACIT_DIR=/t XDG_RUNTIME_DIR=/r"},
		{"an address", "https://a.example", "HOME=/h TACIT_ADDR=https://a.example/"},
		{"a socket", "unix:/s", "TACIT_ADDR=unix:/s TACIT_TOKEN=tacit_x"},
		{"loopback", "http://127.0.0.1:80", "TACIT_ADDR=http://127.0.0.1:80"},
		{"in clear", "", "TACIT_ADDR=http://a.example"},
		{"in clear, nearly loopback", "", "TACIT_ADDR=http://localhost.example"},
		{"a relative socket", "", "TACIT_ADDR=unix:s"},
		{"no address", "", "TACIT_ADDR=s"},
		{"with a password", "", "TACIT_ADDR=https://u:p@a.example"},
		{"no agent", "", "HOME=/h TACIT_NO_AGENT=1"},
	} {
		c, err := client.New(client.Options{Getenv: env(strings.Fields(test.env)...)})
		var failed *client.Error
		switch {
		case test.want == "" && (!errors.As(err, &failed) || failed.Code != "usage" || failed.Exit != 2):
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && filepath.ToSlash(c.String()) != "client of "+test.want:
			t.Errorf("%s: %s", test.name, c)
		}
	}
}

// serve answers at a socket and returns a client of it.
func serve(t *testing.T, h http.HandlerFunc) (*client.Client, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "agent.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	c, err := client.New(client.Options{Addr: "unix:" + socket, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, dir
}

// What is no answer of tacit's is unavailable, never "not found", and is not quoted.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	say := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"a page":         say(200, "text/html", "secret-text"),
		"half of JSON":   say(200, "application/json", `{"value":"secret-text`),
		"no value":       say(200, "application/json", `{}`),
		"not base64":     say(200, "application/json", `{"value_base64":"secret-text!"}`),
		"404 of another": say(404, "text/plain", "secret-text"),
		"no problem":     say(500, "application/problem+json", "secret-text"),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/api/v1/elsewhere", http.StatusTemporaryRedirect)
		},
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"value":"secret-text"`)
		},
	} {
		c, _ := serve(t, h)
		_, err := c.Get(t.Context(), "a")
		if !errors.Is(err, client.ErrUnavailable) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "secret-text") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStreamThatBreaksOff(t *testing.T) {
	t.Parallel()
	trailer := func(end string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/vnd.tacit.use")
			w.Header().Set("Trailer", "Tacit-End")
			fmt.Fprint(w, `{"capability":"a/b","status":200,"headers":{}}`+"\nhalf")
			if end == "abort" {
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Tacit-End", end)
		}
	}
	upstream := base64.StdEncoding.EncodeToString([]byte(`{"problem":{"code":"unavailable","detail":"it hung up","origin":"upstream"}}`))
	for name, end := range map[string]string{"no trailer": "", "nonsense": "!", "cut": "abort", "upstream": upstream} {
		c, _ := serve(t, trailer(end))
		s, err := c.Use(t.Context(), client.UseHead{Capability: "a/b"}, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, err := io.ReadAll(s)
		if !errors.Is(err, client.ErrUnavailable) || string(b) != "half" {
			t.Errorf("%s: %q %v", name, b, err)
		}
		_ = s.Close()
	}
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// However many calls there are at once, the agent has few connections, and uses that last hold up none of them.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	held := make(chan struct{})
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/api/v1/capability/") {
			<-held
			fmt.Fprint(w, `{"status":200}`)
			return
		}
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			runtime.Gosched()
		}
		fmt.Fprint(w, `{"value":"x"}`)
	})
	var uses, gets sync.WaitGroup
	for range 100 {
		uses.Go(func() {
			if _, err := c.Invoke(t.Context(), client.InvokeRequest{Capability: "a/b"}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 1000 {
		gets.Go(func() {
			if _, err := c.Get(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		})
	}
	gets.Wait()
	close(held)
	uses.Wait()
	if most.Load() > 32 {
		t.Errorf("%d at once", most.Load())
	}
}

// An agent that serves another vault at our socket is as good as none.
func TestAgentOfAnotherVault(t *testing.T) {
	t.Parallel()
	_, dir := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/agent/status" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"vault":"/elsewhere/vault.db"}`)
	})
	_, err := client.Connect(t.Context(), client.Options{Getenv: func(name string) string {
		if name == "TACIT_DIR" {
			return dir
		}
		return ""
	}})
	if !errors.Is(err, client.ErrLocked) {
		t.Error(err)
	}
}

// What names no provider is of the one of the environment, as for the command line.
func TestProviderOfTheEnvironment(t *testing.T) {
	t.Parallel()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Provider string `json:"provider"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		asked = append(asked, in.Provider)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"secret":{"name":"a"},"value":"v","secrets":[]}`)
	}))
	t.Cleanup(s.Close)
	for _, test := range []struct{ option, variable, want string }{
		{"", "theirs", "theirs theirs theirs theirs mine mine"}, {"ours", "theirs", "ours ours ours ours mine mine"}, {"", "", "    mine mine"},
	} {
		c, err := client.New(client.Options{Addr: s.URL, Provider: test.option, Getenv: func(v string) string {
			return map[string]string{"TACIT_PROVIDER": test.variable}[v]
		}})
		if err != nil {
			t.Fatal(err)
		}
		asked = nil
		_, err1 := c.Get(t.Context(), "a")
		_, err2 := c.Has(t.Context(), "a")
		_, err3 := c.List(t.Context(), client.ListRequest{})
		_, err4 := c.Set(t.Context(), "a", client.NewValue([]byte("v")))
		_, err5 := c.Get(t.Context(), "mine:a")
		_, err6 := c.List(t.Context(), client.ListRequest{Provider: "mine"})
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil || strings.Join(asked, " ") != test.want {
			t.Errorf("%+v: asked %q, %v", test, asked, err)
		}
		c.Close()
	}
}
