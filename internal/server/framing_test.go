package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestI25FramedTwice: a request that says how long it is and comes in chunks as well is refused and sent nowhere, wherever on a connection
// it stands and however it is cut into packets; requests in chunks alone go through, one after the other on one connection.
func TestI25FramedTwice(t *testing.T) {
	t.Parallel()
	b := newBase(t, echoed)
	const (
		post    = "POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n"
		both    = post + "Content-Length: 5\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"
		chunked = post + "Transfer-Encoding: chunked\n\n3\nabc\n0\n\n"
		trailer = post + "Transfer-Encoding: chunked\nTrailer: X\n\n3\nabc\n0\nX: 1\n\n"
		length  = post + "Content-Length: 3\n\nabc"
		get     = "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n\n"
		// Half a head that says a length; what comes next is the value of its last header, and looks like a head.
		half = post + "Content-Length: 5\nX: "
	)
	type step struct {
		send string // all of it at once
		want []int  // and then this many answers come
	}
	one := func(send string, want int) step { return step{send, []int{want}} }
	for name, steps := range map[string][]step{
		"at first":                    {one(both, 400)},
		"after a get":                 {one(get, 200), one(both, 400)},
		"after a length":              {one(length, 200), one(both, 400)},
		"after chunks":                {one(chunked, 200), one(both, 400)},
		"after all":                   {one(get, 200), one(length, 200), one(chunked, 200), one(chunked, 200), one(length, 200), one(chunked, 200), one(both, 400)},
		"not waiting: gets":           {{get + get + length + get, []int{200, 200, 200, 200}}},
		"not waiting: chunks":         {{get + chunked, []int{200, 200}}},
		"not waiting: both":           {{length + both, []int{200, 400}}},
		"not waiting: chunks later":   {{get + get, []int{200, 200}}, one(chunked, 200), one(both, 400)},
		"a head that is a value":      {one(get+half, 200), one(chunked, 400)},
		"that after a length":         {one(length+half, 200), one(chunked, 400)},
		"that after chunks":           {one(chunked+half, 200), one(chunked, 400)},
		"a value that ends as chunks": {one(chunked+post+"Content-Length: 5\nX: 0\n\n", 200), {chunked, []int{200, 400}}},
		"after a trailer":             {one(trailer, 200), one(chunked, 200), one(both, 400)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", b.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			answers := bufio.NewReader(conn)
			for i, s := range steps {
				if _, err := io.WriteString(conn, b.fill(s.send)); err != nil {
					t.Fatal(err)
				}
				var got []int
				for range s.want {
					resp, err := http.ReadResponse(answers, nil)
					if err != nil {
						t.Fatalf("step %d: %v after %v", i, err, got)
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					got = append(got, resp.StatusCode)
				}
				if !slices.Equal(got, s.want) {
					t.Errorf("step %d: %v, want %v", i, got, s.want)
				}
			}
		})
	}
}

// TestI25FramedTwiceInPieces: the same when the head comes a few bytes at a time.
func TestI25FramedTwiceInPieces(t *testing.T) {
	t.Parallel()
	b := newBase(t, echoed)
	for _, piece := range []int{1, 2, 3, 7} {
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).SetNoDelay(true)
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		answers := bufio.NewReader(conn)
		for i, framing := range []string{"Transfer-Encoding: chunked\n", "Content-Length: 13\n", "Transfer-Encoding: chunked\n", "Transfer-Encoding: chunked\nContent-Length: 13\n"} {
			text := b.fill("POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n" + framing + "\n3\nabc\n0\n\n")
			for part := range slices.Chunk([]byte(text), piece) {
				if _, err := conn.Write(part); err != nil {
					break // it was refused already, and the connection closed
				}
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("pieces of %d, request %d: %v", piece, i, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if want := map[bool]int{false: 200, true: 400}[i == 3]; resp.StatusCode != want {
				t.Errorf("pieces of %d, request %d: %d, want %d", piece, i, resp.StatusCode, want)
			}
		}
		_ = conn.Close()
	}
}
