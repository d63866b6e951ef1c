package broker

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// newFastUpstream answers every request on a connection with the same 1 KB, at the least cost: so that what is measured is the other side.
func newFastUpstream(b *testing.B) *upstream {
	answer := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024)
	return newRawUpstream(b, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 { // the end of a header: none of the requests has a body
				if _, err := io.WriteString(c, answer); err != nil {
					return
				}
			}
		}
	})
}

// BenchmarkRequest sends small requests, through the broker and with http.Transport alone.
func BenchmarkRequest(b *testing.B) {
	u := newFastUpstream(b)
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("broker/%d", callers), func(b *testing.B) {
			broker := newTestBroker(b, Options{})
			use := u.use(b, broker, headerSecret, "/v1/things")
			inParallel(b, callers, func() error {
				r, err := broker.Do(context.Background(), use)
				if err != nil {
					return err
				}
				defer r.Body.Close()
				_, err = io.Copy(io.Discard, r.Body)
				return err
			})
		})
		b.Run(fmt.Sprintf("transport/%d", callers), func(b *testing.B) {
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM([]byte(u.service.Network.CAPEM))
			t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64, DisableCompression: true}
			defer t.CloseIdleConnections()
			inParallel(b, callers, func() error {
				r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+u.host+"/v1/things", http.NoBody)
				if err != nil {
					return err
				}
				r.Header.Set("Authorization", "Bearer "+headerSecret)
				answer, err := t.RoundTrip(r)
				if err != nil {
					return err
				}
				defer answer.Body.Close()
				_, err = io.Copy(io.Discard, answer.Body)
				return err
			})
		})
	}
}

func inParallel(b *testing.B, callers int, f func() error) {
	b.ReportAllocs()
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	if callers == 1 {
		for b.Loop() {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := f(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkStream reads an answer of 64 MiB an operation.
func BenchmarkStream(b *testing.B) {
	const size = 64 << 20
	piece := []byte(strings.Repeat("some text that is no secret; ", 4096))
	u := newUpstream(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for sent := 0; sent < size; sent += len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	broker := newTestBroker(b, Options{})
	use := u.use(b, broker, headerSecret, "/")
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r, err := broker.Do(context.Background(), use)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			b.Fatal(err)
		}
		_ = r.Body.Close()
	}
}

// BenchmarkFirstEvent measures the time from the request to the first event of a stream that goes on.
func BenchmarkFirstEvent(b *testing.B) {
	u := newUpstream(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = http.NewResponseController(w).Flush()
	}))
	broker := newTestBroker(b, Options{})
	use := u.use(b, broker, headerSecret, "/")
	buf := make([]byte, 64)
	for b.Loop() {
		r, err := broker.Do(context.Background(), use)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := r.Body.Read(buf); err != nil || n == 0 {
			b.Fatal(n, err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
}
