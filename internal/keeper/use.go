package keeper

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"tacit/internal/audit"
	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/registry"
)

// Use sends a request to a service with a credential that the caller never sees. The decision is recorded before anything is dialled,
// and what became of it when the answer's body is closed (I16).
func (k *Keeper) Use(ctx context.Context, c Caller, r UseRequest) (*Used, error) {
	for _, n := range []string{r.Capability, r.Service, r.Credential} {
		if n == "" {
			continue
		}
		if err := name.Check(n); err != nil {
			return nil, err
		}
	}
	u := &using{k: k, began: k.opts.Now()}
	if err := k.read(ctx, c, func(v *query) (*decision, error) {
		d, err := u.decide(v, r)
		if d.Result == "" && errors.Is(err, fault.Denied) { // not by policy: by what the request is
			d.Result, d.Reason = audit.Denied, err.Error()
		}
		return d, err
	}); err != nil {
		return nil, err
	}
	watched, stop := k.whileAllowed(ctx, c, func(a *asker) error {
		return a.allow(decide(audit.Record{}), u.object, u.object.Name, policy.Use)
	})
	answer, err := k.broker().Do(watched, u.use)
	if err != nil {
		err = originated(ended(watched, err)) // before stop, which ends what is watched too
		stop()
		u.end(ctx, 0, broker.Stats{}, err)
		return nil, err
	}
	body := &useBody{body: answer.Body, over: func(err error) {
		stop()
		u.end(ctx, answer.Status, answer.Stats(), err)
	}, cause: func() error { return context.Cause(watched) }}
	return &Used{
		Capability: u.object.Name, Credential: u.credential, Status: answer.Status, Header: answer.Header, Body: body, Stats: answer.Stats,
	}, nil
}

// originated says in the error itself whose failure it is.
func originated(err error) error {
	var p *broker.Problem
	if errors.As(err, &p) {
		p.Fault.Origin = string(p.Origin)
	}
	return err
}

// using is one use of a capability, from its decision to its end.
type using struct {
	k          *Keeper
	began      time.Time
	use        broker.Use
	object     policy.Object
	credential string
	by         Caller // as it was admitted
	decided    *decision
	revision   uint64
}

// decide finds the capability and the credential that answers, and asks policy.
func (u *using) decide(v *query, r UseRequest) (*decision, error) {
	d := decide(audit.Record{Stage: audit.Use, Action: "use", Object: audit.Object{Kind: "capability", Name: r.Capability + r.Service}})
	d.Request = &audit.Request{Method: r.Method, Path: clipPath(r.Path)}
	u.decided, u.by, u.revision = d, v.Caller, v.Anchor().Revision
	b, err := u.k.brokerage(v.Reader)
	if err != nil {
		return d, err
	}
	svc, asked, err := v.asks(d, b, &r)
	if err != nil {
		return d, err
	}
	if err := misplaced(svc, r.Token); err != nil {
		return d, v.outside(d, svc, asked, nil, err)
	}
	request, err := broker.Canonicalise(r.Request)
	if err != nil {
		return d, v.outside(d, svc, asked, nil, err)
	}
	d.Request.Method, d.Request.Path = request.Method(), request.Path()
	capability, err := broker.Match(svc, request)
	if err != nil || asked != nil && capability != asked {
		return d, v.outside(d, svc, asked, capability, err)
	}
	d.Object.Name = capability.ID

	chosen, err := v.answers(v.Reader, b, svc, capability, r.Credential)
	account, scope := chosen.account, name.Scope(name.Global)
	if err == nil {
		scope, u.credential = account.scope, account.id
		d.Request.Credential, d.Object.Scope = account.id, string(scope)
	}
	u.object = capabilityObject(svc, capability, scope, request.Method(), request.Path())
	if denied := v.allow(d, u.object, capability.ID, policy.Use); denied != nil {
		return d, v.unnamed(svc, asked, denied)
	}
	if err != nil {
		return d, err
	}
	prepared, err := u.k.prepare(v.Reader, chosen, capability)
	if err != nil {
		return d, err
	}
	if err := request.Reserve(prepared.Reserved()); err != nil {
		return d, err
	}
	u.use = broker.Use{
		Request: request, Service: svc, Capability: capability, Host: account.hostFor(capability), Credential: prepared, Principal: v.Principal,
	}
	if l := b.limits[capability.ID]; l != nil {
		u.use.Limits, u.use.Redact = l.Limits.broker(), l.Redact
	}
	if r.Timeout > 0 && (u.use.Limits.Timeout == 0 || r.Timeout < u.use.Limits.Timeout) {
		u.use.Limits.Timeout = r.Timeout
	}
	return d, nil
}

// asks returns the service of a request, and the capability when it names one. It completes what the capability leaves no choice about:
// the path when there is one, the method when there is one.
func (a *asker) asks(d *decision, b *brokerage, r *UseRequest) (*registry.Service, *registry.Capability, error) {
	if r.Capability == "" {
		svc, ok := b.catalog.Service(r.Service)
		if !ok {
			return nil, nil, a.noSuch(d, "service", r.Service, noService(r.Service))
		}
		return svc, nil, nil
	}
	svc, capability, ok := b.catalog.Capability(r.Capability)
	if !ok {
		return nil, nil, a.noSuch(d, "capability", r.Capability, noCapability(r.Capability))
	}
	if r.Method == "" || r.Path == "" {
		if !a.mayUseAnywhere(svc, capability) {
			denied := a.allow(d, capabilityObject(svc, capability, name.Global, r.Method, r.Path), r.Capability, policy.Use)
			if denied != nil {
				return nil, nil, denied
			}
		}
		if err := complete(r, capability); err != nil {
			return nil, nil, err
		}
	}
	return svc, capability, nil
}

// outside is what to say of a request that no capability allows, or another one than was named. Who may not use the named one is not
// told where it ends.
func (a *asker) outside(d *decision, svc *registry.Service, asked, got *registry.Capability, err error) error {
	may, id := a.mayUseSome(svc), svc.ID
	if asked != nil {
		may, id = a.mayUseAnywhere(svc, asked), asked.ID
	}
	if !may {
		denied := a.allow(d, policy.Object{Kind: policy.Capability, Name: id, Service: svc.ID}, id, policy.Use)
		if denied != nil {
			return a.unnamed(svc, asked, denied)
		}
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Denied, "%s %s belongs to %s, not to %s", d.Request.Method, d.Request.Path, got.ID, asked.ID).About(asked.ID).
		WithFix("tacit capability describe %s", asked.ID)
}

// mayUseSome reports whether the caller may use anything of a service.
func (a *asker) mayUseSome(s *registry.Service) bool {
	return slices.ContainsFunc(s.Capabilities, func(c registry.Capability) bool { return a.mayUseAnywhere(s, &c) })
}

// mayUseAnywhere reports whether the caller may use a capability with a credential of any scope that it is in.
func (a *asker) mayUseAnywhere(s *registry.Service, c *registry.Capability) bool {
	in, err := scopes(a.Caller, "")
	return err == nil && slices.ContainsFunc(in, func(scope name.Scope) bool { return a.mayUseCapability(s, c, scope) })
}

// unnamed is a refusal for a caller who named a service and no capability: who may use nothing of it is told no more than when there is
// no such service.
func (a *asker) unnamed(s *registry.Service, asked *registry.Capability, denied error) error {
	if asked != nil || a.mayUseSome(s) {
		return denied
	}
	return refused("service", s.ID)
}

// maxRecordedPath bounds what a refused path may take of the log.
const maxRecordedPath = 1024

func clipPath(p string) string { return p[:min(len(p), maxRecordedPath)] }

// end records what became of a use.
func (u *using) end(ctx context.Context, status int, s broker.Stats, err error) {
	end := u.decided.Record
	request := *end.Request
	request.Status, request.BytesUp, request.BytesDown, request.Redactions = status, s.BytesUp, s.BytesDown, s.Redactions
	request.DurationMS = u.k.opts.Now().Sub(u.began).Milliseconds()
	end.Stage, end.Of, end.Request, end.Result, end.Reason = audit.Ended, u.decided.seq, &request, "", ""
	u.k.complete(&end, u.by, err)
	if u.k.opts.Lazy && u.k.ends.add(&end, func() { u.k.writeEnds(context.Background()) }) {
		return
	}
	// The decision is in the log already; that its end is missing there says that it is not known.
	_, _ = u.k.log.Append(context.WithoutCancel(ctx), false, func(audit.Last) ([]*audit.Record, error) {
		return []*audit.Record{&end}, nil
	})
}

// useBody is the body of an answer: it tells when it is over, once.
type useBody struct {
	body  io.ReadCloser
	over  func(err error)
	cause func() error

	mu   sync.Mutex
	last error // what Read returned at the end
	done bool
}

func (b *useBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := b.cause(); cause != nil && !errors.Is(cause, context.Canceled) {
			err = cause // the caller's token was revoked, for one
		}
		err = originated(err)
		b.mu.Lock()
		b.last = err
		b.mu.Unlock()
	}
	return n, err
}

func (b *useBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return nil
	}
	b.done = true
	err := b.body.Close()
	b.over(b.last)
	return err
}
