package chain

import (
	"time"

	"tacit/internal/provider"
)

// ttl is how long an answer of the provider may be used after the run; 0: not at all. What is asked in this process needs none.
func (m *member) ttl() time.Duration {
	c := m.chain
	switch {
	case m.local() || c.opts.Cache.Dir == "":
		return 0
	case m.cacheTTL != nil:
		return min(*m.cacheTTL, c.hardAge())
	case m.anything():
		return 0 // unless it is asked for of this one, since it ends with anything that changes around the program
	}
	return min(c.opts.Cache.TTL, c.hardAge())
}

// limit is how old a kept answer may be that is used. Offline that is what is not too old for anybody; who says --max-age, says it.
func (m *member) limit() time.Duration {
	switch c := m.chain; {
	case c.opts.MaxAge != nil:
		return min(*c.opts.MaxAge, c.hardAge())
	case c.opts.Offline:
		return c.hardAge()
	}
	return m.ttl()
}

// young reports whether the answer of a flight may be used by who asks at a time; one that is not here yet may be. One command uses what
// it was told until it ends. The provider is made.
func (m *member) young(f *flight, now time.Time) bool {
	select {
	case <-f.done:
	default:
		return true
	}
	limit := m.limit()
	switch c := m.chain; {
	case c.opts.MaxAge != nil:
	case !c.opts.Serving:
		limit = c.hardAge()
	case !m.remote():
		limit = 0 // it is asked at no cost
	}
	return now.Sub(f.at) < limit
}

// place is what an answer of the provider is bound to. The provider is made.
func (m *member) place(q provider.Asked) place { return place{m.print, q.Name, q.Version} }

// recall takes in what is kept and may still be used.
func (m *member) recall(kept *box, asked []provider.Asked) {
	if kept == nil || !m.remote() {
		return
	}
	now, limit := m.chain.opts.World.Now(), m.limit()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range asked {
		if f := m.flights[q]; f != nil && m.young(f, now) {
			continue
		}
		if item, at, ok := kept.load(m.place(q), limit); ok {
			f := &flight{asked: q, done: make(chan struct{}), item: item, at: at, kept: true}
			close(f.done)
			m.flights[q] = f
		}
	}
}

// remote reports whether the store is asked over a network: only then keeping what it answered is worth it. The provider is made.
func (m *member) remote() bool { return m.made.Traits().Remote }

// recalled returns what is here already, without asking.
func (m *member) recalled(q provider.Asked) (fetched, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.chain.opts.World.Now()
	f := m.flights[q]
	if f == nil || !m.young(f, now) {
		return fetched{}, false
	}
	select {
	case <-f.done:
		return f.answer(now), f.err == nil
	default:
		return fetched{}, false
	}
}

// remember keeps what was just answered.
func (m *member) remember(kept *box, asked []provider.Asked) {
	if kept == nil || !m.remote() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range asked {
		f := m.flights[q]
		if f == nil || f.kept {
			continue
		}
		select {
		case <-f.done:
		default:
			continue
		}
		if f.err == nil {
			f.kept = true
			if err := kept.keep(m.place(q), f.item, f.at); err != nil {
				m.chain.opts.World.Debug("an answer was not kept", "provider", m.spec.Name, "why", err)
			}
		}
	}
}

// unlearn drops what is kept about a secret that was, or may have been, changed.
func (m *member) unlearn(kept *box, n string) {
	if kept == nil {
		return
	}
	kept.drop(m.place(provider.Asked{Name: n}))
}
