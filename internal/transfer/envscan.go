package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// envScanner takes env text apart. The dialect:
//
//   - A line is NAME=value, blank, or a comment that begins with '#'. "export " may stand before NAME, blanks around '='.
//   - An unquoted value goes to the end of the line, or to a '#' after a blank; blanks around it do not count.
//   - 'single' quotes: every byte stands for itself. "double": so does every byte but the escapes \n \r \t \" \\ \$ and \`;
//     a backslash before anything else stands for itself, as in a shell. Both may go over many lines, and only a comment may
//     follow them.
//   - Nothing is expanded or run: $X, ${X} and $(x) are text (I21).
//   - Lines end with LF or CRLF. An entry whose last line ends with CRLF has LF within its quotes instead of CRLF; in any
//     other a CR is a byte of the value.
//   - "# tacit:name=db.password" gives the next entry that name; "# tacit:base64" says that its value is base64.
type envScanner struct {
	r    *bufio.Reader
	line int // of the next byte
	used int // bytes of the entry so far

	at      int // line of the entry
	key     []byte
	named   string // by a directive; empty: key
	base64  bool
	value   []byte
	quote   byte  // that value stood between; 0: none
	dollars []int // offsets in value of what was written as \$
	returns []int // offsets in value of a CR before a LF, as they stand in the file
	crlf    bool  // the line that ended last ended with CRLF

	strayed []int // lines of directives that are unknown or belong to nothing
}

func newEnvScanner(r io.Reader) *envScanner {
	return &envScanner{r: bufio.NewReaderSize(r, 64<<10), line: 1}
}

// name returns what the entry is called.
func (s *envScanner) name() string {
	if s.named != "" {
		return s.named
	}
	return string(s.key)
}

// copyValue returns the value in memory of its own.
func (s *envScanner) copyValue() ([]byte, error) {
	if s.base64 {
		v, err := decodeBase64(s.value)
		if err != nil {
			return nil, atLine(s.at, err)
		}
		return v, nil
	}
	return append(make([]byte, 0, len(s.value)), s.value...), nil
}

// next reads the next entry, or returns io.EOF.
func (s *envScanner) next() error {
	s.named, s.base64 = "", false
	directive := 0
	for {
		s.used, s.at = 0, s.line
		c, err := s.skipBlanks()
		switch {
		case errors.Is(err, io.EOF):
			if directive > 0 {
				s.stray(directive)
			}
			return io.EOF
		case err != nil:
			return err
		case c == '\n', c == '\r':
		case c == '#':
			text, err := s.comment()
			if err != nil {
				return err
			}
			if s.directive(text) {
				directive = s.line - 1
			}
		default:
			if err := s.readKey(c); err != nil {
				return err
			}
			return s.readValue()
		}
	}
}

// byte returns the next byte of the entry. It counts lines and what the entry takes.
func (s *envScanner) byte() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if s.used++; s.used > maxEntry {
		return 0, invalid(s.at, "the entry is longer than %d bytes", maxEntry)
	}
	switch c {
	case '\n':
		s.line++
	case 0:
		return 0, invalid(s.line, "a NUL byte stands in the text").WithFix("write the value as base64, after a line that says # tacit:base64")
	}
	return c, nil
}

// skipBlanks returns the first byte that is neither space nor tab.
func (s *envScanner) skipBlanks() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil || c != ' ' && c != '\t' {
			return c, err
		}
	}
}

// comment reads the rest of a comment and the end of its line, and returns its beginning. It may have any length, since
// nothing else of it is kept.
func (s *envScanner) comment() (string, error) {
	var text []byte
	last := byte(0)
	for {
		c, err := s.r.ReadByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err != nil || c == '\n' {
			break
		}
		if last = c; len(text) < 1024 {
			text = append(text, c)
		}
	}
	s.line++
	s.crlf = last == '\r'
	return strings.TrimRight(string(text), " \t\r"), nil
}

// directive obeys a comment that says something about the next entry, and reports whether it did.
func (s *envScanner) directive(comment string) bool {
	said, ok := strings.CutPrefix(comment, " tacit:")
	if !ok {
		return false
	}
	if name, ok := strings.CutPrefix(said, "name="); ok && name != "" {
		s.named = name
		return true
	}
	if said == "base64" {
		s.base64 = true
		return true
	}
	s.stray(s.line - 1)
	return false
}

func (s *envScanner) stray(line int) {
	if len(s.strayed) < maxWarnings {
		s.strayed = append(s.strayed, line)
	}
}

// readKey reads up to the '='. c is the first byte.
func (s *envScanner) readKey(c byte) (err error) {
	s.key = s.key[:0]
	for c != '=' {
		if c == '\n' || len(s.key) > 1024 {
			return s.noAssignment()
		}
		s.key = append(s.key, c)
		if c, err = s.byte(); errors.Is(err, io.EOF) {
			return s.noAssignment()
		} else if err != nil {
			return err
		}
	}
	s.key = bytes.TrimRight(s.key, " \t")
	if rest, ok := bytes.CutPrefix(s.key, []byte("export")); ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		s.key = bytes.TrimLeft(rest, " \t")
	}
	return nil
}

func (s *envScanner) noAssignment() error {
	return invalid(s.at, "expected NAME=value").WithFix("put quotes around a value of several lines")
}

// readValue reads what stands after the '=', to the end of the entry's last line.
func (s *envScanner) readValue() error {
	s.value, s.returns, s.dollars, s.quote = s.value[:0], s.returns[:0], s.dollars[:0], 0
	c, err := s.byte()
	blank := false
	for err == nil && (c == ' ' || c == '\t') {
		blank = true
		c, err = s.byte()
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case c == '\'' || c == '"':
		s.quote = c
		if err := s.readQuoted(c); err != nil {
			return err
		}
		if err := s.readRest(); err != nil {
			return err
		}
		if s.crlf && len(s.returns) > 0 {
			s.dropReturns()
		}
		return nil
	}
	return s.readPlain(c, blank)
}

// readPlain reads an unquoted value. c is its first byte, blank whether one stands before it.
func (s *envScanner) readPlain(c byte, blank bool) error {
	for c != '\n' {
		if c == '#' && blank {
			_, err := s.comment()
			s.value = bytes.TrimRight(s.value, " \t")
			return err
		}
		s.value = append(s.value, c)
		s.takeUntil("\n#\x00")
		last := s.value[len(s.value)-1]
		blank = last == ' ' || last == '\t'
		var err error
		if c, err = s.byte(); errors.Is(err, io.EOF) {
			s.value = bytes.TrimRight(s.value, " \t\r")
			return nil
		} else if err != nil {
			return err
		}
	}
	var text []byte
	text, s.crlf = bytes.CutSuffix(s.value, []byte("\r"))
	s.value = bytes.TrimRight(text, " \t")
	return nil
}

// takeUntil adds to the value what is in the buffer before the first of the stops, at once: most values are nothing else.
// The stops hold what byte would count or refuse.
func (s *envScanner) takeUntil(stops string) {
	ahead, _ := s.r.Peek(s.r.Buffered())
	if n := bytes.IndexAny(ahead, stops); n >= 0 {
		ahead = ahead[:n]
	}
	s.value = append(s.value, ahead...)
	s.used += len(ahead)
	_, _ = s.r.Discard(len(ahead)) // it is there
}

// readQuoted reads up to the closing quote.
func (s *envScanner) readQuoted(quote byte) error {
	escaped := false
	stops := "\n\x00\\" + string(rune(quote))
	for last := byte(0); ; {
		if n := len(s.value); !escaped {
			if s.takeUntil(stops); len(s.value) > n {
				last = s.value[len(s.value)-1]
			}
		}
		c, err := s.byte()
		switch {
		case errors.Is(err, io.EOF):
			return invalid(s.at, "the quote that begins here does not end")
		case err != nil:
			return err
		case escaped:
			escaped = false
			if c == '$' {
				s.dollars = append(s.dollars, len(s.value))
			}
			s.value = appendEscape(s.value, c)
		case c == quote:
			return nil
		case c == '\\' && quote == '"':
			escaped = true
		default:
			if c == '\n' && last == '\r' {
				s.returns = append(s.returns, len(s.value)-1)
			}
			s.value = append(s.value, c)
		}
		last = c
	}
}

// appendEscape adds what a backslash and c stand for between double quotes.
func appendEscape(b []byte, c byte) []byte {
	switch c {
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case '"', '\\', '$', '`':
		return append(b, c)
	}
	return append(b, '\\', c)
}

// readRest reads from the closing quote to the end of the line, where only a comment may stand.
func (s *envScanner) readRest() error {
	line, blank, cr := s.line, false, false
	for {
		c, err := s.byte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c == '\n':
			s.crlf = cr
			return nil
		case c == '#' && blank:
			_, err := s.comment()
			return err
		case c != ' ' && c != '\t' && c != '\r':
			return invalid(line, "text follows the closing quote").WithFix(`within double quotes write a quote as \"`)
		}
		blank, cr = c != '\r', c == '\r'
	}
}

// dropReturns makes the line ends within the quotes those of the value.
func (s *envScanner) dropReturns() {
	for i, d := range s.dollars {
		before, _ := slices.BinarySearch(s.returns, d)
		s.dollars[i] = d - before
	}
	to := s.returns[0]
	for i, from := range s.returns {
		end := len(s.value)
		if i+1 < len(s.returns) {
			end = s.returns[i+1]
		}
		to += copy(s.value[to:], s.value[from+1:end])
	}
	s.value = s.value[:to]
}
