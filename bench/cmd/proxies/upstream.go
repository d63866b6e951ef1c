package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"io"
	"math/big"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// The paths of the upstream.
const (
	pathKilobyte = "/v1/kilobyte" // answers with 1 KiB
	pathEvents   = "/v1/events"   // an event at once, another after pauseOfEvents
	pathDown     = "/v1/down/"    // and a number: answers with so many bytes
	pathUp       = "/v1/up"       // reads what comes
)

const pauseOfEvents = 5 * time.Millisecond

// upstream serves by hand what it has to, so that it costs as little as can be: what is measured stands before it.
func upstream(args []string) error {
	flags := flag.NewFlagSet("upstream", flag.ContinueOnError)
	file := flags.String("certificate", "", "write the certificate of the TLS side to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	certificate, text, err := selfSigned()
	if err != nil {
		return err
	}
	if *file != "" {
		if err := os.WriteFile(*file, text, 0o644); err != nil {
			return err
		}
	}
	if err := show(map[string]string{"plain": plain.Addr().String(), "tls": l.Addr().String()}); err != nil {
		return err
	}
	failed := make(chan error, 2)
	for _, l := range []net.Listener{plain, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})} {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					failed <- err
					return
				}
				go answerAll(c)
			}
		}()
	}
	return <-failed
}

func selfSigned() (c tls.Certificate, text []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, nil, err
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// answerAll answers the requests of a connection.
func answerAll(c net.Conn) {
	defer func() { _ = c.Close() }()
	in, head := bufio.NewReaderSize(c, 32<<10), "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
	kilobyte := []byte(head + "Content-Length: 1024\r\n\r\n" + strings.Repeat("0123456789abcdef", 64))
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		_, path, _ := strings.Cut(string(line), " ")
		path, _, _ = strings.Cut(path, " ")
		h, err := readHeader(in)
		if err != nil {
			return
		}
		switch {
		case path == pathKilobyte:
			_, err = c.Write(kilobyte)
		case path == pathEvents:
			err = events(c)
		case path == pathUp:
			if h.chunked {
				_, err = discardChunks(in)
			} else {
				_, err = io.CopyN(io.Discard, in, h.length)
			}
			if err == nil {
				_, err = io.WriteString(c, head+"Content-Length: 0\r\n\r\n")
			}
		case strings.HasPrefix(path, pathDown):
			n, nerr := strconv.ParseInt(path[len(pathDown):], 10, 64)
			if nerr != nil {
				return
			}
			if _, err = io.WriteString(c, head+"Content-Length: "+strconv.FormatInt(n, 10)+"\r\n\r\n"); err == nil {
				_, err = io.CopyN(struct{ io.Writer }{c}, noise{}, n)
			}
		default:
			_, err = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
		if err != nil {
			return
		}
	}
}

func events(c net.Conn) error {
	_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nd\r\ndata: first\n\n\r\n")
	if err == nil {
		time.Sleep(pauseOfEvents)
		_, err = io.WriteString(c, "c\r\ndata: last\n\n\r\n0\r\n\r\n")
	}
	return err
}

// noise is bytes without end, which no two secrets begin with.
type noise struct{}

func (noise) Read(p []byte) (int, error) {
	const text = "The quick brown fox jumps over the lazy dog, and nobody knows why. "
	for at := 0; at < len(p); at += len(text) {
		copy(p[at:], text)
	}
	return len(p), nil
}

// header is what the header of a message says about its body.
type header struct {
	length  int64
	chunked bool
}

// readHeader reads the fields of a header to the empty line.
func readHeader(in *bufio.Reader) (h header, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		if line[0]|0x20 != 'c' && line[0]|0x20 != 't' {
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return h, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = true
		}
	}
}

// discardChunks reads a chunked body to its end, and returns how many bytes it had.
func discardChunks(in *bufio.Reader) (n int64, err error) {
	for {
		size, err := chunk(in)
		if err != nil {
			return n, err
		}
		if _, err := in.Discard(int(size) + 2); err != nil {
			return n, err
		}
		if size == 0 {
			return n, nil
		}
		n += size
	}
}

// chunk reads the line before a chunk.
func chunk(in *bufio.Reader) (int64, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
}
