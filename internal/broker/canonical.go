package broker

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/httpgrammar"
	"tacit/internal/registry"
)

// Bounds of a request (I08), above what the APIs of this world take.
const (
	maxPath          = 8 << 10  // bytes
	maxPathSegments  = 256      // S3 allows keys of 1024 bytes
	maxQuery         = 32 << 10 // bytes
	maxParameters    = 1000
	maxParameterName = 256      // bytes, decoded
	maxNameNesting   = 32       // brackets and points in the name of a parameter, each of which makes one more reading of it
	maxFields        = 128      // values of headers
	maxFieldBytes    = 64 << 10 // of all names and values
	maxFieldName     = 128      // bytes
)

// A CanonicalRequest is a request in its one spelling: upper-case method, decoded segments, no header that authenticates or steers.
// Only [Canonicalise] makes one.
//
// It is judged in three steps, and sent as it is after them: [Match] finds the capability, [CanonicalRequest.Reserve] asks whether it
// leaves alone what the credential's strategy sets, and package keeper asks the policy. It belongs to one goroutine.
type CanonicalRequest struct {
	method   string
	path     string   // escaped; what is sent
	segments []string // decoded; a slash at the end is no segment
	query    string   // escaped
	header   http.Header
	body     io.Reader
	length   int64

	raw      string               // the path as it came, for capabilities with opaque paths
	plain    string               // the path of segments, whatever the capability
	flaws    []flaw               // what only some capabilities allow; nil nearly always
	admitted *registry.Capability // that Match found; nil before

	inline [8]string // segments of an ordinary path, without another allocation
}

// Canonicalise returns r in its one spelling, and refuses what has none or could be read in two ways (I22, I24, I25). Its errors are of
// class Denied for what could mislead, Invalid for what is no HTTP or beyond the bounds. They repeat nothing that the caller sent but
// the names of headers.
//
// An encoded slash, and what only an object's key may hold, is let through here and judged by [Match]: it depends on the capability.
func Canonicalise(r Request) (*CanonicalRequest, error) {
	c := &CanonicalRequest{}
	var err error
	if c.method, err = canonicalMethod(r.Method); err != nil {
		return nil, err
	}
	if err = c.setPath(r.Path); err != nil {
		return nil, err
	}
	if c.query, err = canonicalQuery(r.Query); err != nil {
		return nil, err
	}
	if err = c.setBody(r.Body, r.ContentLength); err != nil {
		return nil, err
	}
	if c.header, err = canonicalHeader(r.Header, c.length); err != nil {
		return nil, err
	}
	return c, nil
}

// Method returns the method, upper case.
func (c *CanonicalRequest) Method() string { return c.method }

// Path returns the path, escaped, without the query.
func (c *CanonicalRequest) Path() string { return c.path }

// Segments returns the decoded segments of the path. A slash at the end is no segment: /v1/models/ is judged as /v1/models.
func (c *CanonicalRequest) Segments() []string { return slices.Clone(c.segments) }

// Query returns the query, escaped, without "?".
func (c *CanonicalRequest) Query() string { return c.query }

// Header returns a copy of the header.
func (c *CanonicalRequest) Header() http.Header { return c.header.Clone() }

// Body returns the body; nil for none. It can be read once.
func (c *CanonicalRequest) Body() io.Reader { return c.body }

// Length returns how long the body is, in bytes; -1 when it is not known.
func (c *CanonicalRequest) Length() int64 { return c.length }

// canonicalMethod knows what a capability can allow. The others steer a connection (CONNECT), send the credential back (TRACE), or say
// something about the server (OPTIONS).
func canonicalMethod(method string) (string, error) {
	if !httpgrammar.IsToken(method) { // and so ASCII: nothing but a to z has another upper case
		return "", fault.New(fault.Invalid, "the method is no token of HTTP")
	}
	switch upper := strings.ToUpper(method); upper {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return upper, nil
	}
	return "", refuse("the method is none that a capability can allow").WithFix("use GET, HEAD, POST, PUT, PATCH or DELETE")
}

func (c *CanonicalRequest) setBody(body io.Reader, length int64) error {
	if body == http.NoBody || length == 0 {
		body = nil
	}
	switch {
	case length < -1 || body == nil && length > 0:
		return fault.New(fault.Invalid, "the length is not that of the body")
	case body == nil:
		length = 0
	}
	c.body, c.length = body, length
	return nil
}

// refuse is what a request is answered that could be read in two ways, or sets what is not the caller's.
func refuse(format string, args ...any) *fault.Error { return fault.New(fault.Denied, format, args...) }
