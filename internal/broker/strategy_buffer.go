package broker

import (
	"bytes"
	"io"

	"tacit/internal/fault"
)

// maxBuffered bounds, in bytes, a body that a strategy must have as a whole before the first byte is sent: to sign it, or to set a
// field of it. Bodies stream everywhere else. It is the largest that AWS takes where it wants the hash of one (Bedrock: 25 MB).
const maxBuffered = 32 << 20

// buffer reads the body of out, which afterwards can be read again, and returns it.
func buffer(out *Outgoing) ([]byte, error) {
	if out.Body == nil {
		return nil, nil
	}
	tooLarge := fault.New(fault.Invalid, "the request body is larger than %d MiB, which is the most for a service that authenticates the body", maxBuffered>>20)
	if out.ContentLength > maxBuffered {
		return nil, tooLarge
	}
	var b bytes.Buffer
	if out.ContentLength > 0 {
		b.Grow(int(out.ContentLength) + bytes.MinRead) // what was announced is what comes: net/http sees to that
	}
	if _, err := b.ReadFrom(io.LimitReader(out.Body, maxBuffered+1)); err != nil {
		return nil, fault.Wrap(fault.Failed, err, "read the request body")
	}
	if b.Len() > maxBuffered {
		return nil, tooLarge
	}
	setBody(out, b.Bytes())
	return b.Bytes(), nil
}

// setBody makes b the body of out.
func setBody(out *Outgoing, b []byte) {
	out.Body, out.ContentLength = bytes.NewReader(b), int64(len(b))
	out.Header.Del("Content-Length") // the length above is the one
}
