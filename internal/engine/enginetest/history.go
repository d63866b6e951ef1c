package enginetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"

	"tacit/internal/engine"
)

// History is a sequence of batches that follows from its seed, so that the state after each is known without having been there.
// Batch n sets the key "n" to n and changes a few of some hundred keys; every ReplaceEvery-th is made as a replacement of the
// whole storage.
type History struct {
	Seed         uint64
	ReplaceEvery int
}

// batch returns batch n, from 1.
func (h History) batch(n int) *engine.Batch {
	r := rand.New(rand.NewPCG(h.Seed, uint64(n)))
	b := &engine.Batch{}
	if n > 1 {
		b.Expect([]byte("n"), []byte(strconv.Itoa(n-1)))
	}
	b.Put([]byte("n"), []byte(strconv.Itoa(n)))
	for range 1 + r.IntN(8) {
		key := fmt.Appendf(nil, "k/%03d%s", r.IntN(200), strings.Repeat("-", 60))
		if r.IntN(3) == 0 {
			b.Delete(key)
			continue
		}
		size := r.IntN(300)
		switch r.IntN(20) {
		case 0:
			size = 3000 + r.IntN(20000)
		case 1, 2, 3:
			size = r.IntN(3000)
		}
		b.Put(key, []byte(strings.Repeat(strconv.Itoa(n)+" ", size/4)))
	}
	return b
}

func (h History) replaces(n int) bool { return h.ReplaceEvery > 0 && n%h.ReplaceEvery == 0 }

// Advance changes the state after batch n-1 into that after batch n.
func (h History) Advance(s State, n int) {
	for _, op := range h.batch(n).Ops {
		if op.Value == nil {
			delete(s, string(op.Key))
		} else {
			s[string(op.Key)] = string(op.Value)
		}
	}
}

// Step makes the next batch happen in e and returns its number.
func (h History) Step(ctx context.Context, e engine.Engine) (int, error) {
	w, err := e.Begin(ctx)
	if err != nil {
		return 0, err
	}
	last, err := position(w)
	if err != nil {
		w.Close()
		return 0, err
	}
	n := last + 1
	if h.replaces(n) {
		err = w.Replace(func(put func(k, v []byte) error) error {
			s := State{}
			err := w.Scan(nil, nil, func(k, v []byte) error { s[string(k)] = string(v); return nil })
			if err != nil {
				return err
			}
			h.Advance(s, n)
			for k, v := range s {
				if err := put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
			return nil
		})
	} else {
		err = w.Commit(h.batch(n))
	}
	return n, errors.Join(err, w.Close())
}

func position(s engine.Snapshot) (int, error) {
	v, ok, err := s.Get([]byte("n"))
	if err != nil || !ok {
		return 0, err
	}
	return strconv.Atoi(string(v))
}

// Ledger follows a history: it knows the state at the last batch that was seen.
type Ledger struct {
	History
	n     int
	state State
}

// Check opens nothing and reads everything: the content of e must be the state after batch acknowledged, or after the one that
// followed it, or any state between when more is allowed. It returns the batch that e is at.
func (l *Ledger) Check(ctx context.Context, e engine.Engine, acknowledged, atMost int) (int, error) {
	got, err := Contents(ctx, e)
	if err != nil {
		return 0, err
	}
	n := 0
	if v, ok := got["n"]; ok {
		if n, err = strconv.Atoi(v); err != nil {
			return 0, err
		}
	}
	if n < acknowledged || n > atMost {
		return n, fmt.Errorf("the storage is at batch %d; acknowledged was %d, begun %d", n, acknowledged, atMost)
	}
	if d := l.at(n).Diff(got); d != "" {
		return n, fmt.Errorf("at batch %d:\n%s", n, d)
	}
	return n, nil
}

// at returns the state after batch n. It is kept, since the next question is about a later one.
func (l *Ledger) at(n int) State {
	if l.state == nil || n < l.n {
		l.n, l.state = 0, State{}
	}
	for l.n < n {
		l.n++
		l.Advance(l.state, l.n)
	}
	return maps.Clone(l.state)
}
