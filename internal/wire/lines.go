package wire

import (
	"bytes"
	"errors"

	"tacit/client"
	"tacit/internal/fault"
)

// ErrLine is a line of an answer that is not of the shape it should be.
var ErrLine = errors.New("not the line that was expected")

// StreamError is the failure that a stream ended with.
type StreamError struct{ Fault *fault.Error }

func (e *StreamError) Error() string { return e.Fault.Error() }

// EachName returns a function for the lines of names.
func EachName(each func(name string) error) func(line []byte) error {
	return eachLine(func(l *nameLine) *client.HTTPProblem { return l.Problem }, func(l *nameLine) error { return each(l.Name) })
}

// EachRecord returns a function for the lines of audit follow and export.
func EachRecord(each func(client.AuditRecord) error) func(line []byte) error {
	return eachLine(func(l *recordLine) *client.HTTPProblem { return l.Problem }, func(l *recordLine) error { return each(l.AuditRecord) })
}

type nameLine struct {
	client.NameLine
	Problem *client.HTTPProblem `json:"problem"`
}

type recordLine struct {
	client.AuditRecord
	Problem *client.HTTPProblem `json:"problem"`
}

func eachLine[Line any](problem func(*Line) *client.HTTPProblem, each func(*Line) error) func([]byte) error {
	return func(b []byte) error {
		if len(bytes.TrimSpace(b)) == 0 {
			return nil
		}
		var l Line
		if err := Unmarshal(b, &l); err != nil {
			return ErrLine
		}
		if p := problem(&l); p != nil {
			return &StreamError{ErrorOf(*p)}
		}
		return each(&l)
	}
}
