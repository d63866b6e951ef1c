package keeper_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/server"
)

// BenchmarkUse is P9 in one process: a principal uses a service by base-URL mode, and by the keeper alone, with policy, audit and
// redaction. The time is that of the client and the upstream too; what is allocated is not theirs.
func BenchmarkUse(b *testing.B) {
	upstream := benchUpstream(b)
	h := newHome(b)
	h.now = time.Now()
	k := h.open()
	h.benchService(b, k, upstream)
	demo, _ := token(b, k, keeper.TokenRequest{Allow: []string{"use bench/*"}})
	agent := h.benchAgent(b)
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("keeper/%d", callers), func(b *testing.B) {
			inTurns(b, callers, func() func() error {
				return func() error {
					used, err := agent.Use(b.Context(), demo, keeper.UseRequest{
						Service: "bench", Request: broker.Request{Method: "GET", Path: "/v1/things", Header: http.Header{"Accept": {"*/*"}}},
					})
					if err != nil {
						return err
					}
					_, err = io.Copy(io.Discard, struct{ io.Reader }{used.Body})
					_ = used.Body.Close()
					return err
				}
			})
		})
	}
	l, err := server.ListenProxy("")
	if err != nil {
		b.Fatal(err)
	}
	at := l.Addr().String()
	s := &http1.Server{Handler: server.NewProxy(server.ProxyOptions{API: agent, Host: func() string { return at }})}
	server.ConfigureProxy(s, nil)
	go func() { _ = s.Serve(server.Limit(l, 512)) }()
	b.Cleanup(func() { _ = s.Close() })
	request := []byte("GET /svc/bench/v1/things HTTP/1.1\r\nHost: " + at + "\r\nAccept: */*\r\nUser-Agent: bench\r\nX-Bench-Key: " + string(demo.Token.Reveal()) + "\r\n\r\n")
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("proxy/%d", callers), func(b *testing.B) {
			inTurns(b, callers, func() func() error {
				c, err := net.Dial("tcp", at)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = c.Close() })
				in := bufio.NewReader(c)
				return func() error { return ask(c, in, request) }
			})
		})
	}
}

// ask sends a request and reads the answer to the end of its only chunk, or of its body.
func ask(c net.Conn, in *bufio.Reader, request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	line, err := in.ReadSlice('\n')
	if err != nil || !strings.Contains(string(line), " 200 ") {
		return fmt.Errorf("%q: %w", line, err)
	}
	chunked := false
	for len(line) > 2 {
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
		chunked = chunked || string(line) == "Transfer-Encoding: chunked\r\n"
	}
	rest := 1024
	if chunked {
		rest = len("400\r\n") + 1024 + len("\r\n0\r\n\r\n")
	}
	_, err = in.Discard(rest)
	return err
}

// inTurns shares b.N calls among callers.
func inTurns(b *testing.B, callers int, caller func() func() error) {
	b.Helper()
	b.ReportAllocs()
	var group sync.WaitGroup
	left := make(chan struct{}, b.N)
	for range b.N {
		left <- struct{}{}
	}
	close(left)
	calls := make([]func() error, callers)
	for i := range calls {
		calls[i] = caller()
	}
	b.ResetTimer()
	for _, call := range calls {
		group.Go(func() {
			for range left {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// benchService stores a service of the owner's own at an address, and its secret.
func (h *home) benchService(b testing.TB, k *keeper.Keeper, at string) {
	b.Helper()
	file := fmt.Sprintf(`service: bench
title: Bench
hosts: [%q]
secrets: {BENCH_KEY: secret}
auth:
  header: {name: x-bench-key, value: "{{secret}}"}
capabilities:
  - {id: bench/all, title: All, methods: [GET], paths: [/v1], risk: read, example: {method: GET, path: /v1/things}}
network: {allow_private: true, plain_http: true}
`, at)
	if _, err := k.ServiceAdd(context.Background(), owner, keeper.ServiceAddRequest{File: []byte(file)}); err != nil {
		b.Fatal(err)
	}
	sealed := true
	r := keeper.SetRequest{Ref: keeper.Ref{Name: "BENCH_KEY"}, Value: val("a key of the bench, long enough"), Via: "set", Sealed: &sealed, Service: "bench"}
	if _, err := k.Set(context.Background(), owner, r); err != nil {
		b.Fatal(err)
	}
}

// benchUpstream answers every request with 1 KiB, and costs as little as can be.
func benchUpstream(b testing.TB) (at string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("0123456789abcdef", 64))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) > 2 {
						continue
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
