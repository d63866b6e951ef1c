package server

import (
	"net/http"
	"time"

	"tacit/client"
	"tacit/internal/wire"
)

// A stream is an answer of one JSON object a line. Nothing is sent before the first line or the end, so that an early failure is
// still a problem of its own status; a later one is the last line, as client.StreamProblem.
type stream struct {
	x       *exchange
	pending int // bytes that were not flushed
}

// flushed is how much of a stream waits for more, at most, before it is sent; what is pushed does not wait.
const flushed = 16 << 10

// begin sends the header.
func (s *stream) begin() {
	if s.x.began {
		return
	}
	s.x.began = true
	s.x.w.Header().Set("Content-Type", wire.Lines)
	s.extend()
	s.x.w.WriteHeader(http.StatusOK)
}

// extend gives the peer writeTime from now to take what is written.
func (s *stream) extend() { _ = s.x.deadline.SetWriteDeadline(time.Now().Add(writeTime)) }

// line adds a line: v as JSON.
func (s *stream) line(v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	s.begin()
	if _, err := s.x.w.Write(append(b, '\n')); err != nil {
		return err
	}
	if s.pending += len(b); s.pending < flushed {
		return nil
	}
	return s.push()
}

// push sends what there is.
func (s *stream) push() error {
	s.begin()
	s.pending = 0
	s.extend()
	return s.x.deadline.Flush()
}

// end ends the stream with err, or well.
func (s *stream) end(err error) error {
	if err != nil && !s.x.began {
		return err
	}
	s.begin()
	s.extend()
	if err != nil && s.x.ctx().Err() == nil {
		_ = s.line(client.StreamProblem{Problem: wire.ProblemOf(err, 0)}) // if there is still somebody to tell
	}
	return nil
}

func (s *server) names(x *exchange) error {
	var in client.ListRequest
	if err := x.read(&in); err != nil {
		return err
	}
	out := stream{x: x}
	return out.end(s.API.Names(x.ctx(), x.caller, wire.ToList(in), func(name string) error { return out.line(client.NameLine{Name: name}) }))
}

func (s *server) export(x *exchange) error {
	var in client.AuditQuery
	if err := x.read(&in); err != nil {
		return err
	}
	out := stream{x: x}
	return out.end(s.API.AuditExport(x.ctx(), x.caller, wire.ToAudit(in), func(r client.AuditRecord) error { return out.line(r) }))
}

// follow goes on until the client leaves, or keeper refuses it (I18).
func (s *server) follow(x *exchange) error {
	var in client.AuditQuery
	if err := x.read(&in); err != nil {
		return err
	}
	out := stream{x: x}
	return out.end(s.API.AuditFollow(x.ctx(), x.caller, wire.ToAudit(in), func(r client.AuditRecord) error {
		if err := out.line(r); err != nil {
			return err
		}
		return out.push()
	}))
}
