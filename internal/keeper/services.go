package keeper

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// standing is how services stand for the caller: what is ready, and with which credential.
type standing struct {
	*asker
	v  *vault.Reader
	b  *brokerage
	in []name.Scope // that the caller is in, the narrowest first
}

func (k *Keeper) standing(a *asker, v *vault.Reader) (*standing, error) {
	b, err := k.brokerage(v)
	if err != nil {
		return nil, err
	}
	in, err := scopes(a.Caller, "")
	return &standing{asker: a, v: v, b: b, in: in}, err
}

// accounts returns the credentials of a service that the caller is in the scope of, the narrowest first.
func (s *standing) accounts(of *registry.Service) (all []*account, err error) {
	for _, scope := range s.in {
		list, err := s.k.accounts(s.v, s.b, of, scope)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// of returns how a capability stands, nil for callers who may not use it. all are the service's credentials.
func (s *standing) of(svc *registry.Service, c *registry.Capability, all []*account) *client.Capability {
	out := client.Capability{ID: c.ID, Service: svc.ID, State: stateAvailable, Risk: string(c.Risk), Methods: c.Methods, Missing: []string{}}
	answers := all
	if id := s.b.boundIn(c.ID, s.in); id != "" {
		answers = slices.DeleteFunc(slices.Clone(all), func(a *account) bool { return a.id != id })
	}
	scope := name.Scope(name.Global)
	for i, a := range answers {
		if i > 0 && !a.ready(c) {
			continue
		}
		out.State, out.Missing, scope = stateWaiting, a.missing(c), a.scope
		if a.ready(c) {
			out.State, out.Credential = stateReady, &a.id
			break
		}
	}
	if len(answers) == 0 {
		out.Missing = newAccount(svc.ID, svc, scope).missing(c)
	}
	if !s.mayUseCapability(svc, c, scope) {
		return nil
	}
	return &out
}

// describe returns how a service stands, nil for callers who may use nothing of it.
func (s *standing) describe(svc *registry.Service) (*client.Service, []client.Capability, error) {
	all, err := s.accounts(svc)
	if err != nil {
		return nil, nil, err
	}
	out := available(svc)
	switch i := slices.IndexFunc(all, func(a *account) bool { return a.ready(nil) }); {
	case i >= 0:
		out.State, out.Missing = stateReady, []string{}
	case len(all) > 0:
		out.State, out.Missing = stateWaiting, all[0].missing(nil)
	}
	var capabilities []client.Capability
	for i := range svc.Capabilities {
		if c := s.of(svc, &svc.Capabilities[i], all); c != nil {
			capabilities = append(capabilities, *c)
		}
	}
	if out.Capabilities = len(capabilities); out.Capabilities == 0 && !s.Owner {
		return nil, nil, nil
	}
	return &out, capabilities, nil
}

// available is a service of which there is no secret.
func available(svc *registry.Service) client.Service {
	out := client.Service{
		Service: svc.ID, Title: svc.Title, Docs: optional(svc.Docs), Origin: origin(svc), Hosts: svc.Hosts, Auth: string(svc.Auth.Kind),
		Secrets: []string{}, State: stateAvailable, Missing: newAccount(svc.ID, svc, name.Global).missing(nil), Capabilities: len(svc.Capabilities),
	}
	for i := range svc.Secrets {
		out.Secrets = append(out.Secrets, svc.Secrets[i].Name)
	}
	return out
}

// BuiltinServices are the services that come with the program, as they stand where there is no vault.
func BuiltinServices() (client.Services, error) {
	out := client.Services{Services: []client.Service{}}
	catalog, err := registry.NewCatalog()
	if err != nil {
		return out, err
	}
	for _, svc := range catalog.Services() {
		out.Services = append(out.Services, available(svc))
	}
	out.Total = len(out.Services)
	return out, nil
}

func origin(s *registry.Service) string {
	if s.Origin == registry.Builtin {
		return "built-in"
	}
	return "own"
}

// ServiceList returns the registry: for the owner all of it, for others what they may use something of.
func (k *Keeper) ServiceList(ctx context.Context, c Caller) (out client.Services, err error) {
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		out = client.Services{Services: []client.Service{}}
		d := decide(audit.Record{Action: "list", Object: k.vaultObject(), Reason: "services"})
		s, err := k.standing(v.asker, v.Reader)
		if err != nil {
			return d, err
		}
		for _, svc := range s.b.catalog.Services() {
			one, _, err := s.describe(svc)
			if err != nil {
				return d, err
			}
			if one != nil {
				out.Services = append(out.Services, *one)
			}
		}
		return d, nil
	})
	out.Total = len(out.Services)
	return out, err
}

// ServiceDescribe returns all about one service.
func (k *Keeper) ServiceDescribe(ctx context.Context, c Caller, id string) (out client.ServiceDescription, err error) {
	if err := name.Check(id); err != nil {
		return out, err
	}
	return out, k.read(ctx, c, func(v *query) (*decision, error) {
		d := decide(audit.Record{Action: "list", Object: audit.Object{Kind: "capability", Name: id}, Reason: "service"})
		s, err := k.standing(v.asker, v.Reader)
		if err != nil {
			return d, err
		}
		svc, ok := s.b.catalog.Service(id)
		if !ok {
			return d, v.noSuch(d, "service", id, noService(id))
		}
		one, capabilities, err := s.describe(svc)
		if err != nil {
			return d, err
		}
		if one == nil {
			return d, v.noSuch(d, "service", id, nil)
		}
		out = shapeService(svc, *one, capabilities)
		out.BaseURL = k.baseURL(svc)
		return d, nil
	})
}

// noSuch is what a caller is told of a service or capability that is not there, or that it may not use: the owner err, others that it
// is not permitted.
func (a *asker) noSuch(d *decision, kind, id string, err error) error {
	if a.Owner {
		return err
	}
	d.Result, d.Reason = audit.Denied, "no rule matched"
	if err != nil {
		d.Reason = string(fault.NotFound)
	}
	return refused(kind, id)
}

// hiding is err for the owner; for others, that a service or capability is missing is the same as that it is not permitted.
func (a *asker) hiding(d *decision, err error) error {
	var missing *fault.Error
	if !errors.As(err, &missing) || missing.Code != fault.NotFound {
		return err
	}
	return a.noSuch(d, "service", missing.Object, err)
}

// baseURL returns where programs reach a service with a token in the place of its key; nil while nothing listens.
func (k *Keeper) baseURL(svc *registry.Service) *string {
	if k.opts.BaseURL == nil {
		return nil
	}
	root := k.opts.BaseURL()
	if root == "" {
		return nil
	}
	return optional(root + "/svc/" + svc.ID)
}

func shapeService(svc *registry.Service, one client.Service, capabilities []client.Capability) client.ServiceDescription {
	out := client.ServiceDescription{
		Service: one, Capability: capabilities, Pin: pinOf(svc, ""), Checked: optional(svc.Checked), Placeholders: []client.Placeholder{},
		Env:     client.ServiceEnv{BaseURL: orEmpty(svc.Env.BaseURL), BasePath: svc.Env.BasePath, Key: orEmpty(svc.Env.Key), KeyForm: svc.Env.KeyForm},
		Network: client.NetworkAccess{AllowPrivate: svc.Network.AllowPrivate, PlainHTTP: svc.Network.PlainHTTP, CA: svc.Network.CAPEM != ""},
	}
	if out.Capability == nil {
		out.Capability = []client.Capability{}
	}
	for _, s := range svc.Secrets {
		out.Placeholders = append(out.Placeholders, client.Placeholder{Placeholder: s.Placeholder, Name: s.Name, Public: svc.IsPublic(s.Placeholder)})
	}
	return out
}

// ServiceAdd keeps a service of the user's own. Where one of that name is defined otherwise, the secrets that are sealed for it stay
// where they were meant to go, unless the request says that they may go where the new definition says.
func (k *Keeper) ServiceAdd(ctx context.Context, c Caller, r ServiceAddRequest) (out client.ServiceAdded, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	svc, err := registry.ParseService(r.File)
	if err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		out = client.ServiceAdded{Repinned: []string{}}
		d := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "capability", Name: svc.ID}, Reason: "service " + svc.ID + " added: " + svc.Hash()})
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return d, err
		}
		others := slices.DeleteFunc(b.catalog.Own(), func(s *registry.Service) bool { return s.ID == svc.ID })
		catalog, err := registry.NewCatalog(append(others, svc)...)
		if err != nil {
			return d, err
		}
		record := b.own[svc.ID]
		if record == "" {
			record, out.Created = serviceRecord, true
		}
		if out.Repinned, err = repin(tx, svc, r.Repin); err != nil {
			return d, err
		}
		if err := putPlain(tx.Tx, record, svc.Encode()); err != nil {
			return d, err
		}
		s := &standing{asker: tx.asker, v: &tx.Reader, b: &brokerage{catalog: catalog, made: b.made, credentials: b.credentials}, in: []name.Scope{name.Global}}
		one, _, err := s.describe(svc)
		if one != nil {
			out.Service = *one
		}
		return d, err
	})
}

// repin finds the secrets that are sealed for another definition of a service, and seals them for this one if that is wanted.
func repin(tx *change, svc *registry.Service, wanted bool) ([]string, error) {
	want := pinOf(svc, "")
	var old []*vault.Secret
	err := tx.Each(func(s *vault.Secret) error {
		if at, _ := pinned(s.Pin); strings.HasPrefix(s.Pin, string(registry.Own)+"/") && pinnedService(s.Pin) == svc.ID && at != want {
			old = append(old, s.Clone())
		}
		return nil
	})
	names := []string{}
	for _, s := range old {
		names = append(names, s.Name)
	}
	switch {
	case err != nil || len(old) == 0:
		return names, err
	case !wanted:
		return nil, fault.New(fault.Conflict, "%s are sealed for %s as it was defined before", strings.Join(names, ", "), svc.ID).About(svc.ID).
			WithFix("if they may go where this file says: tacit service add FILE --repin")
	}
	for _, s := range old {
		_, host := pinned(s.Pin)
		if _, err := tx.SetExposure(s, s.Sealed, pinOf(svc, host)); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// ServiceRemove forgets a service of the user's own, with its credentials, bindings and limits. Its secrets stay, and stay sealed.
func (k *Keeper) ServiceRemove(ctx context.Context, c Caller, id string) (out client.ServiceRemoved, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		out = client.ServiceRemoved{Service: id, CredentialsRemoved: []string{}}
		d := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "capability", Name: id}, Reason: "service " + id + " removed"})
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return d, err
		}
		svc, ok := b.catalog.Service(id)
		if !ok {
			return d, noService(id)
		}
		if svc.Origin == registry.Builtin {
			return d, fault.New(fault.Conflict, "%s comes with tacit", id).About(id).WithFix("only services of your own can be removed: tacit service list")
		}
		forget := &forgetting{brokerage: b, tx: tx}
		for _, made := range b.credentials {
			if made.Service != id {
				continue
			}
			if err := forget.credential(made.ID); err != nil {
				return d, err
			}
		}
		if _, err := b.unbind(tx.Tx, id); err != nil {
			return d, err
		}
		for i := range svc.Capabilities {
			if l := b.limits[svc.Capabilities[i].ID]; l != nil {
				if err := removeRecord(tx.Tx, l.record); err != nil {
					return d, err
				}
			}
		}
		slices.Sort(forget.removed)
		out.CredentialsRemoved = append(out.CredentialsRemoved, forget.removed...)
		return d, removeRecord(tx.Tx, b.own[id])
	})
}
