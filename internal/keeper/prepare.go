package keeper

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"tacit/internal/broker"
	"tacit/internal/registry"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// Credentials that were used are kept ready for a while: opened, rendered, and their patterns compiled. What is kept is as secret as
// the keys of the vault, lies in the same undumpable process, and is forgotten with them.
const (
	keepPrepared = time.Minute // since it was last used
	maxPrepared  = 256
)

// prepared are the credentials that are kept ready.
type prepared struct {
	mu     sync.Mutex
	broker *broker.Broker
	ready  map[preparedKey]*readyCredential
	sweep  *time.Timer // nil while there is nothing to sweep

	answering answering
}

// preparedKey tells apart what must not be mistaken for each other: another version of a secret is another key.
type preparedKey struct {
	service *registry.Service // as it is defined now
	secrets string
	needs   string // the capability, where it does with fewer secrets than the service has
}

type readyCredential struct {
	*broker.Prepared
	used time.Time
}

// broker returns the broker, which is made when it is first needed.
func (k *Keeper) broker() *broker.Broker {
	p := &k.prepared
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broker == nil {
		p.broker = broker.New(broker.Options{Now: k.opts.Now, HTTP2: k.opts.HTTP2})
		p.ready = map[preparedKey]*readyCredential{}
	}
	return p.broker
}

// key is what a prepared account is kept under.
func (a *account) key(c *registry.Capability) preparedKey {
	key := preparedKey{service: a.service, secrets: a.versions()}
	if len(c.Needs) > 0 {
		key.needs = c.ID
	}
	return key
}

// prepare returns the account of an answer ready for use with a capability. Nothing but its own secrets is decrypted, and those once.
func (k *Keeper) prepare(v *vault.Reader, x answer, c *registry.Capability) (*broker.Prepared, error) {
	b, a, key := k.broker(), x.account, x.key
	p := &k.prepared
	p.mu.Lock()
	defer p.mu.Unlock()
	now := k.opts.Now()
	if r := p.ready[key]; r != nil {
		r.used = now
		return r.Prepared, nil
	}
	values, err := openSecrets(v, a, c)
	if err != nil {
		return nil, err
	}
	made, err := b.Prepare(a.service, values, k.tokens(a))
	if err != nil {
		return nil, err
	}
	if len(p.ready) >= maxPrepared {
		p.dropOldest()
	}
	p.ready[key] = &readyCredential{made, now}
	if p.sweep == nil {
		p.sweep = time.AfterFunc(keepPrepared, k.sweepPrepared)
	}
	return made, nil
}

// openSecrets decrypts the secrets of an account that a capability needs.
func openSecrets(v *vault.Reader, a *account, c *registry.Capability) (broker.Values, error) {
	values := broker.Values{}
	for i := range a.service.Secrets {
		s := &a.service.Secrets[i]
		found := a.secrets[s.Placeholder]
		if found == nil || a.problem[s.Placeholder] != "" || !c.NeedsSecret(s.Name) {
			continue
		}
		value, err := v.Value(found)
		if err != nil {
			return nil, err
		}
		values[s.Placeholder] = secret.New(value)
	}
	return values, nil
}

// versions identifies the secrets of an account. Versions that refreshing a token made are those of the version before.
func (a *account) versions() string {
	var b strings.Builder
	for i := range a.service.Secrets {
		placeholder := a.service.Secrets[i].Placeholder
		if s := a.secrets[placeholder]; s != nil {
			b.WriteString(placeholder + "=" + string(s.ID[:]) + strconv.Itoa(unrefreshed(s)) + ";")
		}
	}
	return b.String()
}

// sweepPrepared forgets what was not used for a while.
func (k *Keeper) sweepPrepared() {
	p := &k.prepared
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sweep == nil {
		return // all was forgotten meanwhile
	}
	now := k.opts.Now()
	for key, r := range p.ready {
		if now.Sub(r.used) >= keepPrepared {
			p.drop(key)
		}
	}
	p.sweep = nil
	if len(p.ready) > 0 {
		p.sweep = time.AfterFunc(keepPrepared, k.sweepPrepared)
	} else {
		p.answering = answering{}
	}
}

func (p *prepared) drop(key preparedKey) {
	p.ready[key].Close()
	delete(p.ready, key)
}

func (p *prepared) dropOldest() {
	var oldest preparedKey
	var at time.Time
	for key, r := range p.ready {
		if at.IsZero() || r.used.Before(at) {
			oldest, at = key, r.used
		}
	}
	p.drop(oldest)
}

// forgetPrepared forgets every credential that is kept, with the keys of the vault.
func (k *Keeper) forgetPrepared() {
	p := &k.prepared
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
	for key := range p.ready {
		p.drop(key)
	}
	p.answering = answering{}
}

// closeBroker ends what the broker keeps, for good.
func (k *Keeper) closeBroker() {
	k.forgetPrepared()
	k.prepared.mu.Lock()
	defer k.prepared.mu.Unlock()
	if k.prepared.broker != nil {
		k.prepared.broker.Close()
	}
}
