package keeper

import (
	"context"
	"io"
	"net/http"
	"time"

	"tacit/client"
	"tacit/internal/broker"
)

// Services is what doors may offer of the broker: what there is to use, and using it.
type Services interface {
	ServiceList(ctx context.Context, c Caller) (client.Services, error)
	ServiceDescribe(ctx context.Context, c Caller, id string) (client.ServiceDescription, error)

	CapabilityList(ctx context.Context, c Caller, r CapabilityListRequest) (client.Capabilities, error)
	CapabilityDescribe(ctx context.Context, c Caller, id string) (client.CapabilityDescription, error)
	CapabilityLimit(ctx context.Context, c Caller, r LimitRequest) (client.CapabilityDescription, error)
	// CapabilityBind says which credential answers in a scope.
	CapabilityBind(ctx context.Context, c Caller, r BindRequest) (client.Binding, error)
	CapabilityUnbind(ctx context.Context, c Caller, r BindRequest) (client.Binding, error)
	CapabilityBindings(ctx context.Context, c Caller) (client.Bindings, error)

	CredentialList(ctx context.Context, c Caller) (client.Credentials, error)
	CredentialRemove(ctx context.Context, c Caller, id string) (client.CredentialRemoved, error)

	// Use sends a request to a service with a credential that the caller never sees. The answer's body must be closed.
	Use(ctx context.Context, c Caller, r UseRequest) (*Used, error)
}

// ServicesOwner is what only the owner may do about services, in the process that opened a slot for it (I31).
type ServicesOwner interface {
	// ServiceAdd keeps a service of the user's own, which file defines.
	ServiceAdd(ctx context.Context, c Caller, r ServiceAddRequest) (client.ServiceAdded, error)
	ServiceRemove(ctx context.Context, c Caller, id string) (client.ServiceRemoved, error)
	CredentialCreate(ctx context.Context, c Caller, r CredentialRequest) (client.Credential, error)
	OAuthLogin(ctx context.Context, c Caller, r OAuthRequest) (client.Credential, error)
	OAuthRefresh(ctx context.Context, c Caller, r OAuthRequest) (client.Credential, error)
}

// ServiceAddRequest is the file of a service.
type ServiceAddRequest struct {
	File  []byte // YAML, see docs/services.md
	Repin bool   // secrets that are sealed for another definition of the service may be sent where this one says
}

// CredentialRequest makes a credential.
type CredentialRequest struct {
	ID      string
	Service string
	Scope   string            // empty: the caller's
	Secrets map[string]string // placeholder to the name of a secret; the placeholder may be empty when the service has only one
	Host    string            // of a service with tenant hosts, or one of several
}

// CapabilityListRequest selects capabilities.
type CapabilityListRequest struct {
	Ready bool // only those that would answer
}

// LimitRequest changes limits of a capability. A nil field leaves one as it is, and zero takes it away.
type LimitRequest struct {
	ID               string
	RatePerMinute    *int
	MaxRequestBytes  *int64
	MaxResponseBytes *int64
	Timeout          *time.Duration
	Redact           []string // fields of JSON answers; a single empty one takes all away
}

// BindRequest names a capability, a credential and a scope.
type BindRequest struct {
	Capability string
	Credential string // not for unbind
	Scope      string // empty: the caller's
}

// UseRequest is one request to a service.
type UseRequest struct {
	Capability string // or, when it shall be found by method and path:
	Service    string
	Credential string // empty: the one that is bound, else the narrowest that is ready
	Timeout    time.Duration
	Token      []TokenPlace // of base-URL mode: where it carried its token
	broker.Request
}

// Used is an answer of a service, cleaned.
type Used struct {
	Capability string
	Credential string
	Status     int
	Header     http.Header
	Body       io.ReadCloser
	// Stats is final when Body was read to its end or closed.
	Stats func() broker.Stats
}
