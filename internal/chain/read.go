package chain

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// Get implements [keeper.API].
func (c *Chain) Get(ctx context.Context, who keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	a := c.getAll(ctx, who, []keeper.GetRequest{r})[0]
	return a.Read, a.Err
}

// GetMany implements [keeper.Batch]: it answers all of the requests.
func (c *Chain) GetMany(ctx context.Context, who keeper.Caller, rs []keeper.GetRequest) ([]keeper.Answer, error) {
	return c.getAll(ctx, who, rs), nil
}

// getAll asks each provider once for all that came to it.
func (c *Chain) getAll(ctx context.Context, who keeper.Caller, rs []keeper.GetRequest) []keeper.Answer {
	answers := make([]keeper.Answer, len(rs))
	walks := make([]*walk, 0, len(rs))
	for i := range rs {
		route, err := c.route(rs[i].Ref)
		if err != nil {
			answers[i].Err = err
			continue
		}
		walks = append(walks, &walk{request: rs[i], left: route, answer: &answers[i]})
	}
	for len(walks) > 0 {
		c.step(ctx, who, walks)
		walks = slices.DeleteFunc(walks, func(w *walk) bool { return w.over })
	}
	return answers
}

// A walk is one request on its way through the providers.
type walk struct {
	request keeper.GetRequest
	left    []*member // that are still to be asked, and the one that is
	asked   []string
	answer  *keeper.Answer
	over    bool
}

// step asks the next provider of each walk, the same one for all that came to it at once.
func (c *Chain) step(ctx context.Context, who keeper.Caller, walks []*walk) {
	next := map[*member][]*walk{}
	for _, w := range walks {
		next[w.left[0]] = append(next[w.left[0]], w)
	}
	var asking sync.WaitGroup
	for m, ws := range next {
		asking.Go(func() {
			got := m.ask(ctx, who, ws)
			for i, w := range ws {
				w.take(m, got[i])
			}
		})
	}
	asking.Wait()
}

// An answer is what a provider gave. Only when it is absent, the next one may be asked (I19): that is more than an error of class not
// found, which a missing field or version of a secret that is there has too.
type answer struct {
	keeper.Answer
	absent bool
}

// take ends the walk with an answer, unless the store does not have the secret and another one is left.
func (w *walk) take(m *member, a answer) {
	w.asked = append(w.asked, m.spec.Name)
	w.left = w.left[1:]
	if a.absent && len(w.left) > 0 {
		return
	}
	w.over = true
	*w.answer = a.Answer
	if a.absent && len(w.asked) > 1 {
		n := w.request.Name
		w.answer.Err = fault.New(fault.NotFound, "no such secret: %s, neither in %s", n, strings.Join(w.asked, " nor in ")).About(n).
			WithFix("tacit explain %s", n)
	}
}

// ask asks the provider for all the walks.
func (m *member) ask(ctx context.Context, who keeper.Caller, ws []*walk) []answer {
	if m.local() {
		return m.askLocal(ctx, who, ws)
	}
	out := make([]answer, len(ws))
	var able []int
	for i, w := range ws {
		if err := m.cannotScope(w.request.Ref); err != nil {
			// In the chain it has nothing of that scope; who names it is told.
			out[i] = answer{keeper.Answer{Err: err}, w.request.Provider == ""}
			continue
		}
		able = append(able, i)
	}
	for part := range slices.Chunk(able, keeper.MaxExternal) {
		m.askAllowed(ctx, who, ws, part, out)
	}
	return out
}

// askLocal asks the vault. When it does not find what was asked for, it may still have the secret.
func (m *member) askLocal(ctx context.Context, who keeper.Caller, ws []*walk) []answer {
	requests := make([]keeper.GetRequest, len(ws))
	for i, w := range ws {
		requests[i] = w.request
		requests[i].Provider = keeper.Local
	}
	out := make([]answer, len(ws))
	for i, a := range keeper.GetMany(ctx, m.chain.API, who, requests) {
		out[i] = answer{a, errors.Is(a.Err, fault.NotFound)}
		r := requests[i]
		several := len(ws[i].asked)+len(ws[i].left) > 1 // else the vault's own words are what is said
		if out[i].absent && (r.Version != 0 || r.Field != "") && several {
			out[i].absent = m.chain.lacks(ctx, who, r.Ref)
		}
	}
	return out
}

// lacks reports whether the vault has no version of a secret at all.
func (c *Chain) lacks(ctx context.Context, who keeper.Caller, r keeper.Ref) bool {
	_, err := c.API.Show(ctx, who, keeper.Ref{Name: r.Name, Scope: r.Scope, Provider: keeper.Local})
	return errors.Is(err, fault.NotFound)
}

// askAllowed asks for the walks with the numbers in part: what the keeper allows, after it wrote that down.
func (m *member) askAllowed(ctx context.Context, who keeper.Caller, ws []*walk, part []int, out []answer) {
	fail := func(err error) {
		for _, i := range part {
			out[i].Value.Wipe()
			out[i] = answer{keeper.Answer{Err: err}, false}
		}
	}
	var names []string
	for _, i := range part {
		if n := ws[i].request.Name; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	decided, err := m.chain.Decide(ctx, who, keeper.DecideRequest{Action: "read", Provider: m.spec.Name, Names: names, Cache: m.ttl() > 0})
	if err != nil {
		fail(err)
		return
	}
	kept := m.chain.open(decided.CacheKey)
	var allowed []int
	for _, i := range part {
		if n := ws[i].request.Name; slices.Contains(decided.Denied, n) {
			out[i] = answer{keeper.Answer{Err: keeper.Refused(n)}, false}
		} else {
			allowed = append(allowed, i)
		}
	}
	if len(allowed) == 0 {
		return
	}
	m.read(ctx, who, kept, ws, allowed, out)
	outcomes := map[string]keeper.Outcome{}
	for _, i := range allowed {
		n := ws[i].request.Name
		if old, ok := outcomes[n]; ok && old.Code == "" {
			continue // it was given in another version
		}
		o := keeper.Outcome{Name: n, Version: out[i].Version}
		if out[i].Err != nil {
			o = keeper.Outcome{Name: n, Code: fault.CodeOf(out[i].Err)}
		}
		outcomes[n] = o
	}
	if err := m.chain.Record(ctx, who, keeper.RecordRequest{ID: decided.ID, Outcomes: inOrder(names, outcomes)}); err != nil {
		fail(err) // nobody would know that it was given
	}
}

func inOrder(names []string, outcomes map[string]keeper.Outcome) []keeper.Outcome {
	out := make([]keeper.Outcome, 0, len(outcomes))
	for _, n := range names {
		if o, ok := outcomes[n]; ok {
			out = append(out, o)
		}
	}
	return out
}

// read asks the store for what is allowed.
func (m *member) read(ctx context.Context, who keeper.Caller, kept *box, ws []*walk, allowed []int, out []answer) {
	asked := make([]provider.Asked, len(allowed))
	for j, i := range allowed {
		asked[j] = provider.Asked{Name: ws[i].request.Name, Version: version(ws[i].request.Ref)}
	}
	got := m.look(ctx, who, kept, asked)
	for j, i := range allowed {
		w := ws[i]
		out[i] = m.answer(w.request, got[j])
		if out[i].absent && asked[j].Version != "" && len(w.left) > 1 {
			// Another store's version of that number is another thing, if this one has the secret at all.
			current := m.look(ctx, who, kept, []provider.Asked{{Name: w.request.Name}})[0]
			current.item.Value.Wipe()
			out[i].absent = errors.Is(current.err, fault.NotFound)
			if current.err != nil && !out[i].absent {
				out[i].Err = current.err
			}
		}
	}
}

// look asks the store, when it may be asked, for what is not kept from before.
func (m *member) look(ctx context.Context, who keeper.Caller, kept *box, asked []provider.Asked) []fetched {
	out := make([]fetched, len(asked))
	p, err := m.provider(ctx, who)
	if err != nil {
		for i := range out {
			out[i].err = err
		}
		return out
	}
	m.recall(kept, asked)
	if err := m.offline(p); err != nil {
		for i, q := range asked {
			if got, ok := m.recalled(q); ok {
				out[i] = got
			} else {
				out[i].err = err
			}
		}
		return out
	}
	out = m.fetch(ctx, p, asked)
	m.remember(kept, asked)
	return out
}

// offline is the error for a provider that --offline forbids to ask.
func (m *member) offline(p provider.Provider) error {
	if !m.chain.opts.Offline || !p.Traits().Remote {
		return nil
	}
	return provider.Errorf(fault.Unavailable, m.spec.Name, "--offline forbids to ask it").WithFix("leave --offline out")
}

// answer turns what the store said into what was asked for.
func (m *member) answer(r keeper.GetRequest, got fetched) answer {
	if got.err != nil {
		return answer{keeper.Answer{Err: got.err}, errors.Is(got.err, fault.NotFound)}
	}
	s := m.shape(got.item)
	if s.State == "expired" && !r.IncludeExpired {
		got.item.Value.Wipe()
		return answer{keeper.Answer{Err: provider.Errorf(fault.Expired, m.spec.Name, "%s has expired", r.Name).About(r.Name).
			WithFix("read it all the same with --include-expired")}, false}
	}
	value := got.item.Value
	if r.Field != "" {
		whole := value
		picked, err := keeper.Field(r.Name, bytes.Clone(whole.Reveal()), r.Field)
		whole.Wipe()
		if err != nil {
			return answer{keeper.Answer{Err: err}, false}
		}
		value = secret.New(picked)
	}
	return answer{keeper.Answer{Read: keeper.Read{Secret: s, Version: s.Version, Field: r.Field, Value: value}}, false}
}
