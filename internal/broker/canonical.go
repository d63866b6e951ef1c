package broker

import (
	"io"
	"net/http"
)

// A CanonicalRequest is a request in its one spelling: upper-case method, decoded segments, no header that authenticates or steers.
// Only [Canonicalise] makes one.
type CanonicalRequest struct {
	method   string
	path     string   // escaped
	segments []string // decoded
	query    string
	header   http.Header
	body     io.Reader
	length   int64
}
