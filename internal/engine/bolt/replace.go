package bolt

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

// Bounds of what is collected before it is written as one transaction.
const (
	runBytes = 16 << 20
	runKeys  = 1 << 16
)

// Create makes a new database at path with what fill puts, readable and writable by its owner only. It appears whole and durable
// or not at all. A file that is there already is fault.Exists; the directory must exist.
func Create(ctx context.Context, path string, opts Options, fill func(put func(key, value []byte) error) error) error {
	e := Open(path, opts)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		f, err := e.makeLock()
		if err != nil {
			return e.ioError(err, "make %s", e.lockPath())
		}
		f.Close()
	}
	l, err := e.lock(ctx, exclusive)
	if err != nil {
		return err
	}
	defer l.release()
	e.opts.Trace(Locked)
	// Every tacit that makes a vault holds the lock, so what is absent now stays absent until the rename.
	if _, err := os.Lstat(path); err == nil {
		return fault.New(fault.Exists, "there is a vault at %s", path).
			WithFix("use it, or move it away first").About(path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return e.ioError(err, "make %s", path)
	}
	return e.replace(0, fill)
}

// Replace implements [engine.Writer]. The content is written as a new file beside the database, with the owner's access only
// and under a name that the next Replace removes should this one be killed, and renamed.
func (w *writer) Replace(fill func(put func(key, value []byte) error) error) error {
	if err := w.spend(); err != nil {
		return err
	}
	return w.engine.replace(w.meta.txid, fill)
}

// replace builds a database and puts it in the place of the present one. Generations go on above generation. The lock is held.
func (e *Engine) replace(generation uint64, fill func(put func(key, value []byte) error) error) error {
	dir, pattern := filepath.Dir(e.path), "."+filepath.Base(e.path)+".new-*"
	stale, _ := filepath.Glob(filepath.Join(dir, pattern))
	for _, name := range stale {
		_ = os.Remove(name) // of one that was killed: nobody else holds the lock
	}
	f, err := os.CreateTemp(dir, pattern) // 0600, O_EXCL
	if err != nil {
		return e.ioError(err, "make a file in %s", dir)
	}
	renamed := false
	defer func() {
		f.Close()
		if !renamed {
			_ = os.Remove(f.Name())
		}
	}()
	e.opts.Trace(Replacing)
	if err := e.build(f, fill); err != nil {
		return err
	}
	if err := raiseTxids(f, generation); err != nil {
		return e.ioError(err, "write %s", f.Name())
	}
	if err := f.Sync(); err != nil {
		return e.ioError(err, "write %s", f.Name())
	}
	e.opts.Trace(Filled)
	if err := f.Close(); err != nil {
		return e.ioError(err, "write %s", f.Name())
	}
	if err := os.Rename(f.Name(), e.path); err != nil {
		return e.ioError(err, "replace %s", e.path)
	}
	renamed = true
	e.opts.Trace(Renamed)
	if err := syncDir(dir); err != nil {
		return fault.Wrap(fault.Failed, err, "%s was replaced, but the disk did not confirm that the change will last", e.path).
			WithFix("check the disk, then run `tacit doctor`").About(e.path)
	}
	e.opts.Trace(Replaced)
	return nil
}

// build fills the new file without syncing it. Errors of fill come back as they are.
func (e *Engine) build(f *os.File, fill func(put func(key, value []byte) error) error) error {
	db, err := openBbolt(f.Name(), f, &bbolt.Options{NoSync: true, NoGrowSync: true})
	if err != nil {
		return e.ioError(err, "make %s", f.Name())
	}
	defer db.close()
	r := &run{}
	flush := func() error {
		if err := db.update(r.write); err != nil {
			return e.ioError(err, "write %s", f.Name())
		}
		r.reset()
		return nil
	}
	err = fill(func(key, value []byte) error {
		if err := storable(key, value); err != nil {
			return err
		}
		r.add(key, value)
		if r.full() {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// run collects records until they are worth a transaction. It copies them into one buffer that it uses again.
type run struct {
	buffer  []byte
	records []record
	last    [256][]byte // greatest key written so far, by first byte
}

// record is where a key and its value lie in the buffer.
type record struct{ key, value, end int }

func (r *run) add(key, value []byte) {
	at := len(r.buffer)
	r.buffer = append(append(r.buffer, key...), value...)
	r.records = append(r.records, record{key: at, value: at + len(key), end: len(r.buffer)})
}

func (r *run) full() bool { return len(r.buffer) >= runBytes || len(r.records) >= runKeys }

func (r *run) reset() { r.buffer, r.records = r.buffer[:0], r.records[:0] }

func (r *run) key(x record) []byte { return r.buffer[x.key:x.value] }

// write puts the records in ascending order; of one key the last wins. Pages are filled to the brim while keys only grow, since
// nothing will be put between them. Keys of one first byte grow by themselves: a caller that writes several kinds of records side
// by side, each in its order, appends in several places, and fills pages as well as one that writes kind after kind.
func (r *run) write(b *bbolt.Bucket) error {
	slices.SortStableFunc(r.records, func(x, y record) int { return bytes.Compare(r.key(x), r.key(y)) })
	if r.grows() {
		b.FillPercent = 0.95
	}
	for _, x := range r.records {
		if err := b.Put(r.key(x), r.buffer[x.value:x.end:x.end]); err != nil {
			return err
		}
	}
	for _, x := range r.records {
		if key := r.key(x); bytes.Compare(key, r.last[key[0]]) > 0 {
			r.last[key[0]] = append(r.last[key[0]][:0], key...)
		}
	}
	return nil
}

// grows reports whether each sorted record lies behind everything with its first byte that was written before.
func (r *run) grows() bool {
	for _, x := range r.records {
		if key := r.key(x); bytes.Compare(key, r.last[key[0]]) <= 0 {
			return false
		}
	}
	return true
}

var _ engine.Writer = (*writer)(nil)
