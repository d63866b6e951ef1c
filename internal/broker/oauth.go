package broker

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"tacit/internal/fault"
)

// Times of OAuth. The lease of a [TokenStore] lasts 30 seconds, and what is done under it must be over by then.
const (
	refreshWithin = 25 * time.Second // from the lease to the saved token
	leaseWithin   = 35 * time.Second // to wait for another process that has the lease
	expirySkew    = 10 * time.Second // a token this near to its end is taken for ended: it still has to travel
	maxLead       = 5 * time.Minute  // how long before its end a token is renewed at the earliest
	refreshPause  = 2 * time.Second  // after a refresh that failed, before the next
	revokePause   = 30 * time.Second // between two refreshes that a 401 asked for: an upstream that always says it is not asked for ever
)

// oauth authenticates with an access token (RFC 6749, RFC 6750). The token is in memory only; what is kept in the vault is what
// brings the next one.
//
// One refresh runs at a time. It belongs to no caller: whoever goes away while it runs leaves it to the others. Across processes the
// lease of the store sees to it that a refresh token is spent once, since a server that rotates them takes a second use for theft
// and revokes all (RFC 9700, section 4.14.2).
type oauth struct {
	common
	grant  grant
	now    func() time.Time
	random io.Reader
	fixed  bool // the token never changes

	mu       sync.Mutex
	current  *accessToken
	running  *refresh
	failure  error // of the last refresh, until there is a token again
	failedAt time.Time
	revoked  time.Time // when a 401 last asked for a refresh
}

// A grant brings an access token.
type grant func(ctx context.Context) (*fetchedToken, error)

// accessToken never changes once it is made.
type accessToken struct {
	header []string
	more   [][]byte
	renew  time.Time // from then on another one is fetched beside; zero with expires
	ends   time.Time // zero: nobody said
}

// A refresh is done when its channel is closed; then token or err is set.
type refresh struct {
	done  chan struct{}
	token *accessToken
	err   error
}

var _ Refresher = (*oauth)(nil)

func newOAuth(c *compiler, deps StrategyDeps) (*oauth, error) {
	auth := &c.service.Auth.OAuth2
	endpoint, err := newTokenEndpoint(c.service, deps.TokenEndpoint)
	if err != nil {
		return nil, err
	}
	client, err := newOAuthClient(c)
	if err != nil {
		return nil, err
	}
	o := &oauth{now: deps.Now, random: deps.Random}
	switch {
	case auth.Grant == grantClientCredentials:
		o.grant = clientCredentials(endpoint, client, auth.Scopes)
	case client.refreshToken == "" && client.accessToken != "" && auth.Grant == grantAuthorizationCode:
		// The service gives no refresh tokens: what the login brought is for good, until somebody revokes it.
		if why := inHeader(client.accessToken); why != "" {
			return nil, c.bad(oauthSecret, "%s", why)
		}
		o.fixed = true
		o.grant = func(context.Context) (*fetchedToken, error) { return &fetchedToken{access: client.accessToken}, nil }
	case client.refreshToken == "":
		err := fault.New(fault.Invalid, "%s cannot be used for %s: it has no refresh_token", c.secretName(oauthSecret), c.service.ID)
		return nil, err.About(c.secretName(oauthSecret)).WithFix("tacit oauth login %s", c.service.ID)
	case deps.Tokens == nil:
		return nil, fault.New(fault.Failed, "service %s: there is nowhere to keep refresh tokens", c.service.ID)
	default:
		o.grant = (&rotation{endpoint: endpoint, store: deps.Tokens, secretName: c.secretName(oauthSecret)}).refresh
	}
	o.common = c.done(Reserved{Headers: []string{"authorization"}}, true)
	return o, nil
}

// The grants of a service file.
const (
	grantRefreshToken      = "refresh_token"
	grantClientCredentials = "client_credentials"
	grantAuthorizationCode = "authorization_code"
)

func (o *oauth) Apply(ctx context.Context, out *Outgoing) ([][]byte, error) {
	token, err := o.token(ctx)
	if err != nil {
		return nil, err
	}
	out.Header["Authorization"] = token.header
	return token.more, nil
}

// token returns one that is good, waiting for it if it must.
func (o *oauth) token(ctx context.Context) (*accessToken, error) {
	o.mu.Lock()
	now := o.now()
	if t := o.current; t != nil && t.good(now) {
		if t.tired(now) && o.running == nil && !o.pausing(now) {
			o.start()
		}
		o.mu.Unlock()
		return t, nil
	}
	if o.running == nil {
		if o.pausing(now) {
			err := o.failure
			o.mu.Unlock()
			return nil, err
		}
		o.start()
	}
	r := o.running
	o.mu.Unlock()

	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, context.Cause(ctx), "wait for an access token")
	}
}

// held returns when the access token ends that is in memory, zero when there is none or nobody said, and why the last refresh failed.
func (o *oauth) held() (ends time.Time, failure error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.current; t != nil && t.good(o.now()) {
		ends = t.ends
	}
	return ends, o.failure
}

func (t *accessToken) good(now time.Time) bool {
	return t.ends.IsZero() || now.Before(t.ends.Add(-expirySkew))
}

func (t *accessToken) tired(now time.Time) bool { return !t.ends.IsZero() && !now.Before(t.renew) }

// pausing reports whether a refresh failed so recently that the next would only be a burden. The lock is held.
func (o *oauth) pausing(now time.Time) bool {
	return o.failure != nil && now.Before(o.failedAt.Add(refreshPause))
}

// start begins a refresh of nobody's. The lock is held.
func (o *oauth) start() {
	r := &refresh{done: make(chan struct{})}
	o.running = r
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), leaseWithin+refreshWithin)
		defer cancel()
		fetched, err := o.grant(ctx)

		o.mu.Lock()
		defer o.mu.Unlock()
		if err != nil {
			r.err, o.failure, o.failedAt = err, err, o.now()
		} else {
			r.token = o.made(fetched)
			o.current, o.failure = r.token, nil
		}
		o.running = nil
		close(r.done)
	}()
}

// made returns the access token that was fetched, ready for use. The time to renew it is somewhere in the last tenth of its life,
// so that many processes do not all come at once.
func (o *oauth) made(f *fetchedToken) *accessToken {
	header := "Bearer " + f.access
	t := &accessToken{header: []string{header}}
	for _, s := range append([]string{f.access, header}, f.secrets...) {
		if len(s) >= minInjected {
			t.more = append(t.more, []byte(s))
		}
	}
	if f.lifetime > 0 {
		t.ends = o.now().Add(f.lifetime)
		lead := min(f.lifetime/10, maxLead)
		t.renew = t.ends.Add(-expirySkew - lead/2 - jitter(o.random, lead/2))
	}
	return t
}

// jitter returns a duration below d. Without randomness there is none.
func jitter(random io.Reader, d time.Duration) time.Duration {
	var b [8]byte
	if d <= 0 {
		return 0
	}
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0
	}
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(d))
}

// Invalidate drops the token that the upstream did not accept, if it is still the one in use.
func (o *oauth) Invalidate(more [][]byte) bool {
	if len(more) == 0 || o.fixed {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.current == nil {
		return true // somebody was here before
	}
	if string(o.current.more[0]) != string(more[0]) {
		return true // there is a newer one
	}
	now := o.now()
	if !o.revoked.IsZero() && now.Before(o.revoked.Add(revokePause)) {
		return false
	}
	o.revoked, o.current = now, nil
	return true
}
