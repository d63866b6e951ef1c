package client

import "encoding/json"

// ServiceRef names a service.
type ServiceRef struct {
	Service string `json:"service"`
}

// CapabilityRef names a capability.
type CapabilityRef struct {
	Capability string `json:"capability"`
}

// CapabilityListRequest selects capabilities.
type CapabilityListRequest struct {
	Ready bool `json:"ready,omitempty"` // only those that would answer
}

// LimitRequest changes what a capability is bound by. A member that is left out leaves a limit as it is; 0 takes it away.
type LimitRequest struct {
	Capability       string   `json:"capability"`
	RatePerMinute    *int     `json:"rate_per_minute,omitempty"`
	MaxRequestBytes  *int64   `json:"max_request_bytes,omitempty"`
	MaxResponseBytes *int64   `json:"max_response_bytes,omitempty"`
	TimeoutMS        *int64   `json:"timeout_ms,omitempty"`
	Redact           []string `json:"redact,omitempty"` // fields of JSON answers; a single empty one takes all away
}

// BindRequest says which credential answers for a capability in a scope; for unbind without the credential.
type BindRequest struct {
	Capability string `json:"capability"`
	Credential string `json:"credential,omitempty"`
	Scope      string `json:"scope,omitempty"` // empty: that of the caller
}

// CredentialRef names a credential.
type CredentialRef struct {
	Credential string `json:"credential"`
}

// InvokeRequest is one request to a service. At most one of the bodies is given.
type InvokeRequest struct {
	Capability string              `json:"capability"`
	Credential string              `json:"credential,omitempty"` // empty: the one that is bound, else the narrowest that is ready
	Method     string              `json:"method,omitempty"`     // empty: the only one; else POST with a body, GET without
	Path       string              `json:"path,omitempty"`       // escaped; empty: the only one
	Query      string              `json:"query,omitempty"`      // escaped, without "?"
	Headers    map[string][]string `json:"headers,omitempty"`
	Body       json.RawMessage     `json:"body,omitempty"` // JSON, sent as application/json unless headers say otherwise
	BodyText   *string             `json:"body_text,omitempty"`
	BodyBase64 *string             `json:"body_base64,omitempty"`
	TimeoutMS  int64               `json:"timeout_ms,omitempty"`
}

// UseHead is the first line of a streamed use, as JSON; the body follows it byte for byte. Either the capability is named, or the
// service, whose capability is then found by method and path.
type UseHead struct {
	Capability    string              `json:"capability,omitempty"`
	Service       string              `json:"service,omitempty"`
	Credential    string              `json:"credential,omitempty"`
	Method        string              `json:"method,omitempty"`
	Path          string              `json:"path,omitempty"`
	Query         string              `json:"query,omitempty"`
	Headers       map[string][]string `json:"headers,omitempty"`
	ContentLength int64               `json:"content_length"` // of the body; 0: none, -1: not known
	TimeoutMS     int64               `json:"timeout_ms,omitempty"`
	Token         []TokenPlace        `json:"token,omitempty"` // where the request carried a token, in base-URL mode
}

// TokenPlace is where a request carried a token instead of a service's own key.
type TokenPlace struct {
	In   string `json:"in"`             // header, query, path
	Name string `json:"name,omitempty"` // of the header, lower case, or of the parameter
}

// UsedHead is the first line of the answer to a streamed use; the answer's body follows it byte for byte.
type UsedHead struct {
	Capability string              `json:"capability"`
	Credential string              `json:"credential"`
	Status     int                 `json:"status"`
	Headers    map[string][]string `json:"headers"`
}

// UsedEnd is in the trailer of the answer to a streamed use.
type UsedEnd struct {
	BytesUp    int64        `json:"bytes_up"`
	BytesDown  int64        `json:"bytes_down"`
	Redactions int          `json:"redactions"`
	Problem    *HTTPProblem `json:"problem"` // why the body ends too early; null: it does not
}
