package broker

import (
	"context"
	"sync"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// A rotation spends refresh tokens, one at a time among all processes, and keeps the new one before anything is done with it.
type rotation struct {
	endpoint   *tokenEndpoint
	store      TokenStore
	secretName string

	mu      sync.Mutex // held over a refresh; there is one at a time anyway
	unsaved *unsaved
}

// unsaved is a secret that the store did not take. The token that it replaces is spent: without this, the login would be lost.
type unsaved struct {
	spent string // the refresh token before
	next  secret.Value
}

// refresh is a [grant].
func (r *rotation) refresh(ctx context.Context) (*fetchedToken, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	release, err := r.lease(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, refreshWithin)
	defer cancel()

	// As it is now: another process may have spent the token that we know.
	stored, client, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	if u := r.unsaved; u != nil {
		if u.spent == client.refreshToken {
			if err := r.store.Save(ctx, u.next); err != nil {
				return nil, fault.Wrap(fault.Failed, err, "keep the new refresh token of %s", r.secretName)
			}
			if stored, client, err = r.load(ctx); err != nil {
				return nil, err
			}
		}
		r.unsaved = nil
	}

	fetched, err := r.endpoint.refreshToken(ctx, client)
	if err != nil {
		return nil, err
	}
	if fetched.refresh != "" && fetched.refresh != client.refreshToken {
		next, err := withMembers(stored, map[string]string{"refresh_token": fetched.refresh})
		if err != nil {
			return nil, err
		}
		if err := r.store.Save(ctx, next); err != nil {
			r.unsaved = &unsaved{spent: client.refreshToken, next: next}
			return nil, fault.Wrap(fault.Failed, err, "keep the new refresh token of %s", r.secretName)
		}
	}
	fetched.secrets = append(client.secrets(), fetched.refresh)
	return fetched, nil
}

// lease waits for the lease no longer than somebody else can have it.
func (r *rotation) lease(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, leaseWithin)
	defer cancel()
	release, err = r.store.Lease(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "wait for another process that refreshes %s", r.secretName)
	}
	return release, nil
}

func (r *rotation) load(ctx context.Context) (secret.Value, oauthClient, error) {
	v, err := r.store.Load(ctx)
	if err != nil {
		return v, oauthClient{}, fault.Wrap(fault.Failed, err, "read %s", r.secretName)
	}
	client, ok := parseOAuthClient(v)
	if !ok || client.refreshToken == "" {
		return v, client, fault.New(fault.Invalid, "%s is no JSON object with client_id and refresh_token", r.secretName).About(r.secretName)
	}
	return v, client, nil
}
