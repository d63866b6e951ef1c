package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// The limits of what is read (I08).
const (
	maxEntry    = 1 << 20    // bytes of one entry in the file; a value of 64 KiB fits in any spelling
	maxEntries  = 10_000_000 // entries of one file
	maxItems    = 1000       // tags or aliases of one entry
	maxWarnings = 1000       // warnings that are kept; the rest are counted
	sniffed     = 64 << 10   // bytes that Detect is shown
)

// Options say how to read.
type Options struct {
	StripPrefix string    // taken off names that begin with it
	Now         time.Time // what durations in expires_at count from
}

// Reader yields the entries of one file.
type Reader interface {
	// Format returns the format that is being read: json, yaml or env.
	Format() string
	// Next returns the next entry, or io.EOF after the last. Any other error is of class fault.Invalid and names the line,
	// or comes from the file itself; the Reader is of no more use then. An entry that can be read but not kept, say for
	// its name, is no error: it comes with Invalid set.
	Next() (keeper.ImportEntry, error)
	// Warnings returns what was accepted but should be known. It is complete after io.EOF.
	Warnings() []client.ImportWarning
}

// NewReader returns a Reader of r. format is json, yaml, env, or auto: then the content decides ([Detect]).
//
// In the env format a later line overrules an earlier one, which takes two passes: an r that can seek is read twice, any
// other is held in memory and may be 64 MiB long.
func NewReader(format string, r io.Reader, opts Options) (Reader, error) {
	r, head, err := peek(r)
	if err != nil {
		return nil, err
	}
	if format == "auto" || format == "" {
		if format = Detect(head); format == "" {
			return nil, fault.New(fault.Invalid, "the format is not one that tacit knows").WithFix("say it: --format json, yaml, env or age")
		}
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return nil, fault.New(fault.Invalid, "line 1: the text is UTF-16").WithFix("save the file as UTF-8")
	}
	c := collector{opts: opts, seen: newSeen()}
	switch format {
	case "json":
		return newJSONReader(r, c), nil
	case "yaml":
		return newYAMLReader(r, c), nil
	case "env":
		return newEnvReader(r, c)
	case "age":
		return nil, fault.New(fault.Invalid, "this is an age file, not a list of secrets").WithFix("tacit import --format age FILE, if it is a backup")
	}
	return nil, fault.New(fault.Usage, "unknown import format %q", format).WithFix("the formats are auto, age, json, yaml and env")
}

// peek returns the beginning of r, and r from its beginning but for a byte order mark. If r could seek, the result can.
func peek(r io.Reader) (io.Reader, []byte, error) {
	if s, ok := r.(io.ReadSeeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			head := make([]byte, sniffed)
			n, err := io.ReadFull(s, head)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, nil, err
			}
			_, err = s.Seek(start+int64(n-len(withoutMark(head[:n]))), io.SeekStart)
			return s, withoutMark(head[:n]), err
		}
	}
	b := bufio.NewReaderSize(r, sniffed)
	head, err := b.Peek(sniffed)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	clean := withoutMark(head)
	_, err = b.Discard(len(head) - len(clean))
	return struct{ io.Reader }{b}, clean, err
}

// withoutMark takes off the byte order mark that some editors put before UTF-8.
func withoutMark(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }

// atLine says where in the file err arose.
func atLine(line int, err error) error {
	e := fault.Wrap(fault.Invalid, err, "line %d", line)
	e.Code = fault.Invalid
	return e
}

// invalid returns an error about a line.
func invalid(line int, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "line %d: %s", line, fmt.Sprintf(format, args...))
}
