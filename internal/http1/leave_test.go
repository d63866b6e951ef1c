package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPeerLeaves: a handler learns that nobody waits for its answer any more, after it has read the request, also when the next one is there
// already; and not before that.
func TestPeerLeaves(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"without a body": "GET / HTTP/1.1\nHost: a\n\n",
		"with a length":  "POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc",
		"with chunks":    "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
		"with the next":  "GET / HTTP/1.1\nHost: a\n\nGET /next HTTP/1.1\nHost: a\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, over := make(chan struct{}), make(chan error, 1)
			addr := serving(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				close(began)
				select {
				case <-r.Context().Done():
					over <- nil
				case <-time.After(10 * time.Second):
					over <- errors.New("the handler was not told")
				}
			})
			k := dial(t, addr)
			k.say(text)
			<-began
			_ = k.Close()
			if err := <-over; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStays: a request whose handler takes its time is not ended, its deadlines for the peer are over, and what the peer sends meanwhile is
// the next request. In the time of a bubble.
func TestStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Server{RequestTimeout: time.Second, IdleTimeout: 3 * time.Second, WriteTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			time.Sleep(time.Hour)
			if r.Context().Err() != nil || err != nil {
				t.Error("it was ended")
			}
			fmt.Fprintf(w, "%s %q", r.RequestURI, b)
		})}
		near, far := net.Pipe()
		s.mu.Lock()
		s.init()
		s.mu.Unlock()
		s.welcome(far)
		k := &talk{t: t, Conn: near, in: bufio.NewReader(near)}
		for range 3 {
			k.say("POST /1 HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc")
			time.Sleep(time.Minute)
			k.say("GET /2 HTTP/1.1\nHost: a\n\n")
			for _, want := range []string{`/1 "abc"`, `/2 ""`} {
				if _, got := k.answer("GET"); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
			time.Sleep(2 * time.Second)
		}
		before := time.Now()
		k.over()
		if idle := time.Since(before); idle > 2*time.Second {
			t.Errorf("it was idle for %v", idle)
		}
	})
}

// TestTimes: who is slow is cut off: with a head, with a body, unless the handler gives it more, and with taking an answer.
func TestTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text   string
		least  time.Duration
		atMost time.Duration
	}{
		"nothing":     {"", time.Second, time.Second},
		"half a head": {"GET / HTTP/1.1\r\nHost:", time.Second, time.Second},
		"half a body": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", time.Second, 2 * time.Second},
		"half a size": {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3", time.Second, 2 * time.Second},
		"more time":   {"POST /more HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", time.Minute, time.Minute + time.Second},
		"unread":      {"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", time.Second, 2 * time.Second},
		"an answer":   {"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", 5 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &Server{RequestTimeout: time.Second, IdleTimeout: 3 * time.Second, WriteTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch r.URL.Path {
					case "/more":
						_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Minute))
					case "/endless":
						for {
							if _, err := w.Write(make([]byte, 1000)); err != nil {
								return
							}
						}
					}
					if r.URL.Path != "/unread" {
						_, _ = io.Copy(io.Discard, r.Body)
					}
				})}
				var over sync.WaitGroup
				over.Add(1)
				s.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						over.Done()
					}
				}
				near, far := net.Pipe()
				s.mu.Lock()
				s.init()
				s.mu.Unlock()
				began := time.Now()
				s.welcome(far)
				if c.text != "" {
					_, _ = io.WriteString(near, c.text)
				}
				if name != "an answer" {
					go func() { _, _ = io.Copy(io.Discard, near) }()
				}
				over.Wait()
				if took := time.Since(began); took < c.least || took > c.atMost {
					t.Errorf("it lasted %v", took)
				}
			})
		})
	}
}

// TestBothWays: a body is read in another goroutine while the answer goes out, and when the handler returns that ends, wherever it is.
func TestBothWays(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		first, b := make(chan struct{}), make([]byte, 3)
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		go func() {
			_, _ = io.ReadFull(r.Body, b)
			close(first)
			_ = c.SetReadDeadline(time.Time{})
			_, err := io.ReadAll(r.Body)
			ended <- err
		}()
		_, _ = io.WriteString(w, "begun ")
		_ = c.Flush()
		<-first
		_, _ = w.Write(b)
	})
	k := dial(t, addr)
	k.say("POST / HTTP/1.1\nHost: a\nContent-Length: 100\n\n")
	resp, err := http.ReadResponse(k.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	k.say("abc")
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "abc" {
		t.Errorf("%q, %v", b, err)
	}
	_ = resp.Body.Close()
	k.over()
	if err := <-ended; err == nil {
		t.Error("the body came to an end")
	}
}

// TestShutdown: who waits is closed, who is answered gets the answer, and nobody new is let in.
func TestShutdown(t *testing.T) {
	t.Parallel()
	in, out := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var states []http.ConnState
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			in <- struct{}{}
			<-out
		}
		_, _ = io.WriteString(w, "ok")
	}), ConnState: func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		states = append(states, state)
	}}
	addr := start(t, s)
	silent, idle, busy := dial(t, addr), dial(t, addr), dial(t, addr)
	idle.say("GET / HTTP/1.1\nHost: a\n\n")
	idle.answer("GET")
	busy.say("GET /slow HTTP/1.1\nHost: a\n\n")
	<-in
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a request under way: %v", err)
	}
	silent.over()
	idle.over()
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("somebody was let in")
	}
	close(out)
	if resp, body := busy.answer("GET"); body != "ok" || !resp.Close {
		t.Errorf("%q, %v", body, resp.Header)
	}
	busy.over()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Serve(nothing{}); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("once more: %v", err)
	}
	count := func(state http.ConnState) int {
		mu.Lock()
		defer mu.Unlock()
		return len(slices.DeleteFunc(slices.Clone(states), func(s http.ConnState) bool { return s != state }))
	}
	for count(http.StateClosed) < 3 { // it is told of after it is no more
		time.Sleep(time.Millisecond)
	}
	if count(http.StateNew) != 3 || count(http.StateIdle) != 1 {
		t.Errorf("%v", states)
	}
}

// nothing is a listener of a server that must not listen.
type nothing struct{ net.Listener }

func (nothing) Close() error { return nil }

// TestHijack: a connection is given away with what was read of it, and nothing else happens to it.
func TestHijack(t *testing.T) {
	t.Parallel()
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(2 * patience) // somebody looks already
		c, ahead, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("written to a connection that was given away: %v", err)
		}
		go func() {
			defer c.Close()
			b := make([]byte, 5)
			n := ahead.Reader.Buffered()
			_, _ = io.ReadFull(ahead, b)
			_, _ = c.Write(append(b, byte('0'+n)))
		}()
	})}
	addr := start(t, s)
	for early, want := range map[string]string{"": "hello0", "he": "hello2", "hello": "hello5"} {
		k := dial(t, addr)
		k.say("POST / HTTP/1.1\nHost: a\nContent-Length: 1\n\nx" + early)
		time.Sleep(3 * patience)
		k.say("hello"[len(early):])
		if b, err := io.ReadAll(k.in); err != nil || string(b) != want {
			t.Errorf("%q: %q, %v", early, b, err)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAllocations guards what an ordinary request costs, beside what its handler does.
func TestAllocations(t *testing.T) {
	addr := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"] = []string{"2"}
		_, _ = w.Write([]byte("ok"))
	})
	k := dial(t, addr)
	request := []byte("GET /svc/demo/v1/x HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nAccept: */*\r\nUser-Agent: x/1\r\nAuthorization: Bearer abc\r\nAccept-Encoding: gzip\r\n\r\n")
	answer := make([]byte, 4096)
	n := testing.AllocsPerRun(500, func() {
		_, _ = k.Write(request)
		_, _ = k.Conn.Read(answer)
	})
	if n > 16 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	addr := serving(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"] = []string{"2"}
		_, _ = w.Write([]byte("ok"))
	})
	k := dial(b, addr)
	_ = k.SetDeadline(time.Time{})
	request := []byte("GET /svc/demo/v1/x HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nAccept: */*\r\nUser-Agent: x/1\r\nAuthorization: Bearer abc\r\nAccept-Encoding: gzip\r\n\r\n")
	answer := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = k.Write(request)
		_, _ = k.Conn.Read(answer)
	}
}
