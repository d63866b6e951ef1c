package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// yamlChunks cuts a YAML document, which is one mapping, between entries, so that it can be parsed in constant memory.
//
// An entry of a block mapping begins at the first column, and nothing that belongs to the entry before does: YAML 1.2,
// section 8.2.2 and 6.1, wants every continuation indented, but for a list ("- …") and the second half of a complex entry
// (": …"). Each entry is parsed alone: a quote that is not closed is found where it is, not at the end of the file. Text
// that laxer parsers continue at the first column is refused, never read as something else, since a cut within a quoted or
// flow scalar leaves its beginning unterminated. A flow mapping ("{…}") or an indented one is one chunk.
type yamlChunks struct {
	r    *bufio.Reader
	buf  []byte // what was read but not handed out
	line int    // of buf's first byte, from 1

	carried int  // bytes at the front of buf that the next chunk begins with: a line that was read too far
	content bool // an entry has begun
	started bool // "---" was seen
	ended   bool // "..." was seen
	whole   bool // the document cannot be cut: a flow mapping, or an indented one
	eof     bool
}

func newYAMLChunks(r io.Reader) *yamlChunks {
	return &yamlChunks{r: bufio.NewReaderSize(r, 64<<10), line: 1}
}

// next returns the next chunk and the line it begins on, or io.EOF. The chunk is valid until the call after.
func (y *yamlChunks) next() ([]byte, int, error) {
	y.buf = y.buf[:copy(y.buf, y.buf[len(y.buf)-y.carried:])]
	first := y.line
	at := first + bytes.Count(y.buf, []byte("\n")) // the line that is read next
	hasContent := y.carried > 0
	y.carried = 0
	for !y.eof {
		start := len(y.buf)
		if err := y.readLine(first); err != nil {
			return nil, 0, err
		}
		begins, err := y.classify(start, at)
		if err != nil {
			return nil, 0, err
		}
		if begins && hasContent {
			y.carried, y.line = len(y.buf)-start, at
			return y.buf[:start], first, nil
		}
		hasContent = hasContent || begins
		at++
	}
	if !hasContent {
		return nil, 0, io.EOF
	}
	y.line = at
	return y.buf, first, nil
}

// readLine appends the next line, with its end, to buf. first is the line that buf begins with.
func (y *yamlChunks) readLine(first int) error {
	for {
		part, err := y.r.ReadSlice('\n')
		y.buf = append(y.buf, part...)
		if len(y.buf) > maxEntry {
			return invalid(first, "the entry is longer than %d bytes", maxEntry)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, io.EOF):
			y.eof = true
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// classify looks at the line that begins at start and reports whether an entry begins there. Marks of the document are
// replaced by an empty line.
func (y *yamlChunks) classify(start, at int) (begins bool, err error) {
	line := bytes.TrimRight(y.buf[start:], "\r\n")
	if !utf8.Valid(line) {
		return false, invalid(at, "the text is not UTF-8").WithFix("write bytes that are not text as value_base64")
	}
	if bytes.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == 0x7f }) >= 0 {
		return false, invalid(at, "a control character stands in the text").WithFix(`write it as an escape within double quotes, or the value as value_base64`)
	}
	trimmed := bytes.TrimLeft(line, " \t")
	if len(trimmed) == 0 || trimmed[0] == '#' {
		return false, nil
	}
	mark := line
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		mark = line[:i]
	}
	switch {
	case string(mark) == "---" && !y.content && !y.started:
		if rest := bytes.TrimLeft(line[3:], " \t"); len(rest) > 0 && rest[0] != '#' {
			return false, invalid(at, "the document must begin on the line after ---")
		}
		y.started = true
	case string(mark) == "---", y.ended:
		return false, invalid(at, "there is more than one document")
	case string(mark) == "...":
		y.ended = true
	case line[0] == '%' && !y.content && !y.started:
		if string(mark) != "%YAML" {
			return false, invalid(at, "directives are not accepted")
		}
	default:
		return y.beginsEntry(line), nil
	}
	y.buf = append(y.buf[:start], '\n')
	return false, nil
}

// beginsEntry reports whether a line that is neither empty nor a comment nor a mark begins an entry.
func (y *yamlChunks) beginsEntry(line []byte) bool {
	c, indented := line[0], line[0] == ' ' || line[0] == '\t'
	if !y.content {
		y.content = true
		y.whole = indented || c == '{'
		return true
	}
	if y.whole || indented || c == '}' || c == ']' {
		return false
	}
	continues := (c == '-' || c == ':') && (len(line) == 1 || line[1] == ' ' || line[1] == '\t')
	return !continues
}
