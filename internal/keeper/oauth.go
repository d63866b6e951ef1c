package keeper

import (
	"context"
	"net/url"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/registry"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// OAuthRequest names the credential of a service whose tokens it is about.
type OAuthRequest struct {
	Service    string
	Credential string // empty: the one that answers
	Redirect   string // of a login: where the browser returns to, http://127.0.0.1:PORT/PATH
	// Browse is given the address to open, and returns the parameters with which the browser came back. matches tells which answer belongs
	// to this login: pages in the browser can send others.
	Browse func(ctx context.Context, address string, matches func(url.Values) bool) (url.Values, error)
}

// OAuthLogin lets a person log in to a service, and keeps what that gives: the secret of the service's client becomes one with a token.
func (k *Keeper) OAuthLogin(ctx context.Context, c Caller, r OAuthRequest) (out client.Credential, err error) {
	a, stored, err := k.oauth(ctx, c, r, "login")
	if err != nil {
		return out, err
	}
	login, err := k.broker().Login(a.service, stored, r.Redirect)
	if err != nil {
		return out, err
	}
	query, err := r.Browse(ctx, login.URL(), login.Matches)
	if err != nil {
		return out, err
	}
	changed, err := login.Finish(ctx, query)
	if err != nil {
		return out, err
	}
	id := a.tokenSecret().ID
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		d := decide(audit.Record{Action: "rotate", Object: audit.Object{Kind: "secret", ID: id.String()}, Reason: "login to " + r.Service})
		old, err := tx.ByID(id)
		if err != nil {
			return d, err
		}
		s := *old
		s.Via, s.Principal, s.From, s.ExpiresAt = vault.ViaRotate, tx.Principal, 0, 0
		if err := tx.AddVersion(old, &s, changed.Reveal(), 0); err != nil {
			return d, err
		}
		d.Object = object(&s, s.Version)
		a.secrets[a.service.Secrets[0].Placeholder] = &s
		return d, nil
	})
	return k.shapeAccount(nil, a), err
}

// OAuthRefresh fetches a new token of a service, which shows that it can.
func (k *Keeper) OAuthRefresh(ctx context.Context, c Caller, r OAuthRequest) (out client.Credential, err error) {
	a, stored, err := k.oauth(ctx, c, r, "refresh")
	if err != nil {
		return out, err
	}
	p, err := k.broker().Prepare(a.service, broker.Values{a.service.Secrets[0].Placeholder: stored}, k.tokens(a))
	if err != nil {
		return out, err
	}
	defer p.Close()
	if err := p.Fetch(ctx); err != nil {
		return out, err
	}
	now := k.opts.Now().UTC()
	out = k.shapeAccount(nil, a)
	out.OAuth.RefreshedAt = &now
	note(out.OAuth, p)
	return out, nil
}

// oauth finds the credential of a service with tokens, and opens its secret for this process.
func (k *Keeper) oauth(ctx context.Context, c Caller, r OAuthRequest, what string) (a *account, stored secret.Value, err error) {
	if err := k.presence(ctx, c); err != nil {
		return nil, stored, err
	}
	if err := name.Check(r.Service); err != nil {
		return nil, stored, err
	}
	return a, stored, k.read(ctx, c, func(v *query) (*decision, error) {
		d := decide(audit.Record{Action: "use", Object: audit.Object{Kind: "capability", Name: r.Service}, Reason: what})
		b, err := k.brokerage(v.Reader)
		if err != nil {
			return d, err
		}
		svc, ok := b.catalog.Service(r.Service)
		if !ok {
			return d, noService(r.Service)
		}
		if svc.Auth.Kind != registry.KindOAuth2 {
			return d, fault.New(fault.Usage, "%s does not use OAuth", svc.ID).About(svc.ID).WithFix("tacit service describe %s", svc.ID)
		}
		if a, err = v.choose(v.Reader, b, svc, &svc.Capabilities[0], r.Credential); err != nil {
			return d, err
		}
		value, err := v.Value(a.tokenSecret())
		stored = secret.New(value)
		return d, err
	})
}

// tokenSecret is the secret that holds the tokens of an OAuth service.
func (a *account) tokenSecret() *vault.Secret { return a.secrets[a.service.Secrets[0].Placeholder] }
