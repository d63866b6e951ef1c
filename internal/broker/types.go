package broker

import (
	"context"
	"io"
	"net/http"
	"time"

	"tacit/internal/registry"
	"tacit/internal/secret"
)

// A Request is what a caller wants, as it came in: nothing in it is trusted. See [Canonicalise].
type Request struct {
	Method        string
	Path          string // escaped, as on the wire, without the query
	Query         string // as on the wire, without "?"
	Header        http.Header
	Body          io.Reader // nil for none
	ContentLength int64     // -1 when it is not known
}

// An Outgoing is the request as it will be written to the upstream. A [Strategy] adds to it; nobody else does.
type Outgoing struct {
	Method        string
	Scheme        string // https; http only where a service of the user's own says so
	Host          string // with a port unless it is that of the scheme; from the capability or the credential, never from the caller (I22)
	Path          string // escaped, canonical
	Query         string // escaped
	Header        http.Header
	Body          io.Reader // nil for none
	ContentLength int64     // -1 when it is not known
}

// Values are the secrets of one credential, by placeholder.
type Values map[string]secret.Value

// A Strategy authenticates requests with the values of one credential. It is made once for a version of them, and used for many
// requests at once.
type Strategy interface {
	// Apply adds what authenticates to out. It returns what it put on the wire beyond what Injected says: tokens that were fetched.
	Apply(ctx context.Context, out *Outgoing) (more [][]byte, err error)
	// Injected returns every value that must not come back in an answer, known when the strategy is made: secrets and their fields, and
	// rendered headers, parameters and basic values.
	Injected() [][]byte
	// Reserved reports what belongs to the strategy, so that no caller sets it (I25): names of headers, lower case, and of query
	// parameters and body fields.
	Reserved() Reserved
	// OnWire reports that the secret itself is on the wire, not only a signature made with it.
	OnWire() bool
}

// Reserved is where a strategy puts what authenticates.
type Reserved struct {
	Headers []string // lower case
	Queries []string // decoded
	Fields  []string // of a body
}

// A TokenStore keeps what OAuth needs across processes. Package keeper implements it on the vault.
type TokenStore interface {
	// Lease keeps every other process from spending the refresh token until release, or until 30 seconds have passed.
	Lease(ctx context.Context) (release func(), err error)
	// Load returns the secret of the credential as it is now.
	Load(ctx context.Context) (secret.Value, error)
	// Save makes a changed secret durable. It is called before the new token is used.
	Save(ctx context.Context, v secret.Value) error
}

// Limits bound one capability. Zero means the default.
type Limits struct {
	RatePerMinute    int
	MaxRequestBytes  int64
	MaxResponseBytes int64
	Timeout          time.Duration // until the answer begins, and between two bytes of a request or answer
	Concurrency      int
}

// A Use is one request that was decided on: all the broker needs to carry it out.
type Use struct {
	Request    *CanonicalRequest
	Service    *registry.Service
	Capability *registry.Capability
	Host       string // one of the capability's, or the credential's
	Credential *Prepared
	Principal  string // whose limits it counts on
	Limits     Limits
	Redact     []string // fields of JSON answers that are replaced by ***, beside those that the capability names
}

// A Response is a cleaned answer. The body must be closed; what it returns after that is final.
type Response struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
	Length int64 // of Body; -1 when it is not known. The header says it for a HEAD and for an empty body only
	// Stats is complete when Body was read to its end or closed.
	Stats func() Stats
}

// Stats is what a request cost.
type Stats struct {
	BytesUp    int64
	BytesDown  int64 // before cleaning
	Redactions int
}
