package vault

import (
	"sync"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// proof remembers in which state each kind was last proved complete, so that a long-lived process proves it once a commit.
type proof struct {
	mu     sync.Mutex
	proved map[Kind]proved
}

// proved is a state. The stamp changes with a commit by anybody, the revision only with one of ours.
type proved struct {
	stamp    engine.Stamp
	revision uint64
}

// proveComplete compares all records of a kind with the anchor's accumulator: none is missing, added or put back.
// It reads every key of the kind but decrypts nothing.
//
// Of a transaction it is the stored state that is proved: what the transaction itself changed is in this process only.
func (r *Reader) proveComplete(kind Kind) error {
	if r.stored != nil {
		r = r.stored
	}
	p := &r.v.proof
	stamp, err := r.v.eng.Stamp()
	if err != nil {
		return err
	}
	now := proved{stamp, r.anchor.Revision}
	p.mu.Lock()
	last, ok := p.proved[kind]
	p.mu.Unlock()
	if ok && last == now {
		return nil
	}
	var got sum
	got.XOR = make([]byte, envelope.MarkSize)
	err = r.src.Scan([]byte{byte(kind)}, nil, func(key, record []byte) error {
		return r.addMark(&got, kind, key, record)
	})
	if err != nil {
		return err
	}
	if err := r.compare(kind, &got); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proved == nil {
		p.proved = make(map[Kind]proved)
	}
	p.proved[kind] = now
	return nil
}

// addMark adds the mark of one record to an accumulator.
func (r *Reader) addMark(to *sum, kind Kind, key, record []byte) error {
	mark, err := r.v.mark(r.anchor.Leaving, kind, key, record)
	if err != nil {
		return err
	}
	to.add(mark)
	return nil
}

// mark returns the mark of a record in a state that is leaving an epoch (0: none). It is made with the keys of the epoch in the
// record's header, but for values, which a rotation does not rewrite: theirs stays of the old epoch until the rotation is over.
func (v *Vault) mark(leaving uint32, kind Kind, key, record []byte) (m [envelope.MarkSize]byte, err error) {
	h, err := revisionOf(kind, record)
	if err != nil {
		return m, damaged(kind, "", err)
	}
	epoch := h.Epoch
	if kind == KindValue {
		if epoch = v.ring.Current().Epoch(); leaving != 0 {
			epoch = leaving
		}
	}
	keys := v.ring.Epoch(epoch)
	if keys == nil {
		return m, damaged(kind, "", envelope.ErrOpen)
	}
	return keys.Mark(key, h.Revision), nil
}

// compare returns an error unless got is what the anchor says.
func (r *Reader) compare(kind Kind, got *sum) error {
	want := sum{XOR: make([]byte, envelope.MarkSize)}
	if i := sumIndex(kind); i >= 0 && i < len(r.anchor.Sums) {
		want = r.anchor.Sums[i]
	}
	if got.equal(&want) {
		return nil
	}
	if got.Count == want.Count {
		return fault.New(fault.RolledBack, "read vault: %s records are not the ones that were written (one was put back or exchanged)", kind).WithFix("%s", engine.DamageFix)
	}
	return fault.New(fault.Corrupted, "read vault: %d %s records, there should be %d", got.Count, kind, want.Count).WithFix("%s", engine.DamageFix)
}
