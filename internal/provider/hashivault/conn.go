package hashivault

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// A conn is what both versions of the engine have in common: one mount of one Vault, and who we are there.
type conn struct {
	name      string // of the provider
	client    *rest.Client
	session   *session
	namespace string
	mount     string // "secret"; may have several segments
	prefix    string // of every entry below the mount: "team/app/", or empty
	version   int    // of the engine

	confirmed atomic.Bool   // the mount was seen, and is of that version
	writing   chan struct{} // holds one: writes of this process do not collide with each other
}

// A reply is what Vault answers, in its own shape. Of a 404 it says that there is nothing.
type reply struct {
	Errors   []string       `json:"errors"`
	Warnings []string       `json:"warnings"`
	Data     jsontext.Value `json:"data"`
	Auth     *struct {
		Token string `json:"client_token"`
		Lease int64  `json:"lease_duration"` // seconds
	} `json:"auth"`

	missing bool // 404, in Vault's own words
}

// call asks Vault as who we are. path stands below /v1/ and has letters of package name only; body is encoded as JSON, nil: there is none.
func (v *conn) call(ctx context.Context, what, httpMethod, path string, query url.Values, body any) (*reply, error) {
	r, err := v.request(what, httpMethod, path, query, body)
	if err != nil {
		return nil, err
	}
	token, fresh, err := v.session.current(ctx, v)
	if err != nil {
		return nil, err
	}
	r.Header["X-Vault-Token"] = []string{string(token.Reveal())}
	a, err := v.client.Do(ctx, r)
	// A token that was revoked, or whose time ran out on the way, is worth one new login; a policy that says no is not. Looking the token
	// up tells the two apart, unless its policies do not let it: then a new one cannot do it either, and that is found out once.
	if err == nil && a.Status == http.StatusForbidden && !fresh && v.session.method.renews() && !v.session.blind.Load() && !v.alive(ctx, token) {
		v.session.drop(ctx, token)
		if token, _, err = v.session.current(ctx, v); err != nil {
			return nil, err
		}
		r.Header["X-Vault-Token"] = []string{string(token.Reveal())}
		a, err = v.client.Do(ctx, r)
		if err == nil && a.Status == http.StatusForbidden && !v.alive(ctx, token) {
			v.session.blind.Store(true)
		}
	}
	if err != nil {
		return nil, err
	}
	return v.understand(r, a)
}

// request makes a request without a token.
func (v *conn) request(what, httpMethod, path string, query url.Values, body any) (rest.Request, error) {
	r := rest.Request{What: what, Method: httpMethod, Path: "/v1/" + path, Query: query, Header: http.Header{"X-Vault-Request": {"true"}}}
	if v.namespace != "" {
		r.Header["X-Vault-Namespace"] = []string{v.namespace}
	}
	if body == nil {
		return r, nil
	}
	r.Header["Content-Type"] = []string{"application/json"}
	var err error
	if r.Body, err = json.Marshal(body); err != nil {
		return r, provider.Errorf(fault.Invalid, v.name, "%s: this makes no request", what).WithFix("use a value that is text")
	}
	return r, nil
}

// alive asks Vault whether it still knows a token.
func (v *conn) alive(ctx context.Context, token secret.Value) bool {
	r, err := v.request("look up the token", http.MethodGet, "auth/token/lookup-self", nil, nil)
	if err != nil {
		return true
	}
	r.Header["X-Vault-Token"] = []string{string(token.Reveal())}
	a, err := v.client.Do(ctx, r)
	return err != nil || a.Status != http.StatusForbidden
}

// login gets a token from an auth method.
func (v *conn) login(ctx context.Context, mount string, body map[string]string) (secret.Value, time.Duration, error) {
	r, err := v.request("log in", http.MethodPost, "auth/"+mount+"/login", nil, body)
	if err != nil {
		return secret.Value{}, 0, err
	}
	a, err := v.client.Do(ctx, r)
	if err != nil {
		return secret.Value{}, 0, err
	}
	if a.Status == http.StatusBadRequest { // that is how Vault says that the credentials are wrong
		return secret.Value{}, 0, advise(v.client.Error(fault.Denied, r, a, words(a)), "check the role, and that its secret or token is still good (auth/%s)", mount)
	}
	answer, err := v.understand(r, a)
	switch {
	case err != nil:
		return secret.Value{}, 0, err
	case answer.missing || answer.Auth == nil || answer.Auth.Token == "" || !header(answer.Auth.Token) || answer.Auth.Lease < 0:
		return secret.Value{}, 0, provider.Errorf(fault.Unavailable, v.name, "log in: the answer has no token").WithFix("check the address and the mount of the auth method (auth/%s)", mount)
	}
	return secret.New([]byte(answer.Auth.Token)), time.Duration(min(answer.Auth.Lease, 1<<31)) * time.Second, nil
}

// understand turns an answer into a reply, or into the error that it is.
func (v *conn) understand(r rest.Request, a *rest.Answer) (*reply, error) {
	answer := &reply{}
	switch {
	case a.Status == http.StatusNoContent:
		return answer, nil
	case a.OK():
		if err := v.client.JSON(r, a, answer); err != nil {
			return nil, err
		}
		return answer, nil
	case a.Status != http.StatusNotFound:
		return nil, v.refused(r, a)
	}
	// Vault says 404 in JSON, with "errors" (empty: there is nothing), with "data" (there is nothing any more) or with "warnings" (this is
	// no path of that engine). Anything else is somebody between us.
	if json.Unmarshal(a.Body, answer) != nil || answer.Errors == nil && answer.Data.Kind() != '{' && len(answer.Warnings) == 0 {
		return nil, v.client.Error(fault.Unavailable, r, a, "")
	}
	if len(answer.Errors) > 0 || len(answer.Warnings) > 0 {
		return nil, v.noMount(r, a)
	}
	answer.missing = true
	return answer, nil
}

// noMount is the error for a path that Vault does not serve, or not in this version of the engine.
func (v *conn) noMount(r rest.Request, a *rest.Answer) error {
	return advise(v.client.Error(fault.Usage, r, a, words(a)),
		"check path (the mount: %s), kv (the version of its engine: %d) and namespace; `vault secrets list -detailed` shows them", v.mount, v.version)
}

// refused is the error for an answer of any other status.
func (v *conn) refused(r rest.Request, a *rest.Answer) error {
	said := words(a)
	err := v.client.Refused(r, a, said)
	switch {
	case a.Status == http.StatusForbidden:
		return advise(err, "`vault token lookup` says whether the token is still good; its policy must permit this below %s/ (docs/providers/vault.md)", v.mount)
	case a.Status == http.StatusBadRequest && said == wordCAS:
		return v.client.Error(fault.Conflict, r, a, said)
	case a.Status == http.StatusBadRequest && said == wordNoToken:
		return v.client.Error(fault.Denied, r, a, said)
	case a.Status == http.StatusPreconditionFailed: // a node that has not yet seen what another one wrote
		return advise(v.client.Error(fault.Unavailable, r, a, "the node is behind"), "try again")
	case a.Status == http.StatusServiceUnavailable && said == wordSealed:
		return advise(err, "unseal Vault: `vault operator unseal`")
	}
	return err
}

// The words of Vault's that errors repeat. Everything else that it says stays unsaid: it can repeat what we sent.
const (
	wordDenied   = "permission denied"
	wordInvalid  = "invalid token"
	wordSealed   = "Vault is sealed"
	wordCAS      = "check-and-set parameter did not match the current version"
	wordNoToken  = "missing client token"
	wordNoRoute  = "no handler for route"
	wordKVPath   = "Invalid path for a versioned K/V secrets engine"
	wordSecretID = "invalid secret id"
	wordRole     = "invalid role"
)

// words returns which of these words stand in an answer; empty: none.
func words(a *rest.Answer) string {
	var said reply
	if json.Unmarshal(a.Body, &said) != nil {
		return ""
	}
	for _, word := range []string{wordInvalid, wordDenied, wordSealed, wordCAS, wordNoToken, wordNoRoute, wordKVPath, wordSecretID, wordRole} {
		has := func(s string) bool { return strings.Contains(s, word) }
		if slices.ContainsFunc(said.Errors, has) || slices.ContainsFunc(said.Warnings, has) {
			return word
		}
	}
	return ""
}

// advise returns err with a way out.
func advise(err error, format string, args ...any) error {
	var e *fault.Error
	if errors.As(err, &e) {
		_ = e.WithFix(format, args...)
	}
	return err
}

// farewell is how long Vault has to take a token back.
const farewell = time.Second

// Close ends the session and gives connections back.
func (v *conn) Close() error {
	v.revoke()
	v.client.Close()
	return nil
}

// revoke gives back the token that we logged in for, which nobody else has. Whether Vault hears of it or not, its time will be over.
func (v *conn) revoke() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	token := v.session.end(ctx)
	if token.Len() == 0 {
		return
	}
	r, err := v.request("revoke the token", http.MethodPost, "auth/token/revoke-self", nil, nil)
	if err != nil {
		return
	}
	r.Header["X-Vault-Token"] = []string{string(token.Reveal())}
	_, _ = v.client.Do(ctx, r)
}
