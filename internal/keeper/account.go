package keeper

import (
	"iter"
	"slices"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// An account is a credential as one state of the vault has it: made by `credential create`, or automatic, which is the secrets of one
// scope that have the names that the registry knows.
type account struct {
	id      string
	service *registry.Service
	scope   name.Scope
	made    *credential              // nil: automatic
	secrets map[string]*vault.Secret // by placeholder; nil: not there
	host    string                   // empty: that of the capability
	problem map[string]string        // by placeholder: why a secret that is there cannot be used
}

func newAccount(id string, s *registry.Service, scope name.Scope) *account {
	return &account{id: id, service: s, scope: scope, secrets: map[string]*vault.Secret{}, problem: map[string]string{}}
}

// createdAt is when it was made, or the first of its secrets.
func (a *account) createdAt() time.Time {
	if a.made != nil {
		return a.made.CreatedAt.Time()
	}
	var first vault.Millis
	for _, s := range a.secrets {
		if s != nil && (first == 0 || s.CreatedAt < first) {
			first = s.CreatedAt
		}
	}
	return first.Time()
}

// missing returns the names of the secrets that a capability needs and the account has not, and what is wrong with those that it has.
// A capability of nil needs all.
func (a *account) missing(c *registry.Capability) []string {
	out := []string{}
	for i := range a.service.Secrets {
		s := &a.service.Secrets[i]
		if c != nil && !c.NeedsSecret(s.Name) {
			continue
		}
		switch why := a.problem[s.Placeholder]; {
		case why != "":
			out = append(out, s.Name+" ("+why+")")
		case a.secrets[s.Placeholder] == nil && !a.service.DoesWithout(s.Placeholder):
			out = append(out, s.Name)
		}
	}
	if a.host == "" && needsHost(a.service, c) {
		out = append(out, "a host (tacit credential create ID --service "+a.service.ID+" --secret NAME --host HOST)")
	}
	return out
}

func (a *account) ready(c *registry.Capability) bool { return len(a.missing(c)) == 0 }

// needsHost reports whether the first host of a capability is a pattern, of which a credential must name the host.
func needsHost(s *registry.Service, c *registry.Capability) bool {
	hosts := s.Hosts
	if c != nil {
		hosts = s.HostsOf(c)
	}
	return strings.HasPrefix(hosts[0], "*.")
}

// hostFor returns the host that a request to a capability goes to (I22): the account's, if the capability is there, else its first one.
func (a *account) hostFor(c *registry.Capability) string {
	hosts := a.service.HostsOf(c)
	if a.host != "" && slices.ContainsFunc(hosts, func(h string) bool { return registry.MatchHost(h, a.host) }) {
		return a.host
	}
	return hosts[0]
}

// state is ready, or waiting for something.
func (a *account) state() string {
	if a.ready(nil) {
		return stateReady
	}
	return stateWaiting
}

// The states of services, credentials and capabilities.
const (
	stateReady     = "ready"
	stateWaiting   = "waiting"
	stateAvailable = "available"
)

// accounts returns the credentials of a service in one scope: those that were made, by id, then the automatic one.
func (k *Keeper) accounts(v *vault.Reader, b *brokerage, s *registry.Service, scope name.Scope) (list []*account, err error) {
	for a, err := range k.eachAccount(v, b, s, scope) {
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// eachAccount yields what accounts returns. Each is looked up when it is its turn: of thousands, who makes a request needs few.
func (k *Keeper) eachAccount(v *vault.Reader, b *brokerage, s *registry.Service, scope name.Scope) iter.Seq2[*account, error] {
	return func(yield func(*account, error) bool) {
		for _, c := range b.made[place{s.ID, scope}] {
			if a, err := k.account(v, s, c); !yield(a, err) || err != nil {
				return
			}
		}
		if a, err := k.automatic(v, s, scope); a != nil || err != nil {
			yield(a, err)
		}
	}
}

// account returns a credential that was made, with its secrets.
func (k *Keeper) account(v *vault.Reader, s *registry.Service, c *credential) (*account, error) {
	a := newAccount(c.ID, s, c.Scope)
	a.made, a.host = c, c.Host
	for placeholder, id := range c.Secrets {
		found, err := v.Kept(id)
		if err != nil {
			return nil, err
		}
		if found == nil {
			a.problem[placeholder] = whyGone
			continue
		}
		k.attach(a, placeholder, found)
	}
	return a, nil
}

// automatic returns the credential that the secrets of a scope make by their names; nil when there is none of them.
func (k *Keeper) automatic(v *vault.Reader, s *registry.Service, scope name.Scope) (*account, error) {
	a := newAccount(s.ID, s, scope)
	any := false
	for i := range s.Secrets {
		found, err := k.named(v, s, &s.Secrets[i], scope)
		if err != nil {
			return nil, err
		}
		if found != nil {
			any = true
			k.attach(a, s.Secrets[i].Placeholder, found)
			if _, host := pinned(found.Pin); host != "" {
				a.host = host
			}
		}
	}
	if !any {
		return nil, nil
	}
	return a, nil
}

// named returns the secret of a service in a scope, by its name or another that the registry knows.
func (k *Keeper) named(v *vault.Reader, s *registry.Service, which *registry.Secret, scope name.Scope) (*vault.Secret, error) {
	found, err := v.InScope(scope, which.Name)
	for i := 0; i < len(s.Aliases) && found == nil && err == nil; i++ {
		if s.Aliases[i].Secret == which.Name {
			found, err = v.InScope(scope, s.Aliases[i].Name)
		}
	}
	return found, err
}

// What is wrong with a secret that is past its time, and with one that a credential was made of and that is there no longer.
const (
	whyExpired = "expired"
	whyGone    = "gone"
)

// attach gives an account a secret, after asking whether it may be sent to the service (I23).
func (k *Keeper) attach(a *account, placeholder string, s *vault.Secret) {
	a.secrets[placeholder] = s
	if s == nil {
		return
	}
	service, host := pinned(s.Pin)
	switch {
	case s.Expired(k.opts.Now()):
		a.problem[placeholder] = whyExpired
	case service == pinOf(a.service, "") && (host == "" || a.host == "" || host == a.host):
	case a.made != nil && !s.Sealed && s.Pin == "": // the owner said so when the credential was made
	case s.Pin == "":
		a.problem[placeholder] = "not sealed for " + a.service.ID
	case pinnedService(s.Pin) == a.service.ID:
		a.problem[placeholder] = "sealed for another definition of " + a.service.ID
	default:
		a.problem[placeholder] = "sealed for " + pinnedService(s.Pin)
	}
}

// choose returns the account that answers the caller for a capability: the one that is asked for, the one that is bound in the
// narrowest scope, or the narrowest that is ready.
func (a *asker) choose(v *vault.Reader, b *brokerage, s *registry.Service, c *registry.Capability, asked string) (*account, error) {
	in, err := scopes(a.Caller, "")
	if err != nil {
		return nil, err
	}
	if asked == "" {
		asked = b.boundIn(c.ID, in)
	}
	if asked != "" {
		x, err := a.k.called(v, b, s, asked, in)
		if err != nil {
			return nil, err
		}
		return x, notReady(x, c)
	}
	var first *account // that is there
	for _, scope := range in {
		var chosen *account
		for x, err := range a.k.eachAccount(v, b, s, scope) {
			switch {
			case err != nil:
				return nil, err
			case first == nil:
				first = x
			}
			switch {
			case !x.ready(c):
			case chosen == nil:
				chosen = x
			case !x.sends(chosen, c):
				return nil, fault.New(fault.Conflict, "two credentials answer for %s: %s and %s", c.ID, chosen.id, x.id).About(c.ID).
					WithFix("tacit capability bind %s %s", c.ID, chosen.id)
			}
		}
		if chosen != nil {
			return chosen, nil
		}
	}
	if first == nil {
		first = newAccount(s.ID, s, name.Global)
	}
	return nil, notReady(first, c)
}

// called returns the credential of a service with that id, of the narrowest scope.
func (k *Keeper) called(v *vault.Reader, b *brokerage, s *registry.Service, id string, in []name.Scope) (*account, error) {
	made := b.credentials[id]
	for _, scope := range in {
		if made != nil && made.Service == s.ID && made.Scope == scope {
			return k.account(v, s, made)
		}
		if id != s.ID {
			continue
		}
		if a, err := k.automatic(v, s, scope); a != nil || err != nil {
			return a, err
		}
	}
	return nil, fault.New(fault.NotFound, "no such credential for %s: %.64s", s.ID, id).About(id).WithFix("tacit credential list")
}

// sends reports whether an account sends to a capability what another one does: a credential that was made of the secrets that also
// make an automatic one is the same to everybody.
func (a *account) sends(what *account, c *registry.Capability) bool {
	return a.versions() == what.versions() && a.hostFor(c) == what.hostFor(c)
}

// boundIn returns the credential that is bound to a capability in the narrowest of the scopes; empty for none.
func (b *brokerage) boundIn(capability string, in []name.Scope) string {
	for _, scope := range in {
		if id := b.bound[boundAt{capability, scope}]; id != "" {
			return id
		}
	}
	return ""
}

// notReady is what to say when an account does not answer; nil when it does.
func notReady(a *account, c *registry.Capability) error {
	missing := a.missing(c)
	if len(missing) == 0 {
		return nil
	}
	e := fault.New(fault.NotFound, "%s is not ready: it waits for %s", c.ID, strings.Join(missing, ", ")).About(c.ID)
	if gone := a.gone(); gone != "" {
		e = fault.New(fault.NotFound, "%s is not ready: the secret that was %s of the credential %s is gone", c.ID, gone, a.id).About(a.id)
		return e.WithFix("make the credential anew: %s", a.remake())
	}
	return e.WithFix("tacit service describe %s", a.service.ID)
}

// gone is the name, in the registry, of a secret that is there no longer; empty when all are that the credential was made of.
func (a *account) gone() string {
	for i := range a.service.Secrets {
		if s := &a.service.Secrets[i]; a.problem[s.Placeholder] == whyGone {
			return s.Name
		}
	}
	return ""
}

// remake is how to make a credential again whose secret is gone.
func (a *account) remake() string {
	return "tacit credential rm " + a.id + ", then tacit credential create " + a.id + " --service " + a.service.ID + " --secret NAME"
}
