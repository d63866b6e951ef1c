package azurekeyvault

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// apiVersion is one that every cloud of Azure's has.
const apiVersion = "7.4"

// vault is one Key Vault.
type vault struct {
	name    string // of the provider
	client  *rest.Client
	domain  string // of vaults: "vault.azure.net"
	session *session
	now     func() time.Time
}

// Close gives connections back.
func (v *vault) Close() error {
	v.client.Close()
	return nil
}

// ask asks the vault, and decodes what it answers into into. What is not there is fault.NotFound about that name, when the vault says so
// itself.
func (v *vault) ask(ctx context.Context, r rest.Request, name string, body, into any) error {
	if r.Query == nil {
		r.Query = url.Values{}
	}
	r.Query.Set("api-version", apiVersion)
	r.Header = http.Header{"Accept": {"application/json"}}
	if body != nil {
		r.Header["Content-Type"] = []string{"application/json"}
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			return provider.Errorf(fault.Invalid, v.name, "%s: this makes no request", r.What).WithFix("use a value that is text")
		}
	}
	token, fresh, err := v.session.current(ctx, secret.Value{})
	if err != nil {
		return err
	}
	r.Header["Authorization"] = []string{"Bearer " + string(token.Reveal())}
	a, err := v.client.Do(ctx, r)
	if err == nil && a.Status == http.StatusUnauthorized && !fresh { // it may have been revoked: once more, with a new one
		if token, _, err = v.session.current(ctx, token); err != nil {
			return err
		}
		r.Header["Authorization"] = []string{"Bearer " + string(token.Reveal())}
		a, err = v.client.Do(ctx, r)
	}
	switch {
	case err != nil:
		return err
	case !a.OK():
		return v.refused(r, a, name)
	}
	return v.client.JSON(r, a, into)
}

// refused returns the error for an answer that is none.
func (v *vault) refused(r rest.Request, a *rest.Answer, secret string) error {
	var said struct {
		Error struct {
			Code  string `json:"code"`
			Inner struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(a.Body, &said) != nil {
		return v.client.Refused(r, a, "")
	}
	code := said.Error.Inner.Code
	if code == "" {
		code = said.Error.Code
	}
	switch {
	case a.Status == http.StatusNotFound && said.Error.Code == "SecretNotFound":
		return provider.NotFound(v.name, secret)
	case a.Status == http.StatusUnauthorized:
		return v.unauthorized(r, a)
	case code == "SecretDisabled":
		return about(v.client.Error(fault.Denied, r, a, code), secret, "enable it: `az keyvault secret set-attributes --enabled true`")
	case code == "ObjectIsDeletedButRecoverable", code == "ObjectIsBeingDeleted":
		return about(v.client.Error(fault.Conflict, r, a, code), secret,
			"the name is taken by a deleted secret: bring it back with `az keyvault secret recover`, or end it with `az keyvault secret purge`")
	case code == "ForbiddenByFirewall", code == "ForbiddenByConnection":
		return about(v.client.Error(fault.Denied, r, a, code), secret, "the vault's firewall does not let this machine in: see its networking settings")
	case code == "ForbiddenByRbac", code == "ForbiddenByPolicy", code == "AccessDenied", code == "BadParameter", code == "Throttled", code == "InternalServerError":
		return v.client.Refused(r, a, code)
	}
	return v.client.Refused(r, a, "") // it can repeat what we sent
}

// unauthorized says what the challenge of a vault asks for (https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses)
// when it is not what we gave: a token for its own domain, of our tenant.
func (v *vault) unauthorized(r rest.Request, a *rest.Answer) error {
	err := v.client.Refused(r, a, "")
	challenge := a.Header.Get("WWW-Authenticate")
	resource, err2 := url.Parse(strings.TrimSuffix(parameter(challenge, "resource", "scope"), "/.default"))
	if err2 == nil && resource.Host != "" && !strings.EqualFold(resource.Host, v.domain) {
		return advise(err, "the vault asks for a token that is good for another domain than its own; tacit gives it none: check vault_url")
	}
	tenant, err2 := url.Parse(parameter(challenge, "authorization", "authorization_uri"))
	if err2 == nil && v.session.identity.tenant != "" && tenant.Path != "" && !strings.EqualFold(strings.Trim(tenant.Path, "/"), v.session.identity.tenant) {
		return advise(err, "the vault is in another tenant: check AZURE_TENANT_ID")
	}
	return err
}

// parameter returns the value of the first of keys in a challenge (RFC 9110, section 11.2).
func parameter(challenge string, keys ...string) string {
	_, list, _ := strings.Cut(challenge, " ")
	for _, key := range keys {
		for pair := range strings.SplitSeq(list, ",") {
			if k, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(k, key) {
				return strings.Trim(value, `"`)
			}
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

// about returns err with the secret that it is about and a way out.
func about(err error, secret, fix string) error {
	var e *fault.Error
	if errors.As(err, &e) {
		_ = e.About(secret)
	}
	return advise(err, "%s", fix)
}
