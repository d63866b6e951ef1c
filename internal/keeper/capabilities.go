package keeper

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/policy"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// CapabilityList returns the capabilities that the caller may use, and whether they would answer.
func (k *Keeper) CapabilityList(ctx context.Context, c Caller, r CapabilityListRequest) (out client.Capabilities, err error) {
	return out, k.read(ctx, c, func(v *query) (*decision, error) {
		out = client.Capabilities{Capabilities: []client.Capability{}}
		d := decide(audit.Record{Action: "list", Object: k.vaultObject(), Reason: "capabilities"})
		s, err := k.standing(v.asker, v.Reader)
		if err != nil {
			return d, err
		}
		for _, svc := range s.b.catalog.Services() {
			_, list, err := s.describe(svc)
			if err != nil {
				return d, err
			}
			for _, one := range list {
				switch one.State {
				case stateReady:
					out.Ready++
				case stateWaiting:
					out.Waiting++
				default:
					out.Available++
				}
				if !r.Ready || one.State == stateReady {
					out.Capabilities = append(out.Capabilities, one)
				}
			}
		}
		out.Total = len(out.Capabilities)
		return d, nil
	})
}

// capability finds a capability by its id, for callers who may use it.
func (s *standing) capability(d *decision, id string) (*registry.Service, *registry.Capability, *client.Capability, error) {
	svc, c, ok := s.b.catalog.Capability(id)
	if !ok {
		return nil, nil, nil, s.noSuch(d, "capability", id, noCapability(id))
	}
	all, err := s.accounts(svc)
	if err != nil {
		return nil, nil, nil, err
	}
	one := s.of(svc, c, all)
	if one == nil {
		return nil, nil, nil, s.noSuch(d, "capability", id, nil)
	}
	return svc, c, one, nil
}

func noCapability(id string) error {
	return fault.New(fault.NotFound, "no such capability: %.80s", id).About(id).WithFix("tacit capability list")
}

// capabilityRecord is a record about a capability as a whole, not one use of it.
func capabilityRecord(action, id, reason string) *decision {
	return decide(audit.Record{Action: action, Object: audit.Object{Kind: "capability", Name: id}, Reason: reason})
}

// CapabilityDescribe returns all that a program needs to call a capability.
func (k *Keeper) CapabilityDescribe(ctx context.Context, c Caller, id string) (out client.CapabilityDescription, err error) {
	if err := name.Check(id); err != nil {
		return out, err
	}
	return out, k.read(ctx, c, func(v *query) (*decision, error) {
		d := capabilityRecord("list", id, "")
		s, err := k.standing(v.asker, v.Reader)
		if err != nil {
			return d, err
		}
		svc, found, one, err := s.capability(d, id)
		if err != nil {
			return d, err
		}
		out, err = s.shape(svc, found, one)
		return d, err
	})
}

func (s *standing) shape(svc *registry.Service, c *registry.Capability, one *client.Capability) (client.CapabilityDescription, error) {
	out := client.CapabilityDescription{
		ID: c.ID, Service: svc.ID, Title: cmp.Or(c.Title, svc.Title), Docs: optional(svc.Docs), Methods: c.Methods, Paths: []string{}, Hosts: c.Hosts,
		Risk: string(c.Risk), Ready: one.State == stateReady, State: one.State, Missing: one.Missing, Credentials: []string{},
		Returns: orEmpty(c.Returns), Redact: []string{}, BaseURL: s.k.baseURL(svc), Example: shapeExample(c),
	}
	if len(out.Hosts) == 0 {
		out.Hosts = svc.Hosts
	}
	for _, p := range c.Paths {
		out.Paths = append(out.Paths, p.Text)
	}
	if l := s.b.limits[c.ID]; l != nil {
		out.Limits, out.Redact = shapeLimits(l), orEmpty(l.Redact)
	}
	all, err := s.accounts(svc)
	for _, a := range all {
		if a.ready(c) {
			out.Credentials = append(out.Credentials, a.id)
		}
	}
	return out, err
}

func shapeLimits(l *limit) (out client.CapabilityLimits) {
	if n := l.Limits.RatePerMinute; n != 0 {
		out.RatePerMinute = &n
	}
	if n := l.Limits.MaxRequestBytes; n != 0 {
		out.MaxRequestBytes = &n
	}
	if n := l.Limits.MaxResponseBytes; n != 0 {
		out.MaxResponseBytes = &n
	}
	if n := l.Limits.TimeoutMS; n != 0 {
		out.TimeoutMS = &n
	}
	if n := l.Limits.Concurrency; n != 0 {
		out.Concurrency = &n
	}
	return out
}

func shapeExample(c *registry.Capability) client.CapabilityExample {
	e := c.Example
	out := client.CapabilityExample{Method: e.Method, Path: e.Path, Headers: map[string]string{}}
	words := []string{"tacit invoke", c.ID}
	if e.Method == "" {
		out.Method, out.Path = c.Methods[0], firstPath(c)
	}
	words = append(words, "--method", out.Method, "--path", quote(out.Path))
	if e.Query != "" {
		out.Path += "?" + e.Query
		for pair := range strings.SplitSeq(e.Query, "&") {
			words = append(words, "--query", quote(pair))
		}
	}
	for _, h := range e.Headers {
		out.Headers[h.Name] = h.Value
		words = append(words, "--header", quote(h.Name+"="+h.Value))
	}
	if e.Body != "" {
		words = append(words, "--body", quote(e.Body))
		if out.Body = json.RawMessage(e.Body); !json.Valid(out.Body) {
			out.Body, _ = json.Marshal(e.Body)
		}
	}
	out.Command = strings.Join(words, " ")
	return out
}

// quote returns s as one word of a POSIX shell.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./=:,@", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// manageServices is what it takes to change limits and bindings.
func (t *change) manageServices(d *decision) (*standing, error) {
	if err := t.allow(d, policy.Object{Kind: policy.Vault}, "", policy.Admin); err != nil {
		return nil, err
	}
	return t.k.standing(t.asker, &t.Reader)
}

// CapabilityLimit changes what a capability is bound by.
func (k *Keeper) CapabilityLimit(ctx context.Context, c Caller, r LimitRequest) (out client.CapabilityDescription, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		d := capabilityRecord("admin", r.ID, "limits changed")
		s, err := tx.manageServices(d)
		if err != nil {
			return d, err
		}
		svc, found, ok := s.b.catalog.Capability(r.ID)
		if !ok {
			return d, noCapability(r.ID)
		}
		l := limit{record: limitRecord, Capability: r.ID}
		if old := s.b.limits[r.ID]; old != nil {
			l = *old
		}
		r.apply(&l)
		all, err := s.accounts(svc)
		if err != nil {
			return d, err
		}
		one := s.of(svc, found, all)
		if one == nil { // may change it, but not use it
			one = &client.Capability{ID: found.ID, State: stateAvailable, Missing: []string{}}
		}
		if out, err = s.shape(svc, found, one); err != nil {
			return d, err
		}
		out.Limits, out.Redact = shapeLimits(&l), orEmpty(l.Redact)
		return d, putRecord(tx.Tx, l.record, l)
	})
}

func (r *LimitRequest) check() error {
	if err := name.Check(r.ID); err != nil {
		return err
	}
	bad := r.RatePerMinute != nil && *r.RatePerMinute < 0 || r.MaxRequestBytes != nil && *r.MaxRequestBytes < 0 ||
		r.MaxResponseBytes != nil && *r.MaxResponseBytes < 0 || r.Timeout != nil && *r.Timeout < 0
	if bad {
		return fault.New(fault.Usage, "a limit is not negative").WithFix("0 takes it away")
	}
	if r.RatePerMinute == nil && r.MaxRequestBytes == nil && r.MaxResponseBytes == nil && r.Timeout == nil && len(r.Redact) == 0 {
		return fault.New(fault.Usage, "%s: which limit?", r.ID).About(r.ID).WithFix("tacit capability describe %s shows those that there are", r.ID)
	}
	for _, f := range r.Redact {
		if len(f) > name.MaxLen {
			return fault.New(fault.Usage, "a field to redact has a shorter name than that")
		}
	}
	return nil
}

func (r *LimitRequest) apply(l *limit) {
	if r.RatePerMinute != nil {
		l.Limits.RatePerMinute = *r.RatePerMinute
	}
	if r.MaxRequestBytes != nil {
		l.Limits.MaxRequestBytes = *r.MaxRequestBytes
	}
	if r.MaxResponseBytes != nil {
		l.Limits.MaxResponseBytes = *r.MaxResponseBytes
	}
	if r.Timeout != nil {
		l.Limits.TimeoutMS = r.Timeout.Milliseconds()
	}
	if len(r.Redact) > 0 {
		l.Redact = slices.DeleteFunc(slices.Clone(r.Redact), func(f string) bool { return f == "" })
	}
}

// CapabilityBind says which credential answers for a capability in a scope.
func (k *Keeper) CapabilityBind(ctx context.Context, c Caller, r BindRequest) (client.Binding, error) {
	return k.bind(ctx, c, r, "bound to "+r.Credential, func(tx *change, s *standing, at name.Scope, old *binding) (*binding, error) {
		svc, _, _ := s.b.catalog.Capability(r.Capability)
		in, err := scopes(Caller{Principal: tx.Principal, Owner: true, Workspace: tx.Workspace, Group: tx.Group}, "")
		if err != nil {
			return nil, err
		}
		known := false
		for _, scope := range append(in, at) {
			list, err := k.accounts(&tx.Reader, s.b, svc, scope)
			if err != nil {
				return nil, err
			}
			known = known || slices.ContainsFunc(list, func(a *account) bool { return a.id == r.Credential })
		}
		if !known {
			return nil, fault.New(fault.NotFound, "no such credential for %s: %.64s", svc.ID, r.Credential).About(r.Credential).WithFix("tacit credential list")
		}
		now := k.opts.Now()
		x := &binding{record: bindingRecord, Capability: r.Capability, Credential: r.Credential, Scope: at, CreatedAt: vault.MillisOf(&now)}
		if old != nil {
			x.record = old.record
		}
		return x, putRecord(tx.Tx, x.record, x)
	})
}

// CapabilityUnbind takes a binding back.
func (k *Keeper) CapabilityUnbind(ctx context.Context, c Caller, r BindRequest) (client.Binding, error) {
	return k.bind(ctx, c, r, "unbound", func(tx *change, _ *standing, at name.Scope, old *binding) (*binding, error) {
		if old == nil {
			return nil, fault.New(fault.NotFound, "%s is not bound in %s", r.Capability, at).About(r.Capability).WithFix("tacit capability bindings")
		}
		return old, removeRecord(tx.Tx, old.record)
	})
}

func (k *Keeper) bind(ctx context.Context, c Caller, r BindRequest, reason string, do func(*change, *standing, name.Scope, *binding) (*binding, error)) (out client.Binding, err error) {
	if err := name.Check(r.Capability); err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		d := capabilityRecord("admin", r.Capability, reason)
		s, err := tx.manageServices(d)
		if err != nil {
			return d, err
		}
		if _, _, ok := s.b.catalog.Capability(r.Capability); !ok {
			return d, noCapability(r.Capability)
		}
		at, err := home(tx.Caller, r.Scope)
		if err != nil {
			return d, err
		}
		d.Object.Scope = string(at)
		var old *binding
		for _, x := range s.b.bindings {
			if x.Capability == r.Capability && x.Scope == at {
				old = x
			}
		}
		x, err := do(tx, s, at, old)
		if err == nil {
			out = shapeBinding(x)
		}
		return d, err
	})
}

func shapeBinding(x *binding) client.Binding {
	return client.Binding{Capability: x.Capability, Credential: x.Credential, Scope: string(x.Scope), CreatedAt: x.CreatedAt.Time()}
}

// CapabilityBindings returns the bindings, to the owner and to who may change or audit them.
func (k *Keeper) CapabilityBindings(ctx context.Context, c Caller) (out client.Bindings, err error) {
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		out = client.Bindings{Bindings: []client.Binding{}}
		d := decide(audit.Record{Action: "list", Object: k.vaultObject(), Reason: "bindings"})
		if err := v.allow(d, policy.Object{Kind: policy.Vault}, "", policy.Audit, policy.Admin); err != nil {
			return d, err
		}
		b, err := k.brokerage(v.Reader)
		if err != nil {
			return d, err
		}
		for _, x := range b.bindings {
			out.Bindings = append(out.Bindings, shapeBinding(x))
		}
		order.By(out.Bindings, func(a, b client.Binding) int {
			return cmp.Or(cmp.Compare(a.Capability, b.Capability), cmp.Compare(a.Scope, b.Scope))
		})
		return d, nil
	})
	out.Total = len(out.Bindings)
	return out, err
}
