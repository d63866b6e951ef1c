package dotenv

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tacit/internal/fault"
)

const (
	// MaxEntry is the longest entry in bytes of the file: a value of 64 KiB fits in any spelling.
	MaxEntry = 1 << 20
	// maxStrayed bounds the lines of directives that are remembered.
	maxStrayed = 1000
)

// Scanner takes env text apart. The dialect:
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
type Scanner struct {
	// Of the entry that Next read. Slices are good until the next call.
	First   int    // the line of its first directive, else its own
	At      int    // its line
	Key     []byte // what stands before the '='
	Named   string // its name by a directive; empty: there is none
	Base64  bool   // its value is base64, as a directive says
	Value   []byte
	Quote   byte  // that Value stood between; 0: none
	Dollars []int // offsets in Value of what was written as \$
	Line    int   // the one after it

	Strayed []int // lines of directives that are unknown or belong to nothing, the first of them

	r       *bufio.Reader
	used    int   // bytes of the entry so far
	returns []int // offsets in Value of a CR before a LF, as they stand in the file
	crlf    bool  // the line that ended last ended with CRLF
}

// New returns a scanner of a text.
func New(r io.Reader) *Scanner {
	return &Scanner{r: bufio.NewReaderSize(r, 64<<10), Line: 1}
}

// SkipMark skips the byte order mark that some editors begin a file with.
func (s *Scanner) SkipMark() {
	if mark, _ := s.r.Peek(3); string(mark) == "\ufeff" {
		_, _ = s.r.Discard(3)
	}
}

// Name returns what the entry is called.
func (s *Scanner) Name() string {
	if s.Named != "" {
		return s.Named
	}
	return string(s.Key)
}

// CopyValue returns the value in memory of its own.
func (s *Scanner) CopyValue() ([]byte, error) {
	if s.Base64 {
		v := make([]byte, base64.StdEncoding.DecodedLen(len(s.Value)))
		n, err := base64.StdEncoding.Strict().Decode(v, s.Value)
		if err != nil {
			return nil, invalid(s.At, "the value is not base64")
		}
		return v[:n], nil
	}
	return append(make([]byte, 0, len(s.Value)), s.Value...), nil
}

// Next reads the next entry, or returns io.EOF.
func (s *Scanner) Next() error {
	s.First, s.Named, s.Base64 = 0, "", false
	directive := 0
	for {
		s.used, s.At = 0, s.Line
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
				if directive = s.Line - 1; s.First == 0 {
					s.First = directive
				}
			}
		default:
			if s.First == 0 {
				s.First = s.At
			}
			if err := s.readKey(c); err != nil {
				return err
			}
			return s.readValue()
		}
	}
}

// byte returns the next byte of the entry. It counts lines and what the entry takes.
func (s *Scanner) byte() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if s.used++; s.used > MaxEntry {
		return 0, invalid(s.At, "the entry is longer than %d bytes", MaxEntry)
	}
	switch c {
	case '\n':
		s.Line++
	case 0:
		return 0, invalid(s.Line, "a NUL byte stands in the text").WithFix("write the value as base64, after a line that says # tacit:base64")
	}
	return c, nil
}

// skipBlanks returns the first byte that is neither space nor tab.
func (s *Scanner) skipBlanks() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil || c != ' ' && c != '\t' {
			return c, err
		}
	}
}

// comment reads the rest of a comment and the end of its line, and returns its beginning. It may have any length, since
// nothing else of it is kept.
func (s *Scanner) comment() (string, error) {
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
	s.Line++
	s.crlf = last == '\r'
	return strings.TrimRight(string(text), " \t\r"), nil
}

// directive obeys a comment that says something about the next entry, and reports whether it did.
func (s *Scanner) directive(comment string) bool {
	said, ok := strings.CutPrefix(comment, " tacit:")
	if !ok {
		return false
	}
	if name, ok := strings.CutPrefix(said, "name="); ok && name != "" {
		s.Named = name
		return true
	}
	if said == "base64" {
		s.Base64 = true
		return true
	}
	s.stray(s.Line - 1)
	return false
}

func (s *Scanner) stray(line int) {
	if len(s.Strayed) < maxStrayed {
		s.Strayed = append(s.Strayed, line)
	}
}

// readKey reads up to the '='. c is the first byte.
func (s *Scanner) readKey(c byte) (err error) {
	s.Key = s.Key[:0]
	for c != '=' {
		if c == '\n' || len(s.Key) > 1024 {
			return s.noAssignment()
		}
		s.Key = append(s.Key, c)
		if c, err = s.byte(); errors.Is(err, io.EOF) {
			return s.noAssignment()
		} else if err != nil {
			return err
		}
	}
	s.Key = bytes.TrimRight(s.Key, " \t")
	if rest, ok := bytes.CutPrefix(s.Key, []byte("export")); ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		s.Key = bytes.TrimLeft(rest, " \t")
	}
	return nil
}

func (s *Scanner) noAssignment() error {
	return invalid(s.At, "expected NAME=value").WithFix("put quotes around a value of several lines")
}

// readValue reads what stands after the '=', to the end of the entry's last line.
func (s *Scanner) readValue() error {
	s.Value, s.returns, s.Dollars, s.Quote = s.Value[:0], s.returns[:0], s.Dollars[:0], 0
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
		s.Quote = c
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
func (s *Scanner) readPlain(c byte, blank bool) error {
	for c != '\n' {
		if c == '#' && blank {
			_, err := s.comment()
			s.Value = bytes.TrimRight(s.Value, " \t")
			return err
		}
		s.Value = append(s.Value, c)
		s.takeUntil("\n#\x00")
		last := s.Value[len(s.Value)-1]
		blank = last == ' ' || last == '\t'
		var err error
		if c, err = s.byte(); errors.Is(err, io.EOF) {
			s.Value = bytes.TrimRight(s.Value, " \t\r")
			return nil
		} else if err != nil {
			return err
		}
	}
	var text []byte
	text, s.crlf = bytes.CutSuffix(s.Value, []byte("\r"))
	s.Value = bytes.TrimRight(text, " \t")
	return nil
}

// takeUntil adds to the value what is in the buffer before the first of the stops, at once: most values are nothing else.
// The stops hold what byte would count or refuse.
func (s *Scanner) takeUntil(stops string) {
	ahead, _ := s.r.Peek(s.r.Buffered())
	if n := bytes.IndexAny(ahead, stops); n >= 0 {
		ahead = ahead[:n]
	}
	s.Value = append(s.Value, ahead...)
	s.used += len(ahead)
	_, _ = s.r.Discard(len(ahead)) // it is there
}

// readQuoted reads up to the closing quote.
func (s *Scanner) readQuoted(quote byte) error {
	escaped := false
	stops := "\n\x00\\" + string(rune(quote))
	for last := byte(0); ; {
		if n := len(s.Value); !escaped {
			if s.takeUntil(stops); len(s.Value) > n {
				last = s.Value[len(s.Value)-1]
			}
		}
		c, err := s.byte()
		switch {
		case errors.Is(err, io.EOF):
			return invalid(s.At, "the quote that begins here does not end")
		case err != nil:
			return err
		case escaped:
			escaped = false
			if c == '$' {
				s.Dollars = append(s.Dollars, len(s.Value))
			}
			s.Value = appendEscape(s.Value, c)
		case c == quote:
			return nil
		case c == '\\' && quote == '"':
			escaped = true
		default:
			if c == '\n' && last == '\r' {
				s.returns = append(s.returns, len(s.Value)-1)
			}
			s.Value = append(s.Value, c)
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
func (s *Scanner) readRest() error {
	line, blank, cr := s.Line, false, false
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
func (s *Scanner) dropReturns() {
	for i, d := range s.Dollars {
		before, _ := slices.BinarySearch(s.returns, d)
		s.Dollars[i] = d - before
	}
	to := s.returns[0]
	for i, from := range s.returns {
		end := len(s.Value)
		if i+1 < len(s.returns) {
			end = s.returns[i+1]
		}
		to += copy(s.Value[to:], s.Value[from+1:end])
	}
	s.Value = s.Value[:to]
}

// invalid returns an error about a line.
func invalid(line int, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "line %d: %s", line, fmt.Sprintf(format, args...))
}
