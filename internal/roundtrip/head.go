package roundtrip

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"tacit/internal/httpgrammar"
)

// maxInterim is how many answers a server may send before the one, minus one.
const maxInterim = 32

// errNothing is that the connection ended before a byte of an answer.
var errNothing = errors.New("the connection ended without an answer")

// A malformed answer is none that HTTP/1.1 knows, or one that could be read in two ways. Its words are of this package alone.
func malformed(format string, args ...any) error {
	return fmt.Errorf("malformed answer: "+format, args...)
}

// A head is what an answer says before its body.
type head struct {
	status int
	text   string // of the status: 200 OK
	old    bool   // HTTP/1.0
	header http.Header

	ends   ending
	length int64 // of the body, or what a HEAD says of it; -1 when it is not known
	keep   bool  // the connection can be used again
}

// An ending is how the end of a body is known.
type ending int

const (
	nothing  ending = iota // there is no body
	sized                  // by its length
	chunked                // by a chunk of no length
	atTheEnd               // of the connection
)

// readHead reads a header of at most limit bytes, its empty line included, and returns how many it had. The error is errNothing when
// the connection ended before the first.
func readHead(br *bufio.Reader, limit int) (*head, int, error) {
	block, err := readBlock(br, limit)
	if err != nil {
		return nil, 0, err
	}
	a, err := parseHead(block)
	return a, len(block), err
}

// readBlock reads lines until an empty one. Mostly they are in the buffer already, all of them. A line ends as net/http would have it.
func readBlock(br *bufio.Reader, limit int) (string, error) {
	if _, err := br.Peek(1); err != nil {
		if isGone(err) {
			err = fmt.Errorf("%w: %w", errNothing, err)
		}
		return "", err
	}
	there, _ := br.Peek(br.Buffered())
	if n := blockEnd(there); n > 0 && n <= limit {
		block := string(there[:n])
		_, err := br.Discard(n)
		return block, err
	}
	var all []byte
	line := 0 // where it begins
	for {
		piece, err := br.ReadSlice('\n')
		all = append(all, piece...)
		switch {
		case len(all) > limit:
			return "", malformed("its header is larger than %d bytes", limit)
		case errors.Is(err, bufio.ErrBufferFull): // there is more of the line
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		case err != nil:
			return "", err
		case isEmpty(all[line:]):
			return string(all), nil
		default:
			line = len(all)
		}
	}
}

// blockEnd returns where b has an empty line behind it; 0 when it has none.
func blockEnd(b []byte) int {
	for from := 0; ; {
		n := bytes.IndexByte(b[from:], '\n') + 1
		if n == 0 {
			return 0
		}
		if from += n; isEmpty(b[from-n : from]) {
			return from
		}
	}
}

func isEmpty(line []byte) bool { return len(line) == 1 || len(line) == 2 && line[0] == '\r' }

// parseHead parses a block that ends with its empty line.
func parseHead(block string) (*head, error) {
	line, rest := cutLine(block)
	// HTTP-version SP status-code SP [ reason-phrase ], where the second space is often missing.
	const at = len("HTTP/1.1 ")
	a := &head{length: -1}
	switch {
	case len(line) < at+3 || line[at-1] != ' ' || len(line) > at+3 && line[at+3] != ' ' || httpgrammar.HasControl(line):
		return nil, malformed("its first line is none of HTTP")
	case line[:at-1] == "HTTP/1.1":
	case line[:at-1] == "HTTP/1.0":
		a.old = true
	default:
		return nil, malformed("its version of HTTP is not 1.1")
	}
	for _, c := range []byte(line[at : at+3]) {
		if c < '0' || c > '9' {
			return nil, malformed("its status is no number")
		}
		a.status = 10*a.status + int(c-'0')
	}
	if a.status < 100 {
		return nil, malformed("its status is none of HTTP")
	}
	a.text = line[at:]
	var err error
	a.header, err = parseFields(rest)
	return a, err
}

// cutLine returns the first line of block without what ends it, and what is behind.
func cutLine(block string) (line, rest string) {
	line, rest, _ = strings.Cut(block, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// parseFields parses lines up to the empty one at the end of block (RFC 9112, section 5). A line that goes on in the next one, and a space
// before the colon, are errors: others read such lines in other ways.
func parseFields(block string) (http.Header, error) {
	count := strings.Count(block, "\n") - 1
	h := make(http.Header, count)
	values := make([]string, 0, count) // of all fields, in one allocation
	for {
		var line string
		if line, block = cutLine(block); line == "" {
			return h, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !httpgrammar.IsToken(name) {
			return nil, malformed("a line of its header is no field")
		}
		if httpgrammar.HasControl(value) {
			return nil, malformed("a field of its header has a control character")
		}
		value = textproto.TrimString(value)
		name = textproto.CanonicalMIMEHeaderKey(name)
		if before, ok := h[name]; ok {
			h[name] = append(before, value)
			continue
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
}

// frame finds where the body of the answer to a request with method ends (RFC 9112, section 6.3), and whether the connection lasts.
func (a *head) frame(method string) error {
	a.keep = !a.old && a.status != http.StatusSwitchingProtocols && !httpgrammar.ListHas(a.header["Connection"], "close")
	length, err := contentLength(a.header)
	if err != nil {
		return err
	}
	coding := a.header["Transfer-Encoding"]
	switch {
	case len(coding) == 0:
	case len(coding) > 1 || !strings.EqualFold(coding[0], "chunked"):
		return malformed("its transfer coding is not chunked, once")
	case length >= 0:
		return malformed("it has a length and is chunked")
	case a.old:
		return malformed("it is chunked, which HTTP/1.0 does not know")
	}
	delete(a.header, "Transfer-Encoding")
	switch {
	case method == http.MethodHead:
		a.length = length
	case a.status < 200, a.status == http.StatusNoContent, a.status == http.StatusNotModified:
		a.length = 0
		if a.status != http.StatusNotModified && (length > 0 || len(coding) > 0) {
			a.keep = false // a body may follow, where none can be
		}
	case len(coding) > 0:
		a.ends = chunked
	case length == 0:
		a.length = 0
	case length > 0:
		a.ends, a.length = sized, length
	default:
		a.ends, a.keep = atTheEnd, false
	}
	return nil
}

// contentLength returns what h says, -1 for nothing. It may say so more than once, as long as it is the same.
func contentLength(h http.Header) (int64, error) {
	values := h["Content-Length"]
	if len(values) == 0 {
		return -1, nil
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return 0, malformed("it has more than one length")
		}
	}
	h["Content-Length"] = values[:1]
	for _, c := range []byte(values[0]) {
		if c < '0' || c > '9' {
			return 0, malformed("its length is no number")
		}
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return 0, malformed("its length is no number, or too large a one")
	}
	return n, nil
}
