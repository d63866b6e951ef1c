package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/server"
	"tacit/internal/wire"
)

// pipes is a listener within the process, whose deadlines are of the test's clock.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// slowly writes the text of a request, pausing after each byte.
func slowly(c net.Conn, text string, pause time.Duration) {
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// lifetime returns how long the server kept the connection.
func lifetime(c net.Conn) time.Duration {
	began := time.Now()
	_, _ = io.Copy(io.Discard, c)
	return time.Since(began)
}

const getRequest = "POST " + wire.Get + " HTTP/1.1\r\nHost: tacit\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}"

// TestSlowClients: whoever lets the server wait is cut off, for a request's header, its body, the next request, or to take an answer;
// and keeper may take as long as it needs.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	within := func(t *testing.T, what string, got, atMost time.Duration) {
		t.Helper()
		if got > atMost {
			t.Errorf("%s: %v", what, got)
		}
	}
	bubble := func(name string, api keeper.API, fn func(t *testing.T, p *pipes)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				serve(t, p, server.Options{API: api}, 8)
				fn(t, p)
				time.Sleep(time.Minute) // those that write slowly learn that they were cut off
			})
		})
	}
	bubble("says nothing", nil, func(t *testing.T, p *pipes) {
		within(t, "a connection without a request", lifetime(p.dial()), 11*time.Second)
	})
	bubble("slow header", nil, func(t *testing.T, p *pipes) {
		c := p.dial()
		go slowly(c, getRequest, time.Second)
		within(t, "a slow header", lifetime(c), 11*time.Second)
	})
	bubble("slow body", nil, func(t *testing.T, p *pipes) {
		c := p.dial()
		go func() {
			_, _ = io.WriteString(c, getRequest[:len(getRequest)-12])
			slowly(c, getRequest[len(getRequest)-12:], 2*time.Second)
		}()
		within(t, "a slow body", lifetime(c), 16*time.Second)
	})
	bubble("slow import", nil, func(t *testing.T, p *pipes) {
		c := p.dial()
		go func() {
			_, _ = io.WriteString(c, "POST "+wire.Import+" HTTP/1.1\r\nHost: tacit\r\nContent-Type: "+wire.Lines+"\r\nContent-Length: 1000\r\n\r\n{}\n")
			slowly(c, `{"name":"a","value":"1"}`, 2*time.Second)
		}()
		within(t, "an import of which nothing more comes", lifetime(c), 3*time.Minute)
	})
	bubble("idle", nil, func(t *testing.T, p *pipes) {
		c := p.dial()
		go func() { _, _ = io.WriteString(c, getRequest) }()
		within(t, "an idle connection", lifetime(c), 3*time.Minute)
	})
	long := &held{hold: time.Hour}
	bubble("a long answer", long, func(t *testing.T, p *pipes) {
		c := p.dial()
		defer c.Close()
		go func() { _, _ = io.WriteString(c, getRequest) }()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK || long.err != nil {
			t.Errorf("%s, %v", resp.Status, long.err)
		}
	})
	bubble("takes nothing", endless{}, func(t *testing.T, p *pipes) {
		c := p.dial()
		defer c.Close()
		_, _ = io.WriteString(c, "POST "+wire.AuditExport+" HTTP/1.1\r\nHost: tacit\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		_, _ = io.ReadFull(c, make([]byte, 10))
		time.Sleep(time.Minute)
		within(t, "a stream that nobody takes", lifetime(c), time.Second)
	})
}

// TestStreamThatFailsLate: a stream that is silent for an hour and then fails can still say why.
func TestStreamThatFailsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		serve(t, p, server.Options{API: following{}}, 8)
		c := p.dial()
		defer c.Close()
		_, _ = io.WriteString(c, "POST "+wire.AuditFollow+" HTTP/1.1\r\nHost: tacit\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		if !lines.Scan() {
			t.Fatal("no record came")
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), "the token was revoked") {
			t.Errorf("the stream ended with %q", lines.Text())
		}
		if lines.Scan() {
			t.Errorf("and then came %q", lines.Text())
		}
	})
}

// following has one record, and fails an hour later.
type following struct{ canned }

func (following) AuditFollow(_ context.Context, _ keeper.Caller, _ keeper.AuditRequest, each func(client.AuditRecord) error) error {
	if err := each(client.AuditRecord{Seq: 1, Time: when}); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return fault.New(fault.Denied, "the token was revoked")
}

// held takes its time to answer.
type held struct {
	canned
	hold time.Duration
	err  error // of the request, while it waited
}

func (h *held) Get(ctx context.Context, c keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	time.Sleep(h.hold)
	h.err = ctx.Err()
	return h.canned.Get(ctx, c, r)
}

// endless has records without end.
type endless struct{ canned }

func (endless) AuditExport(ctx context.Context, _ keeper.Caller, _ keeper.AuditRequest, each func(client.AuditRecord) error) error {
	for ctx.Err() == nil {
		if err := each(client.AuditRecord{Seq: 1, Time: when}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// TestThousandsOfConnections opens many more connections than there is room for, each with half a request or a slow stream of
// nonsense; the others are served all the while, and memory is that of the connections that are allowed.
func TestThousandsOfConnections(t *testing.T) {
	t.Parallel()
	const room, attackers = 32, 2000
	path := filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, server.Options{}, room)
	before := runtime.NumGoroutine()
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for i := range attackers {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		_, _ = io.WriteString(c, getRequest[:len(getRequest)-i%len(getRequest)-1])
		if held = append(held, c); len(held) > 500 { // as many as this process may hold open
			_ = held[0].Close()
			held = held[1:]
		}
		if i%100 == 99 {
			if err := askOnce(path); err != nil {
				t.Errorf("after %d connections: %v", i+1, err)
			}
		}
	}
	// Two goroutines a connection, and some that are about to end.
	if n := runtime.NumGoroutine() - before; n > 4*room {
		t.Errorf("%d goroutines for %d connections", n, room)
	}
}

// askOnce makes one request on a connection of its own. A connection that was closed while it waited to be accepted is made again.
func askOnce(path string) error {
	var err error
	for range 3 {
		var c net.Conn
		if c, err = net.Dial("unix", path); err != nil {
			return err
		}
		_, _ = io.WriteString(c, getRequest)
		var resp *http.Response
		if resp, err = http.ReadResponse(bufio.NewReader(c), nil); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				err = errors.New(resp.Status)
			}
		}
		_ = c.Close()
		if err == nil {
			return nil
		}
	}
	return err
}

// TestLimitAtWork: when every connection is at work, a new one is refused, and there is room again afterwards.
func TestLimitAtWork(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{in: make(chan struct{}), out: make(chan struct{})}
	serve(t, l, server.Options{API: g}, 2)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := askOnce(path); err != nil {
				t.Error(err)
			}
		})
		<-g.in
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a connection too many was kept")
	}
	_ = c.Close()
	close(g.out)
	wg.Wait()
	go func() { <-g.in }()
	if err := askOnce(path); err != nil {
		t.Error(err)
	}
}

// gate tells of each read, and holds it until it is opened.
type gate struct {
	canned
	in, out chan struct{}
}

func (g *gate) Get(ctx context.Context, c keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	g.in <- struct{}{}
	<-g.out
	return g.canned.Get(ctx, c, r)
}

// TestImportWaitsForItsEnd: keeper, which holds the vault's lock while it reads entries, is not asked before the last one is here.
func TestImportWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		api := &importing{}
		serve(t, p, server.Options{API: api}, 2*8)
		head := "POST " + wire.Import + " HTTP/1.1\r\nHost: tacit\r\nContent-Type: " + wire.Lines + "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"
		var open []net.Conn
		for range 8 {
			c := p.dial()
			_, _ = io.WriteString(c, head)
			open = append(open, c)
		}
		synctest.Wait()
		if api.asked {
			t.Error("keeper was asked before the import was complete")
		}
		// As many as may be at once; another one is told to come again, and other operations go on.
		c := p.dial()
		defer c.Close()
		go func() { _, _ = io.WriteString(c, head) }()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("one import too many: %s", resp.Status)
		}
		_, _ = io.WriteString(open[0], "0\r\n\r\n")
		if resp, err = http.ReadResponse(bufio.NewReader(open[0]), nil); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !api.asked {
			t.Errorf("a complete import: %s", resp.Status)
		}
		for _, c := range open {
			_ = c.Close()
		}
	})
}

// importing notes that it was asked.
type importing struct {
	canned
	asked bool
}

func (i *importing) Import(ctx context.Context, c keeper.Caller, r keeper.ImportRequest, next func() (keeper.ImportEntry, error)) (client.Imported, error) {
	i.asked = true
	return i.canned.Import(ctx, c, r, next)
}

// TestBrokenHTTP sends what is no request of HTTP/1.1, or two in one; the connection ends, the next one is served.
func TestBrokenHTTP(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, server.Options{}, 16)
	head := "POST " + wire.Get + " HTTP/1.1\r\nHost: tacit\r\nContent-Type: application/json\r\n"
	for name, text := range map[string]string{
		"nothing of HTTP":        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 100) + "\r\n\r\n",
		"HTTP/2":                 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"a huge header":          "GET " + wire.Status + " HTTP/1.1\r\nHost: tacit\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"a huge path":            "GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.1\r\nHost: tacit\r\n\r\n",
		"two lengths":            head + "Content-Length: 12\r\nContent-Length: 2\r\n\r\n{\"name\":\"a\"}",
		"another coding":         head + "Transfer-Encoding: gzip\r\n\r\n",
		"a bad chunk":            head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"no host":                "GET " + wire.Status + " HTTP/1.1\r\n\r\n",
		"a method that is none":  "G@T " + wire.Status + " HTTP/1.1\r\nHost: tacit\r\n\r\n",
		"CONNECT":                "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"OPTIONS *":              "OPTIONS * HTTP/1.1\r\nHost: tacit\r\n\r\n",
		"a length that is a lie": head + "Content-Length: 99999999999\r\n\r\n{}",
		"an upgrade":             "GET " + wire.Status + " HTTP/1.1\r\nHost: tacit\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 1\r\n\r\nx",
	} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, text)
		_ = c.(*net.UnixConn).CloseWrite()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < 400 {
				t.Errorf("%s: %s", name, resp.Status)
			}
		}
		_ = c.Close()
		if err := askOnce(path); err != nil {
			t.Fatalf("after %s: %v", name, err)
		}
	}
	// Two requests at once are two answers.
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = fmt.Fprint(c, getRequest, getRequest)
	r := bufio.NewReader(c)
	for range 2 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
