package remote_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/remote"
	"tacit/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake answers every call of an API that a test does not replace with a nil dereference, which the server turns into a 500.
type fake struct {
	keeper.API
	get    func(ctx context.Context) (keeper.Read, error)
	status func() (client.Status, error)
	names  func(each func(string) error) error
	follow func(ctx context.Context, each func(client.AuditRecord) error) error
	set    func() (keeper.Written, error)
}

func (f *fake) Get(ctx context.Context, _ keeper.Caller, _ keeper.GetRequest) (keeper.Read, error) {
	return f.get(ctx)
}

func (f *fake) Status(context.Context, keeper.Caller) (client.Status, error) { return f.status() }

func (f *fake) Set(context.Context, keeper.Caller, keeper.SetRequest) (keeper.Written, error) {
	return f.set()
}

func (f *fake) Names(_ context.Context, _ keeper.Caller, _ keeper.ListRequest, each func(string) error) error {
	return f.names(each)
}

func (f *fake) AuditFollow(ctx context.Context, _ keeper.Caller, _ keeper.AuditRequest, each func(client.AuditRecord) error) error {
	return f.follow(ctx, each)
}

// TestEveryCode sends an error of every class, with every member, there and back.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	var next error
	c := dial(t, serve(t, &fake{status: func() (client.Status, error) { return client.Status{}, next }}, nil))
	for _, code := range fault.Codes() {
		for _, err := range []error{
			fault.New(code, "no such thing: %q\n\x00", "a/b"),
			fault.New(code, "with all").WithFix("tacit list 'a*' <&>").About("a/b"),
			fault.Wrap(fault.Failed, fault.New(code, "inside").WithFix("fix").About("o"), "outside"),
			fmt.Errorf("wrapped: %w", fault.New(code, "inside").WithFix("fix")),
		} {
			next = err
			_, got := c.Status(t.Context(), far)
			compareErrors(t, string(code), got, err)
		}
	}
	next = errors.New("without a class")
	if _, err := c.Status(t.Context(), far); fault.CodeOf(err) != fault.Failed || err.Error() != next.Error() {
		t.Errorf("an error without a class comes back as %v", err)
	}
}

// TestPanic: what a panic says stays inside, the process goes on, and so does the connection.
func TestPanic(t *testing.T) {
	t.Parallel()
	bad := true
	c := dial(t, serve(t, &fake{get: func(context.Context) (keeper.Read, error) {
		if bad {
			panic("the value is s3cr3t")
		}
		return keeper.Read{Value: val("x")}, nil
	}}, nil))
	_, err := c.Get(t.Context(), far, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
	if fault.CodeOf(err) != fault.Failed || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a panic is %v", err)
	}
	bad = false
	if _, err := c.Get(t.Context(), far, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}}); err != nil {
		t.Error(err)
	}
}

// TestStreamThatFails gets what came before the failure, and the failure; a panic in the middle is not taken for the end.
func TestStreamThatFails(t *testing.T) {
	t.Parallel()
	var end atomic.Pointer[func() error] // a call that panics ends without telling anybody
	c := dial(t, serve(t, &fake{names: func(each func(string) error) error {
		for i := range 3000 {
			if err := each(fmt.Sprintf("name/%d", i)); err != nil {
				return err
			}
		}
		return (*end.Load())()
	}}, nil))
	for name, tc := range map[string]struct {
		end  func() error
		want fault.Code
	}{
		"well":  {func() error { return nil }, ""},
		"badly": {func() error { return fault.New(fault.Tampered, "record 7 was changed").About("7") }, fault.Tampered},
		"panic": {func() error { panic("x") }, fault.Unavailable},
	} {
		end.Store(&tc.end)
		n := 0
		err := c.Names(t.Context(), far, keeper.ListRequest{}, func(string) error { n++; return nil })
		if tc.want == "" && err != nil || tc.want != "" && !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		if tc.want != fault.Unavailable && n != 3000 {
			t.Errorf("%s: %d names came", name, n)
		}
	}
	stop := errors.New("enough")
	well := func() error { return nil }
	end.Store(&well)
	if err := c.Names(t.Context(), far, keeper.ListRequest{}, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the callback's error came back as %v", err)
	}
}

// TestFollowEndsWithTheClient: when the client stops, the keeper's call ends.
func TestFollowEndsWithTheClient(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	c := dial(t, serve(t, &fake{follow: func(ctx context.Context, each func(client.AuditRecord) error) error {
		defer close(ended)
		if err := each(client.AuditRecord{Seq: 1}); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}}, nil))
	ctx, stop := context.WithCancel(t.Context())
	err := c.AuditFollow(ctx, far, keeper.AuditRequest{}, func(r client.AuditRecord) error {
		if r.Seq == 1 {
			stop()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	<-ended
}

// TestRefused: a caller that nobody knows is 401 and exit 5.
func TestRefused(t *testing.T) {
	t.Parallel()
	path := serve(t, &fake{}, refused)
	if _, err := dial(t, path).Whoami(t.Context(), far); !errors.Is(err, fault.Denied) {
		t.Error(err)
	}
	resp, err := over(path).Get("http://tacit" + wire.Whoami)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}

// over returns an HTTP client of a socket that is not ours.
func over(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
}

// TestNobodyThere: no listener, one that hangs up, one that speaks something else, and one that never answers.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	if _, err := dial(t, filepath.Join(t.TempDir(), "none")).Status(t.Context(), far); !errors.Is(err, fault.Unavailable) {
		t.Errorf("no listener: %v", err)
	}
	for name, answer := range map[string]string{
		"hangs up": "", "speaks ssh": "SSH-2.0-x\r\n", "is another server": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"has no problem": "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nContent-Type: application/problem+json\r\n\r\n{}",
		"breaks off":     "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Type: application/json\r\n\r\n{}",
	} {
		c := dial(t, listen(t, func(conn net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, answer)
		}))
		if _, err := c.Status(t.Context(), far); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	asked := make(chan struct{})
	c := dial(t, listen(t, func(conn net.Conn) {
		close(asked)
		_, _ = io.Copy(io.Discard, conn)
	}))
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-asked; stop() }()
	if _, err := c.Status(ctx, far); !errors.Is(err, context.Canceled) {
		t.Errorf("never answers: %v", err)
	}
}

// listen calls fn with each connection, one at a time, and closes it afterwards.
func listen(t *testing.T, fn func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fn(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return path
}

// TestIdleConnectionThatWasClosed: a read is sent once more, a change is not.
func TestIdleConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	asked := 0
	c := dial(t, listen(t, func(conn net.Conn) { // one answer a connection, without saying so
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			asked++
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")
		}
	}))
	for range 2 {
		if _, err := c.Status(t.Context(), far); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Move(t.Context(), far, keeper.Ref{Name: "a"}, "b"); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "before the answer") {
		t.Errorf("a change on a closed connection: %v", err)
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestVersions: an operation that an older program does not know is told apart from one that failed.
func TestVersions(t *testing.T) {
	t.Parallel()
	path := serve(t, &fake{}, nil)
	newer := remote.New(remote.Options{Version: "2.0.0", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}})
	defer newer.Close()
	err := newer.Call(t.Context(), http.MethodPost, "/api/v1/secret/teleport", struct{}{}, nil)
	if !errors.Is(err, fault.Unavailable) || !strings.HasPrefix(err.Error(), "this is tacit 2.0.0, and the agent is test: ") {
		t.Errorf("%v", err)
	}
	if err := dial(t, path).Call(t.Context(), http.MethodPost, "/api/v1/secret/teleport", struct{}{}, nil); !errors.Is(err, fault.Usage) {
		t.Errorf("of the same version: %v", err)
	}
}

// TestOverHTTP goes through an http.Client, as to a server, with a token; a redirect is not followed.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	var token string
	h := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token = r.Header.Get("Authorization")
		if strings.HasPrefix(r.URL.Path, "/moved") {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Content-Type", wire.JSON)
		_, _ = io.WriteString(w, `{"principal":"agent/x","something_new":[{}]}`)
	}))
	defer h.Close()
	c := remote.New(remote.Options{BaseURL: h.URL + "/", Token: "tacit_x", Version: "test", HTTP: h.Client()})
	defer c.Close()
	w, err := c.Whoami(t.Context(), far)
	if err != nil || w.Principal != "agent/x" || token != "Bearer tacit_x" {
		t.Errorf("%+v, %v, %q", w, err, token)
	}
	moved := remote.New(remote.Options{BaseURL: h.URL + "/moved", Version: "test", HTTP: h.Client()})
	defer moved.Close()
	if _, err := moved.Whoami(t.Context(), far); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

// TestConcurrent uses one client from many goroutines; nothing leaks (TestMain).
func TestConcurrent(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c := dial(t, serve(t, h.open(), nil))
	if _, err := c.Set(t.Context(), far, keeper.SetRequest{Ref: keeper.Ref{Name: "a"}, Value: val("the value"), Via: "set"}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				r, err := c.Get(t.Context(), far, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
				if err != nil || string(r.Value.Reveal()) != "the value" {
					t.Errorf("%v", err)
				}
			}
		})
	}
	wg.Wait()
}

// TestNothingLeaks: 10,000 requests, a tenth of them given up half-way, leave no descriptor open; TestMain looks for goroutines.
func TestNothingLeaks(t *testing.T) { // not parallel: it counts what the whole process has open
	before := descriptors(t)
	t.Run("requests", func(t *testing.T) {
		c := dial(t, serve(t, &fake{get: func(ctx context.Context) (keeper.Read, error) {
			if err := ctx.Err(); err != nil {
				return keeper.Read{}, err
			}
			return cannedRead(ctx)
		}}, nil))
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for i := range 1000 {
					ctx, stop := context.WithCancel(t.Context())
					if i%10 == 0 {
						go stop()
					}
					_, err := c.Get(ctx, far, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					stop()
				}
			})
		}
		wg.Wait()
	})
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

// descriptors counts what the process has open; 0 where the system does not tell.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// TestImportIsAllOrNothing breaks off an import of many entries in the middle of a line: nothing of it is there.
func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := serve(t, h.open(), nil)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := "{}\n" + strings.Repeat(`{"name":"a","value":"1"}`+"\n", 1) + `{"name":"b","va`
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", wire.Import, wire.Lines, len(lines), lines)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.UnixConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s", resp.Status)
	}
	c := dial(t, path)
	if l, err := c.List(t.Context(), far, keeper.ListRequest{}); err != nil || l.Total != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestImportOfMany sends more than one buffer of entries, both ways of the vault: in one batch, and as a new file.
func TestImportOfMany(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c := dial(t, serve(t, h.open(), nil))
	const many = 5000
	i, told := 0, 0
	out, err := c.Import(t.Context(), far, keeper.ImportRequest{Progress: func(done, _ int) { told = done }}, func() (keeper.ImportEntry, error) {
		if i++; i > many {
			return keeper.ImportEntry{}, io.EOF
		}
		return keeper.ImportEntry{Name: fmt.Sprintf("n/%05d", i), Value: val(fmt.Sprintf("value %d", i))}, nil
	})
	if err != nil || out.Counts.Create != many || told < many-1000 {
		t.Fatalf("%+v, %v, told %d", out.Counts, err, told)
	}
	r, err := c.Get(t.Context(), far, keeper.GetRequest{Ref: keeper.Ref{Name: "n/04999"}})
	if err != nil || string(r.Value.Reveal()) != "value 4999" {
		t.Errorf("%v", err)
	}
}

// TestLocked: a vault that nothing opens, and none at all.
func TestLocked(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	get := func(api keeper.API, c keeper.Caller) error {
		_, err := api.Get(context.Background(), c, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
		return err
	}
	for name, open := range map[string]func() *keeper.Keeper{
		"wrong phrase": func() *keeper.Keeper { return h.openWith("another one") },
		"no phrase":    func() *keeper.Keeper { return h.openWith("") },
		"no vault":     func() *keeper.Keeper { return (&home{t: t, dir: h.dir + "-none", now: h.now}).open() },
	} {
		want := get(open(), near)
		if want == nil {
			t.Errorf("%s: it opens", name)
		}
		compareErrors(t, name, get(dial(t, serve(t, open(), nil)), far), want)
	}
}
