package vault

import (
	"iter"

	"tacit/internal/envelope"
)

// List is [Reader.Each] for many secrets: several goroutines open the metadata. fn runs in the caller's, in the order of the ids,
// but must not read from r.
func (r *Reader) List(fn func(*Secret) error) error {
	return listed(r, func(s *Secret) (struct{}, error) { return struct{}{}, nil }, func(s *Secret, _ struct{}) error { return fn(s) })
}

// listed calls work with the metadata of every secret, in several goroutines, and use with each and its result, in the caller's
// and in the order of the ids. Neither may read from r. At the end it proves that no secret was missing.
func listed[R any](r *Reader, work func(*Secret) (R, error), use func(*Secret, R) error) error {
	type opened struct {
		secret *Secret
		mark   [envelope.MarkSize]byte
		result R
	}
	records, failed := r.records(KindSecret)
	next, stop := iter.Pull2(records)
	defer stop()
	got := sum{XOR: make([]byte, envelope.MarkSize)}
	err := ordered(func() ([2][]byte, bool, error) {
		key, record, ok := next()
		return [2][]byte{key, record}, ok, *failed
	}, func(kv [2][]byte) (o opened, err error) {
		id, err := idOfKey(kv[0])
		if err != nil {
			return o, err
		}
		if o.secret, err = r.openSecret(KindSecret, kv[0], id, kv[1]); err != nil {
			return o, err
		}
		if o.mark, err = r.v.mark(r.anchor.Leaving, KindSecret, kv[0], kv[1]); err != nil {
			return o, err
		}
		o.result, err = work(o.secret)
		return o, err
	}, func(o opened) error {
		got.add(o.mark)
		return use(o.secret, o.result)
	})
	if err != nil {
		return err
	}
	return r.compare(KindSecret, &got)
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
