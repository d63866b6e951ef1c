package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// maxToken bounds an access token, in bytes: it goes into a header.
const maxToken = 16 << 10

// A tokenEndpoint is where a service gives out tokens (RFC 6749, section 3.2). Its address is the service's, whatever a secret says.
type tokenEndpoint struct {
	service string
	url     string
	host    string
	client  *http.Client

	// How a client says who it is (section 2.3.1) is not in service files. Basic must be understood by every server, but is not; so
	// a server that refuses it is asked the other way once, and what worked is remembered.
	style atomic.Int32 // of oauth2.AuthStyle
}

// fetchedToken is what an endpoint answered.
type fetchedToken struct {
	access   string
	refresh  string        // empty: as before
	lifetime time.Duration // zero: nobody said
	secrets  []string      // what went to the endpoint or came from it beside the access token
}

func newTokenEndpoint(s *registry.Service, transport http.RoundTripper) (*tokenEndpoint, error) {
	u, err := url.Parse(s.Auth.OAuth2.TokenURL)
	plain := s.Origin == registry.Own && s.Network.PlainHTTP
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !plain) {
		return nil, fault.New(fault.Invalid, "service %s: token_url must be an https:// address without a user", s.ID)
	}
	if transport == nil {
		return nil, fault.New(fault.Failed, "service %s: there is no way to its token endpoint", s.ID)
	}
	return &tokenEndpoint{service: s.ID, url: u.String(), host: u.Host, client: &http.Client{
		Transport: transport,
		Timeout:   refreshWithin - 5*time.Second, // what remains is for saving
		// I27: a redirect would carry the secrets elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// fetch calls ask with the way to authenticate, and a context with our own client. Its errors hold nothing that the endpoint said but
// one of the codes of RFC 6749.
func (e *tokenEndpoint) fetch(ctx context.Context, c oauthClient, ask func(context.Context, oauth2.AuthStyle) (*oauth2.Token, error)) (*fetchedToken, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, e.client) // the way x/oauth2 is given a client
	style, known := c.style(), true
	if style == oauth2.AuthStyleAutoDetect {
		if style = oauth2.AuthStyle(e.style.Load()); style == oauth2.AuthStyleAutoDetect {
			style, known = oauth2.AuthStyleInHeader, false
		}
	}
	token, err := ask(ctx, style)
	if err != nil && !known && refusedClient(err) {
		style = oauth2.AuthStyleInParams
		token, err = ask(ctx, style)
	}
	if err != nil {
		return nil, e.explain(err)
	}
	e.style.Store(int32(style))

	f := &fetchedToken{access: token.AccessToken, refresh: token.RefreshToken}
	if !token.Expiry.IsZero() { // x/oauth2 reckons from the clock; how long is what was said
		f.lifetime = max(time.Until(token.Expiry).Round(time.Second), time.Second)
	}
	if !strings.EqualFold(token.Type(), "bearer") {
		return nil, fault.New(fault.Unavailable, "%s gave an access token that is no bearer token", e.host)
	}
	if len(f.access) > maxToken || inHeader(f.access) != "" {
		return nil, fault.New(fault.Unavailable, "%s gave an access token that cannot stand in a header", e.host)
	}
	return f, nil
}

// refusedClient reports whether the endpoint answered that it does not know the client, before it looked at anything else: then
// nothing was spent, and asking in another way does no harm. Not every server uses the code of the specification.
func refusedClient(err error) bool {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode == "invalid_grant" || refused.ErrorCode == "invalid_scope" {
		return false
	}
	switch refused.Response.StatusCode {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden: // 200: GitHub
		return true
	}
	return false
}

// explain turns what went wrong into an error that holds no secret (I30): an endpoint may send back whatever it was sent, and the
// errors of net/http and x/oauth2 quote answers.
func (e *tokenEndpoint) explain(err error) error {
	var refused *oauth2.RetrieveError
	var ours *fault.Error
	var timeout net.Error
	var address *refusedAddress
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return fault.New(fault.Expired, "%s no longer accepts the login of %s (invalid_grant)", e.host, e.service).
			WithFix("tacit oauth login %s", e.service)
	case errors.As(err, &refused) && slices.Contains(oauthErrors(), refused.ErrorCode):
		return fault.New(fault.Unavailable, "%s gives no access token for %s (%s)", e.host, e.service, refused.ErrorCode)
	case errors.As(err, &refused):
		return fault.New(fault.Unavailable, "%s gives no access token for %s (status %d)", e.host, e.service, refused.Response.StatusCode)
	case errors.As(err, &address):
		return fault.New(fault.Denied, "%s, which gives the tokens of %s, is on an address that services may not have", e.host, e.service).
			WithFix("only a service of your own may use such addresses: network: {allow_private: true} in its file")
	case errors.As(err, &ours):
		return &fault.Error{Code: ours.Code, Message: ours.Message, Fix: ours.Fix, Object: ours.Object}
	case errors.As(err, &unverified):
		return fault.New(fault.Unavailable, "%s cannot be trusted: its certificate is not good", e.host)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fault.New(fault.Unavailable, "%s gives no access token for %s: it did not answer in time", e.host, e.service)
	default:
		return fault.New(fault.Unavailable, "%s gives no access token for %s: it cannot be reached, or its answer makes no sense", e.host, e.service)
	}
}

// oauthErrors are the codes that an endpoint may answer with (RFC 6749, section 5.2). No other text of an answer is repeated.
func oauthErrors() []string {
	return []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
		"access_denied", "server_error", "temporarily_unavailable",
	}
}

// clientCredentials returns the grant of RFC 6749, section 4.4.
func clientCredentials(e *tokenEndpoint, c oauthClient, scopes []string) grant {
	return func(ctx context.Context) (*fetchedToken, error) {
		return e.fetch(ctx, c, func(ctx context.Context, style oauth2.AuthStyle) (*oauth2.Token, error) {
			config := clientcredentials.Config{ClientID: c.id, ClientSecret: c.secret, TokenURL: e.url, Scopes: scopes, AuthStyle: style}
			return config.Token(ctx)
		})
	}
}

// refreshToken spends one (section 6).
func (e *tokenEndpoint) refreshToken(ctx context.Context, c oauthClient) (*fetchedToken, error) {
	return e.fetch(ctx, c, func(ctx context.Context, style oauth2.AuthStyle) (*oauth2.Token, error) {
		return c.config(e, style).TokenSource(ctx, &oauth2.Token{RefreshToken: c.refreshToken}).Token()
	})
}
