package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// A target is what requests are sent to.
type target struct {
	name   string
	url    *url.URL
	header string // a line of its own, or nothing
	tls    *tls.Config
}

// parseTargets reads NAME=URL and NAME=URL#HEADER: VALUE. certificate is that of TLS targets.
func parseTargets(args []string, certificate string) (all []*target, err error) {
	if len(args) == 0 {
		return nil, errors.New("no target")
	}
	for _, a := range args {
		name, rest, ok := strings.Cut(a, "=")
		rest, field, _ := strings.Cut(rest, "#")
		t := &target{name: name}
		if t.url, err = url.Parse(rest); err != nil || !ok {
			return nil, fmt.Errorf("no target: %s", a)
		}
		if field != "" {
			t.header = field + "\r\n"
		}
		if t.url.Scheme == "https" {
			text, err := os.ReadFile(certificate)
			if err != nil {
				return nil, err
			}
			t.tls = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: t.url.Hostname(), MinVersion: tls.VersionTLS13}
			t.tls.RootCAs.AppendCertsFromPEM(text)
		}
		all = append(all, t)
	}
	return all, nil
}

// request is the text of a request without a body.
func (t *target) request(method, path, more string) []byte {
	return []byte(method + " " + t.url.Path + path + " HTTP/1.1\r\nHost: " + t.url.Host + "\r\nUser-Agent: bench\r\nAccept: */*\r\n" + t.header + more + "\r\n")
}

// A caller is one connection. It does by hand what little it has to: the client shall not be what is measured.
type caller struct {
	net.Conn
	in *bufio.Reader
}

func (t *target) dial() (*caller, error) {
	c, err := net.Dial("tcp", t.url.Host)
	if err != nil {
		return nil, err
	}
	if t.tls != nil {
		c = tls.Client(c, t.tls)
	}
	return &caller{c, bufio.NewReaderSize(c, 32<<10)}, nil
}

// begin sends a request and reads the header of the answer, which must be a good one.
func (c *caller) begin(request []byte) (h header, err error) {
	if _, err := c.Write(request); err != nil {
		return h, err
	}
	return c.answer()
}

func (c *caller) answer() (h header, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	if !bytes.Contains(line, []byte(" 200 ")) {
		status := string(bytes.TrimSpace(line))
		h, err := readHeader(c.in)
		if err != nil {
			return h, errors.New(status)
		}
		body, _ := c.in.Peek(int(min(h.length, 1000)))
		return h, fmt.Errorf("%s: %s", status, body)
	}
	return readHeader(c.in)
}

// finish reads the rest of an answer, and returns how many bytes its body has.
func (c *caller) finish(h header) (int64, error) {
	if h.chunked {
		return discardChunks(c.in)
	}
	n := int64(0)
	for n < h.length {
		d, err := c.in.Discard(int(min(h.length-n, 1<<20)))
		n += int64(d)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
