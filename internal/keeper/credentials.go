package keeper

import (
	"context"
	"slices"
	"strings"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// scopesOfServices returns the scopes in which the caller may see credentials: the owner all that there are.
func (a *asker) scopesOfServices(v *vault.Reader, b *brokerage) ([]name.Scope, error) {
	in, err := scopes(a.Caller, "")
	if err != nil || !a.Owner {
		return in, err
	}
	for _, scope := range v.ScopesInUse() {
		if !slices.Contains(in, scope) {
			in = append(in, scope)
		}
	}
	for _, c := range b.credentials {
		if !slices.Contains(in, c.Scope) {
			in = append(in, c.Scope)
		}
	}
	return in, nil
}

// CredentialList returns every credential that the caller may use something with, the owner every one.
func (k *Keeper) CredentialList(ctx context.Context, c Caller) (out client.Credentials, err error) {
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		out = client.Credentials{Credentials: []client.Credential{}}
		d := decide(audit.Record{Action: "list", Object: k.vaultObject(), Reason: "credentials"})
		b, err := k.brokerage(v.Reader)
		if err != nil {
			return d, err
		}
		in, err := v.scopesOfServices(v.Reader, b)
		if err != nil {
			return d, err
		}
		for _, s := range b.catalog.Services() {
			for _, scope := range in {
				list, err := k.accounts(v.Reader, b, s, scope)
				if err != nil {
					return d, err
				}
				for _, a := range list {
					if v.mayUse(a) {
						out.Credentials = append(out.Credentials, k.shapeAccount(b, a))
					}
				}
			}
		}
		return d, nil
	})
	out.Total = len(out.Credentials)
	return out, err
}

// mayUse reports whether the caller may use any capability with an account.
func (a *asker) mayUse(x *account) bool {
	return a.Owner || slices.ContainsFunc(x.service.Capabilities, func(c registry.Capability) bool { return a.mayUseCapability(x.service, &c, x.scope) })
}

func (a *asker) mayUseCapability(s *registry.Service, c *registry.Capability, scope name.Scope) bool {
	if a.Owner {
		return true
	}
	return slices.ContainsFunc(c.Methods, func(method string) bool {
		return a.decide(policy.Use, capabilityObject(s, c, scope, method, firstPath(c))).Allow
	})
}

// capabilityObject is a capability as policies look at it.
func capabilityObject(s *registry.Service, c *registry.Capability, scope name.Scope, method, path string) policy.Object {
	return policy.Object{Kind: policy.Capability, Name: c.ID, Scope: scope, Service: s.ID, Method: method, Path: path}
}

func firstPath(c *registry.Capability) string {
	if len(c.Paths) == 0 {
		return "/"
	}
	return strings.TrimSuffix(c.Paths[0].Text, "$")
}

func (k *Keeper) shapeAccount(b *brokerage, a *account) client.Credential {
	out := client.Credential{
		ID: a.id, Service: a.service.ID, Scope: string(a.scope), Auth: string(a.service.Auth.Kind), State: a.state(), Missing: a.missing(nil),
		Automatic: a.made == nil, CreatedAt: a.createdAt(), Secrets: []client.CredentialSecret{}, Hosts: a.service.Hosts,
		OAuth: k.oauthState(b, a),
	}
	if a.host != "" {
		out.Hosts = []string{a.host}
	}
	for i := range a.service.Secrets {
		s := &a.service.Secrets[i]
		one := client.CredentialSecret{Placeholder: s.Placeholder, Name: s.Name}
		if found := a.secrets[s.Placeholder]; found != nil {
			one.Name, one.Present = found.Name, true
		}
		out.Secrets = append(out.Secrets, one)
	}
	return out
}

// readiness says what a secret, as it is now to be, switches on, or what its service still waits for.
func (k *Keeper) readiness(v *vault.Reader, b *brokerage, now *vault.Secret) ([]client.Readiness, error) {
	s, which, ok := b.catalog.BySecret(now.Name)
	if !ok {
		return []client.Readiness{}, nil
	}
	a, err := k.automatic(v, s, now.Scope)
	if err != nil {
		return []client.Readiness{}, err
	}
	if a == nil {
		a = newAccount(s.ID, s, now.Scope)
	}
	delete(a.problem, which.Placeholder)
	k.attach(a, which.Placeholder, now)
	out := client.Readiness{Service: s.ID, Credential: a.id, State: a.state(), Missing: a.missing(nil)}
	for i := range s.Capabilities {
		if a.ready(&s.Capabilities[i]) {
			out.Capabilities++
		}
	}
	return []client.Readiness{out}, nil
}

// CredentialCreate makes a credential. Each of its secrets is found by its name now, and kept by its id.
func (k *Keeper) CredentialCreate(ctx context.Context, c Caller, r CredentialRequest) (out client.Credential, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	if err := name.Check(r.ID); err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		d := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "capability", ID: r.ID, Name: r.Service}, Reason: "credential " + r.ID + " made"})
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return d, err
		}
		a, err := r.make(tx, b)
		if err != nil {
			return d, err
		}
		out = k.shapeAccount(b, a)
		return d, putRecord(tx.Tx, credentialRecord, a.made)
	})
}

func (r *CredentialRequest) make(tx *change, b *brokerage) (*account, error) {
	s, ok := b.catalog.Service(r.Service)
	if !ok {
		return nil, noService(r.Service)
	}
	if _, taken := b.catalog.Service(r.ID); taken && r.ID != r.Service {
		return nil, fault.New(fault.Conflict, "%s is the name of a service", r.ID).About(r.ID).WithFix("call the credential %s-%s", r.Service, r.ID)
	}
	if b.credentials[r.ID] != nil {
		return nil, fault.New(fault.Exists, "there is a credential %s", r.ID).About(r.ID).WithFix("tacit credential rm %s", r.ID)
	}
	scope, err := home(tx.Caller, r.Scope)
	if err != nil {
		return nil, err
	}
	if err := r.checkHost(s); err != nil {
		return nil, err
	}
	now := tx.k.opts.Now()
	a := newAccount(r.ID, s, scope)
	a.host = r.Host
	a.made = &credential{ID: r.ID, Service: s.ID, Scope: scope, Host: r.Host, Secrets: map[string]vault.ID{}, CreatedAt: vault.MillisOf(&now)}
	for placeholder, n := range r.Secrets {
		if placeholder == "" && len(s.Secrets) == 1 {
			placeholder = s.Secrets[0].Placeholder
		}
		if !slices.ContainsFunc(s.Secrets, func(x registry.Secret) bool { return x.Placeholder == placeholder }) {
			return nil, fault.New(fault.Usage, "%s has no placeholder %.40q", s.ID, placeholder).About(s.ID).
				WithFix("name one of them, as in PLACEHOLDER=NAME: %s", strings.Join(placeholders(s), ", "))
		}
		found, err := r.secret(tx, s, scope, n)
		if err != nil {
			return nil, err
		}
		a.made.Secrets[placeholder] = found.ID
		tx.k.attach(a, placeholder, found)
	}
	return a, nil
}

func placeholders(s *registry.Service) (list []string) {
	for _, x := range s.Secrets {
		list = append(list, x.Placeholder)
	}
	return list
}

// secret finds a secret that the credential's scope sees. One that is sealed is pinned to the host, once and for all.
func (r *CredentialRequest) secret(tx *change, s *registry.Service, scope name.Scope, n string) (*vault.Secret, error) {
	in := []name.Scope{scope}
	if workspace, group := scope.Parts(); group != "" {
		in = append(in, name.Scope("workspace/"+workspace))
	}
	if scope != name.Global {
		in = append(in, name.Global)
	}
	found, err := tx.Find(in, n)
	if err != nil {
		return nil, err
	}
	service, host := pinned(found.Pin)
	switch {
	case found.Pin == "" && !found.Sealed: // the owner says here that it may be sent
		return found, nil
	case service != pinOf(s, ""):
		return nil, fault.New(fault.Conflict, "%s is pinned to %s; a pin cannot change", n, found.Pin).About(n).WithFix("store it under another name: tacit set NEW --sealed --service %s", s.ID)
	case host == r.Host || r.Host == "":
		return found, nil
	case host != "":
		return nil, fault.New(fault.Conflict, "%s is pinned to the host %s; a pin cannot change", n, host).About(n).WithFix("store it under another name: tacit set NEW --sealed --service %s", s.ID)
	}
	return tx.SetExposure(found, found.Sealed, pinOf(s, r.Host))
}

func (r *CredentialRequest) checkHost(s *registry.Service) error {
	wild := needsHost(s, nil)
	switch {
	case r.Host == "" && wild:
		return fault.New(fault.Usage, "%s has a host for each of its customers", s.ID).About(s.ID).WithFix("say which, as in --host %s", strings.Replace(s.Hosts[0], "*", "example", 1))
	case r.Host == "":
		return nil
	case !s.Allows(r.Host):
		return fault.New(fault.Usage, "%.80q is no host of %s", r.Host, s.ID).About(s.ID).WithFix("its hosts are %s", strings.Join(s.Hosts, ", "))
	}
	if why := s.HostProblem(r.Host); why != "" {
		return fault.New(fault.Usage, "%.80q is no host: %s", r.Host, why).About(s.ID)
	}
	return nil
}

// CredentialRemove forgets a credential that was made, and the bindings to it. Its secrets stay.
func (k *Keeper) CredentialRemove(ctx context.Context, c Caller, id string) (out client.CredentialRemoved, err error) {
	if err := name.Check(id); err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		out = client.CredentialRemoved{ID: id, BindingsRemoved: []string{}}
		d := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "capability", ID: id}, Reason: "credential " + id + " removed"})
		if err := tx.allow(d, policy.Object{Kind: policy.Vault}, "", policy.Admin); err != nil {
			return d, err
		}
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return d, err
		}
		made := b.credentials[id]
		if made == nil {
			if _, automatic := b.catalog.Service(id); automatic {
				return d, fault.New(fault.Conflict, "%s is automatic: it is there as long as its secrets are", id).About(id).WithFix("tacit credential list")
			}
			return d, fault.New(fault.NotFound, "no such credential: %s", id).About(id).WithFix("tacit credential list")
		}
		out.BindingsRemoved, err = b.remove(tx.Tx, made)
		return d, err
	})
}

// remove forgets a credential and the bindings to it.
func (b *brokerage) remove(tx *vault.Tx, made *credential) (unbound []string, err error) {
	if err := removeRecord(tx, made.record); err != nil {
		return nil, err
	}
	return b.unbind(tx, made.ID)
}

// unbind forgets the bindings to a credential, and its lease.
func (b *brokerage) unbind(tx *vault.Tx, id string) (capabilities []string, err error) {
	capabilities = []string{}
	for _, x := range b.bindings {
		if x.Credential == id {
			capabilities = append(capabilities, x.Capability)
			if err := removeRecord(tx, x.record); err != nil {
				return nil, err
			}
		}
	}
	return capabilities, nil
}

// forgetting removes the credentials that need secrets which go away.
type forgetting struct {
	*brokerage
	tx      *change
	removed []string
}

// forgets returns what forgets the credentials of secrets that tx removes.
func (k *Keeper) forgets(tx *change) (*forgetting, error) {
	b, err := k.brokerage(&tx.Reader)
	return &forgetting{brokerage: b, tx: tx}, err
}

// secret forgets the credentials that a secret was part of, and the bindings to them.
func (f *forgetting) secret(s *vault.Secret) error {
	if service, _, ok := f.catalog.BySecret(s.Name); ok && pinnedService(s.Pin) == service.ID {
		if err := f.credential(service.ID); err != nil {
			return err
		}
	}
	for id, made := range f.credentials {
		for _, of := range made.Secrets {
			if of != s.ID {
				continue
			}
			if err := f.credential(id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *forgetting) credential(id string) error {
	if slices.Contains(f.removed, id) {
		return nil
	}
	f.removed = append(f.removed, id)
	if made := f.credentials[id]; made != nil {
		if err := removeRecord(f.tx.Tx, made.record); err != nil {
			return err
		}
	}
	_, err := f.unbind(f.tx.Tx, id)
	return err
}
