package keeper

import (
	"context"
	"errors"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// A lease keeps every other process from spending a refresh token.
type lease struct {
	record string

	Credential string       `json:"credential"` // the id of its secret
	Holder     string       `json:"holder"`
	Until      vault.Millis `json:"until"`
}

const (
	leaseFor   = 30 * time.Second
	leaseAgain = 100 * time.Millisecond // how often somebody who waits for one asks
)

// tokens implements broker.TokenStore for the secret of a credential.
type tokens struct {
	k  *Keeper
	id vault.ID
	of string // the service, for the log
}

// tokens returns what keeps the tokens of an account; nil for services that have none.
func (k *Keeper) tokens(a *account) broker.TokenStore {
	if a.service.Auth.Kind != registry.KindOAuth2 {
		return nil
	}
	for _, s := range a.secrets {
		if s != nil {
			return &tokens{k: k, id: s.ID, of: a.service.ID}
		}
	}
	return nil
}

// itself is who refreshes tokens: nobody asked for it.
func itself() Caller { return Caller{Principal: "tacit/broker", Owner: true, Door: "broker"} }

var errLeased = errors.New("another process has the lease")

// Lease waits for the lease and takes it.
func (t *tokens) Lease(ctx context.Context) (release func(), err error) {
	holder := rand128()
	for {
		err := t.k.change(ctx, itself(), func(tx *change) (*decision, error) {
			b, err := t.k.brokerage(&tx.Reader)
			if err != nil {
				return nil, err
			}
			now := t.k.opts.Now()
			l, there := b.leases[t.id.String()]
			switch {
			case !there:
				l.record = leaseRecord
			case l.Until > vault.MillisOf(&now):
				return nil, errLeased
			}
			until := now.Add(leaseFor)
			l.Credential, l.Holder, l.Until = t.id.String(), holder, vault.MillisOf(&until)
			return t.decision("lease"), putRecord(tx.Tx, l.record, l)
		})
		if err == nil {
			return func() { t.release(holder) }, nil
		}
		if !errors.Is(err, errLeased) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "another process refreshes the token of %s", t.of).WithFix("try again in 30 seconds")
		case <-time.After(leaseAgain):
		}
	}
}

// release gives the lease back. When that fails, it ends by itself.
func (t *tokens) release(holder string) {
	_ = t.k.change(context.Background(), itself(), func(tx *change) (*decision, error) {
		b, err := t.k.brokerage(&tx.Reader)
		if err != nil {
			return nil, err
		}
		l, there := b.leases[t.id.String()]
		if !there || l.Holder != holder {
			return nil, errLeased
		}
		return t.decision("lease given back"), removeRecord(tx.Tx, l.record)
	})
}

func (t *tokens) decision(what string) *decision {
	return decide(audit.Record{Action: "use", Object: audit.Object{Kind: "secret", ID: t.id.String()}, Reason: what + " to refresh the token of " + t.of})
}

// Load returns the secret as it is now.
func (t *tokens) Load(ctx context.Context) (v secret.Value, err error) {
	return v, t.k.read(ctx, itself(), func(q *query) (*decision, error) {
		d := t.decision("read")
		s, err := q.ByID(t.id)
		if err != nil {
			return d, err
		}
		d.Object = object(s, 0)
		value, err := q.Value(s)
		v = secret.New(value)
		return d, err
	})
}

// Save makes the changed secret a new version, and destroys the one that the refresh before made: its token is spent.
func (t *tokens) Save(ctx context.Context, v secret.Value) error {
	return t.k.change(ctx, itself(), func(tx *change) (*decision, error) {
		d := t.decision("changed")
		old, err := tx.ByID(t.id)
		if err != nil {
			return d, err
		}
		s := *old
		s.Via, s.Principal, s.From = vault.ViaRefresh, itself().Principal, unrefreshed(old)
		if err := tx.AddVersion(old, &s, v.Reveal(), 0); err != nil {
			return d, err
		}
		d.Object = object(&s, 0)
		if old.Via != vault.ViaRefresh {
			return d, nil
		}
		return d, tx.Purge(&s, old.Version)
	})
}

// unrefreshed returns the version of a secret that somebody gave, of which those that came by refreshing a token are descendants.
func unrefreshed(s *vault.Secret) int {
	if s.Via == vault.ViaRefresh {
		return s.From
	}
	return s.Version
}

// oauthState says how it stands with the tokens of an account; nil for services that have none. Access tokens are in memory only: when one
// ends is known where it is held, which is the agent's memory as long as the credential is kept ready.
func (k *Keeper) oauthState(_ *brokerage, a *account) *client.OAuthState {
	if a.service.Auth.Kind != registry.KindOAuth2 {
		return nil
	}
	state := &client.OAuthState{}
	if s := a.tokenSecret(); s != nil && s.Via == vault.ViaRefresh {
		at := s.MadeAt.Time()
		state.RefreshedAt = &at
	}
	secrets := a.versions()
	k.prepared.mu.Lock()
	defer k.prepared.mu.Unlock()
	for key, r := range k.prepared.ready {
		if key.service == a.service && key.secrets == secrets {
			note(state, r.Prepared)
		}
	}
	return state
}

// note puts down what a credential knows of the token that it holds.
func note(state *client.OAuthState, p *broker.Prepared) {
	ends, failure := p.Held()
	if !ends.IsZero() && (state.ExpiresAt == nil || ends.After(*state.ExpiresAt)) {
		ends = ends.UTC().Truncate(time.Second)
		state.ExpiresAt = &ends
	}
	if failure != nil {
		state.Error = optional(failure.Error())
	}
}
