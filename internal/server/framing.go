package server

import (
	"bytes"
	"net/http"
	"strings"
)

// A request that says both how long it is and that it comes in chunks is read in one way by one server and in another by the next: what is
// the end of it for one is the beginning of somebody else's request for the other (RFC 9112, 6.1). net/http takes the chunks and hides
// the length, so the head is looked at as it came (I25).

// A head is the header of a request as it came over the connection. It begins where the server begins to wait for a request; with that
// the connection must have come to the end of the request before, or heads cannot be told from what lies between them any more.
//
// The goroutine that reads the connection feeds it, and the one that serves it asks: net/http lets them take turns.
type head struct {
	text  []byte
	whole bool   // nothing more is kept: this is all of it, or it is larger than any that is accepted
	lost  bool   // where requests begin is not known
	early []byte // read while a request was answered: net/http reads one byte to learn whether the peer has gone

	body  int64  // how long the body is said to be; -1: it comes in chunks
	after int64  // bytes that came after the header
	tail  []byte // the last of them
}

// lastChunk ends a body in chunks that has no trailer.
const lastChunk = "0\r\n\r\n"

// saw takes what was read into a buffer of size bytes.
func (h *head) saw(b []byte, size int) {
	if h.whole && size == 1 {
		h.early = append(h.early[:0], b...)
		return
	}
	if !h.whole {
		before := len(h.text)
		h.text = append(h.text, b...)
		end := endOfHeader(h.text, max(before-3, 0))
		if end < 0 {
			if len(h.text) > 2*maxProxyHeader {
				h.whole, h.lost = true, true
			}
			return
		}
		b = h.text[end:]
		h.text, h.whole = h.text[:end], true
	}
	h.after += int64(len(b))
	h.tail = append(h.tail, b[max(len(b)-len(lastChunk), 0):]...)
	h.tail = h.tail[max(len(h.tail)-len(lastChunk), 0):]
}

// next begins with the request that follows.
func (h *head) next() {
	if h.body >= 0 && h.after != h.body || h.body < 0 && string(h.tail) != lastChunk {
		h.lost = true // requests follow each other without waiting for answers
	}
	h.text, h.early, h.tail = append(h.text[:0], h.early...), h.early[:0], h.tail[:0]
	h.whole, h.body, h.after = false, 0, 0
}

// endOfHeader returns where the empty line is over that ends a header, looking from an index on; -1 when there is none.
func endOfHeader(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		if b[i] != '\n' {
			continue
		}
		if rest := bytes.TrimPrefix(b[i+1:], []byte("\r")); len(rest) > 0 && rest[0] == '\n' {
			return len(b) - len(rest) + 1
		}
	}
	return -1
}

// isOf reports whether this is the head of r.
func (h *head) isOf(r *http.Request) bool {
	return h.whole && !h.lost && bytes.HasPrefix(h.text, []byte(r.Method+" "+r.RequestURI+" "))
}

// has reports whether there is a header line of that name.
func (h *head) has(name string) bool {
	for line := range bytes.Lines(h.text) {
		if key, _, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(bytes.TrimSpace(key)), name) {
			return true
		}
	}
	return false
}

// framedTwice reports whether a request in chunks also says how long it is, or might: when its head cannot be told. Every request must be
// asked about, so that the next one can be told from it.
func framedTwice(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*limited)
	if ok {
		c.head.body = r.ContentLength
	}
	if len(r.TransferEncoding) == 0 {
		return false
	}
	return !ok || !c.head.isOf(r) || c.head.has("Content-Length")
}
