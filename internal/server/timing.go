package server

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"tacit/internal/http1"
)

// How long a peer may take. What keeper takes is bounded by keeper.
const (
	requestTime = 10 * time.Second // for header and body of a request, or one line of an import
	uploadTime  = 2 * time.Minute  // between two pieces of an import: where they come from may ask for a passphrase
	writeTime   = 30 * time.Second // to take an answer, or what is flushed of a stream
	idleTime    = 2 * time.Minute  // between two requests
)

// maxHeader bounds a request's line and header, in bytes.
const maxHeader = 8 << 10

// Configure sets the bounds on peers that must hold for every server of this API: how long they may take, and how much they
// may send before anything looks at it. With [Limit] it also tells the listener which connections are at work. What h.ConnState
// and h.ConnContext were is still called.
func Configure(h *http1.Server, log *slog.Logger) {
	h.RequestTimeout = requestTime // the handler gives more to a body that may take longer; what follows is keeper's time
	h.WriteTimeout = writeTime     // of a problem; set for each other answer
	h.IdleTimeout = idleTime
	h.MaxHeaderBytes = maxHeader
	h.Log = log

	state, connContext := h.ConnState, h.ConnContext
	h.ConnState = func(c net.Conn, s http.ConnState) {
		if l := limitedOf(c); l != nil && (s == http.StateNew || s == http.StateIdle) {
			l.wait()
		}
		if state != nil {
			state(c, s)
		}
	}
	h.ConnContext = contextWithConn(connContext)
}
