package broker

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"net/url"

	"golang.org/x/oauth2"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// A Login is one attempt to be let in by a person in a browser: the authorisation code grant (RFC 6749, section 4.1) with PKCE (RFC
// 7636), which returns to a loopback address (RFC 8252, section 7.3). It can be finished once.
type Login struct {
	service  *registry.Service
	endpoint *tokenEndpoint
	client   oauthClient
	stored   secret.Value
	redirect string
	state    string
	verifier string
	finished bool
}

// NewLogin begins a login to s. Stored is the secret of the service, a JSON object with client_id and, for a confidential client,
// client_secret. Redirect is where the browser returns to: http://127.0.0.1:PORT/PATH.
func NewLogin(s *registry.Service, stored secret.Value, redirect string, deps StrategyDeps) (*Login, error) {
	if s.Auth.Kind != registry.KindOAuth2 || s.Auth.OAuth2.Grant != grantAuthorizationCode {
		return nil, fault.New(fault.Usage, "service %s has no login", s.ID)
	}
	if u, err := url.Parse(redirect); err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" {
		return nil, fault.New(fault.Failed, "a login returns to a loopback address, not to %s", redirect)
	}
	c := &compiler{service: s, values: Values{oauthSecret: stored}}
	client, err := newOAuthClient(c)
	if err != nil {
		return nil, err
	}
	endpoint, err := newTokenEndpoint(s, deps.TokenEndpoint)
	if err != nil {
		return nil, err
	}
	l := &Login{service: s, endpoint: endpoint, client: client, stored: stored, redirect: redirect}
	if l.state, err = unguessable(deps.Random); err != nil {
		return nil, err
	}
	if l.verifier, err = unguessable(deps.Random); err != nil {
		return nil, err
	}
	return l, nil
}

// unguessable returns 256 bits as text that needs no escaping: what RFC 7636, section 4.1 recommends for a verifier.
func unguessable(random io.Reader) (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fault.Wrap(fault.Failed, err, "read random bytes")
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// URL returns the address to open in the browser. It holds no secret, but whoever alters it takes part in the login.
func (l *Login) URL() string {
	config := l.config(oauth2.AuthStyleInParams)
	return config.AuthCodeURL(l.state, oauth2.S256ChallengeOption(l.verifier))
}

// Matches reports whether a request to the loopback address belongs to this login. A page in the same browser can send others.
func (l *Login) Matches(query url.Values) bool {
	return subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(l.state)) == 1
}

// Finish takes the parameters that the browser came back with, and returns the secret to store: stored, with the refresh token of this
// login. An access token is in it only where the service gives no refresh tokens and its access tokens do not end.
func (l *Login) Finish(ctx context.Context, query url.Values) (secret.Value, error) {
	if !l.Matches(query) || l.finished {
		return secret.Value{}, fault.New(fault.Denied, "the answer of the browser does not belong to this login")
	}
	l.finished = true
	if query.Has("error") { // RFC 6749, section 4.1.2.1; its text is not repeated
		return secret.Value{}, fault.New(fault.Denied, "%s did not let you in", l.service.ID)
	}
	code := query.Get("code")
	if code == "" {
		return secret.Value{}, fault.New(fault.Unavailable, "%s answered without a code", l.service.ID)
	}
	fetched, err := l.endpoint.fetch(ctx, l.client, func(ctx context.Context, style oauth2.AuthStyle) (*oauth2.Token, error) {
		return l.config(style).Exchange(ctx, code, oauth2.VerifierOption(l.verifier))
	})
	if err != nil {
		return secret.Value{}, err
	}
	if fetched.refresh == "" && fetched.lifetime > 0 {
		return secret.Value{}, fault.New(fault.Unavailable, "%s gave no refresh token, and its access token ends in %s", l.service.ID, fetched.lifetime).
			WithFix("ask for offline access in the service's scopes or auth_url")
	}
	members := map[string]string{"refresh_token": fetched.refresh, "access_token": ""}
	if fetched.refresh == "" {
		members["access_token"] = fetched.access
	}
	return withMembers(l.stored, members)
}

func (l *Login) config(style oauth2.AuthStyle) *oauth2.Config {
	config := l.client.config(l.endpoint, style)
	config.Endpoint.AuthURL = l.service.Auth.OAuth2.AuthURL
	config.RedirectURL, config.Scopes = l.redirect, l.service.Auth.OAuth2.Scopes
	return config
}
