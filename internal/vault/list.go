package vault

import (
	"iter"

	"tacit/internal/envelope"
)

// Select calls pick with the metadata of every secret, in several goroutines, and use with what it picked, in the caller's and in
// the order of the ids. At the end it proves that no secret was missing. The Secret is valid until pick returns; pick must not
// read from r.
func Select[R any](r *Reader, pick func(*Secret) (R, bool), use func(R) error) error {
	return selected(r, func(s *Secret) (picked R, ok bool, err error) {
		picked, ok = pick(s)
		return picked, ok, nil
	}, use)
}

// selected is Select with a pick that can fail.
func selected[R any](r *Reader, pick func(*Secret) (R, bool, error), use func(R) error) error {
	records, failed := r.records(KindSecret)
	next, stop := iter.Pull2(records)
	defer stop()
	var sums []*sum // one a goroutine
	err := ordered(func() ([2][]byte, bool, error) {
		key, record, ok := next()
		return [2][]byte{key, record}, ok, *failed
	}, func() func([2][]byte) (R, bool, error) {
		got := &sum{XOR: make([]byte, envelope.MarkSize)}
		sums = append(sums, got)
		o, s := opener{r: r, kind: KindSecret, seen: make(words)}, new(Secret)
		return func(kv [2][]byte) (picked R, ok bool, err error) {
			if s.ID, err = idOfKey(kv[0]); err != nil {
				return picked, false, err
			}
			if _, err = o.open(s, kv[0], kv[1]); err != nil {
				return picked, false, err
			}
			if err = r.addMark(got, KindSecret, kv[0], kv[1]); err != nil {
				return picked, false, err
			}
			return pick(s)
		}
	}, use)
	if err != nil {
		return err
	}
	all := sum{XOR: make([]byte, envelope.MarkSize)}
	for _, s := range sums {
		all.merge(s)
	}
	return r.compare(KindSecret, &all)
}

// records returns a scan as an iterator, and where its error will be.
func (r *Reader) records(kind Kind) (iter.Seq2[[]byte, []byte], *error) {
	failed := new(error)
	return func(yield func(key, record []byte) bool) {
		*failed = r.src.Scan([]byte{byte(kind)}, nil, func(key, record []byte) error {
			if !yield(key, record) {
				return errAbandon
			}
			return nil
		})
	}, failed
}

func idOfKey(key []byte) (ID, error) {
	var id ID
	if len(key) != 1+len(id) {
		return id, damaged(KindSecret, "", envelope.ErrMalformed)
	}
	copy(id[:], key[1:])
	return id, nil
}
