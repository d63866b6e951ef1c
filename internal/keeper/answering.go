package keeper

import (
	"time"

	"tacit/internal/registry"
	"tacit/internal/vault"
)

// maxAnswering bounds how many answers are kept of one state of the vault.
const maxAnswering = 1024

// answering keeps which credential answers whom for a capability, as one state of the vault says: who makes the same request again and
// again must not have the same metadata opened each time. It says nothing of what is allowed, which is decided for each request.
type answering struct {
	state *vault.Anchor // tells states apart: each change of the vault makes another
	by    map[question]answer
}

// question is all that decides which credential answers, beside the state of the vault and the time.
type question struct {
	capability                  *registry.Capability // as it is defined now
	principal, workspace, group string
	credential                  string // that was asked for
}

// answer is a credential that is ready, and how long that is so if the vault does not change.
type answer struct {
	account *account
	key     preparedKey
	from    time.Time // when it was found: a clock that was put back finds anew
	until   vault.Millis
}

// answers is [asker.choose] for a request that is about to be sent, by what is kept where that says enough.
func (a *asker) answers(v *vault.Reader, b *brokerage, s *registry.Service, c *registry.Capability, asked string) (answer, error) {
	q := question{c, a.Principal, a.Workspace, a.Group, asked}
	now := a.k.opts.Now()
	if x, ok := a.k.prepared.known(v, q, now); ok {
		return x, nil
	}
	chosen, err := a.choose(v, b, s, c, asked)
	if err != nil {
		return answer{}, err
	}
	x := answer{account: chosen, key: chosen.key(c), from: now, until: chosen.until()}
	a.k.prepared.keep(v, q, x)
	return x, nil
}

// until is when the first of the secrets of an account that is ready expires; 0: never.
func (a *account) until() (first vault.Millis) {
	for _, s := range a.secrets {
		if s == nil {
			continue
		}
		for _, at := range []vault.Millis{s.ExpiresAt, s.ValidTo} {
			if at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
	}
	return first
}

// known returns what is kept about a question for the state of v.
func (p *prepared) known(v *vault.Reader, q question, now time.Time) (x answer, ok bool) {
	if !v.Stored() {
		return x, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answering.state != v.Anchor() {
		return x, false
	}
	x, ok = p.answering.by[q]
	return x, ok && !now.Before(x.from) && (x.until == 0 || vault.MillisOf(&now) < x.until)
}

func (p *prepared) keep(v *vault.Reader, q question, x answer) {
	if !v.Stored() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answering.state != v.Anchor() || len(p.answering.by) >= maxAnswering {
		p.answering = answering{state: v.Anchor(), by: map[question]answer{}}
	}
	p.answering.by[q] = x
}
