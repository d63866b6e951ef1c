package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Stream is an answer of a service whose body is read while it comes. Reading returns io.EOF at the proper end only; an answer that breaks off
// returns an [*Error], so that nobody takes half of it for all.
type Stream struct {
	UsedHead

	ctx  context.Context //nolint:containedctx // that of the call, which lasts until the stream is closed
	of   *transport
	resp *http.Response
	in   *bufio.Reader
	end  UsedEnd
}

// Use is [Client.Invoke] as a stream: body is sent while it is read, and the answer may begin before its end. head.ContentLength is the body's
// length, -1 when that is not known; a nil body has none. The caller closes the stream.
func (c *Client) Use(ctx context.Context, head UseHead, body io.Reader) (*Stream, error) {
	if body == nil {
		head.ContentLength = 0
	}
	line, err := json.Marshal(head)
	if err != nil {
		return nil, failure(codeUsage, "the request cannot be written as JSON", "")
	}
	up := io.Reader(bytes.NewReader(append(line, '\n')))
	if body != nil {
		up = io.MultiReader(up, body)
	}
	if err := c.transport.check(ctx); err != nil {
		return nil, err
	}
	resp, err := c.transport.send(ctx, http.MethodPost, "capability/use", mediaStream, up)
	if err != nil {
		return nil, err
	}
	s := &Stream{ctx: ctx, of: c.transport, resp: resp, in: bufio.NewReaderSize(resp.Body, maxHead)}
	first, err := s.in.ReadSlice('\n')
	if err == nil && (!isType(resp, mediaStream) || json.Unmarshal(first, &s.UsedHead) != nil) {
		err = failure(ErrUnavailable, c.place.other()+": the answer is not as expected", "")
	}
	if err != nil {
		_ = resp.Body.Close()
		return nil, c.transport.broken(ctx, err)
	}
	return s, nil
}

// maxHead bounds the line before an answer's body, in bytes.
const maxHead = 1 << 20

// Read reads the answer's body.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b, derr := base64.StdEncoding.DecodeString(s.resp.Trailer.Get("Tacit-End"))
		if derr != nil || len(b) == 0 || json.Unmarshal(b, &s.end) != nil {
			return n, failure(ErrUnavailable, s.Capability+": the answer broke off", "")
		}
		if s.end.Problem != nil {
			return n, ofProblem(*s.end.Problem)
		}
	case err != nil:
		return n, s.of.broken(s.ctx, err)
	}
	return n, err
}

// End says how the use went, after the answer was read to its end; before that it is zero.
func (s *Stream) End() UsedEnd { return s.end }

// Close ends the stream; when it was not read to its end, the service is told.
func (s *Stream) Close() error { return s.resp.Body.Close() }
