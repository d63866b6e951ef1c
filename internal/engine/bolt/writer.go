package bolt

import (
	"bytes"
	"errors"
	"os"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

// writer is the exclusive lock and the state that was found under it. bbolt opens the file in Commit only.
type writer struct {
	*tree
	engine *Engine
	lock   *lock
	file   *os.File
	spent  bool // Commit or Replace was called
}

// Commit implements [engine.Writer]. When it fails nothing was changed, except for the one error that says so.
func (w *writer) Commit(b *engine.Batch) error {
	if err := w.spend(); err != nil {
		return err
	}
	for _, x := range b.Expects {
		value, ok, err := w.Get(x.Key)
		if err != nil {
			return err
		}
		if ok != (x.Value != nil) || !bytes.Equal(value, x.Value) {
			return fault.New(fault.Conflict, "%s was changed meanwhile", w.engine.path).
				WithFix("run the command again").About(w.engine.path)
		}
	}
	if len(b.Ops) == 0 {
		return nil
	}
	for _, op := range b.Ops {
		if err := storable(op.Key, op.Value); err != nil {
			return err
		}
	}
	touched, err := w.prove(b.Ops)
	if err == nil {
		err = w.proveFreelist(touched)
	}
	if err != nil {
		return w.engine.classify(err)
	}
	w.engine.opts.Trace(Committing)
	if err := w.apply(b.Ops); err != nil {
		return w.failed(err)
	}
	w.engine.opts.Trace(Committed)
	return nil
}

// apply runs ops as one transaction of bbolt.
func (w *writer) apply(ops []engine.Op) error {
	db, err := openBbolt(w.engine.path, w.file, &bbolt.Options{})
	if err != nil {
		return err
	}
	defer db.close()
	return db.update(func(b *bbolt.Bucket) error {
		for _, op := range ops {
			var err error
			if op.Value == nil {
				err = b.Delete(op.Key)
			} else {
				err = b.Put(op.Key, op.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// failed gives an error of bbolt its class. A commit can fail after its meta page was written, when the disk takes the page but
// does not confirm it; then the caller must not believe that nothing happened.
func (w *writer) failed(err error) error {
	e := w.engine
	if m, merr := readMeta(w.file); merr == nil && m.txid != w.meta.txid {
		return fault.Wrap(fault.Failed, err, "%s was changed, but the disk did not confirm that the change will last", e.path).
			WithFix("check the disk, then run `tacit doctor`").About(e.path)
	}
	var p *panicked
	switch {
	case errors.As(err, &p):
		return e.damaged("%v", p)
	case errors.Is(err, berrors.ErrTimeout):
		return fault.New(fault.Busy, "%s is open in a program that is not tacit", e.path).
			WithFix("close it there").About(e.path)
	}
	return e.ioError(err, "write %s", e.path)
}

// Close implements [engine.Writer].
func (w *writer) Close() error {
	if w.lock == nil {
		return nil
	}
	w.file.Close()
	w.lock.release()
	w.lock, w.spent = nil, true
	return nil
}

func (w *writer) spend() error {
	if w.spent {
		return fault.New(fault.Failed, "this writer was used or closed before")
	}
	w.spent = true
	return nil
}

// storable checks what the format cannot hold.
func storable(key, value []byte) error {
	if len(key) == 0 || len(key) > maxKey {
		return fault.New(fault.Invalid, "a key of %d bytes cannot be stored (1 to %d)", len(key), maxKey)
	}
	if len(value) > bbolt.MaxValueSize {
		return fault.New(fault.Invalid, "a value of %d bytes cannot be stored (at most %d)", len(value), bbolt.MaxValueSize)
	}
	return nil
}

// database is an open bbolt, behind the wall.
type database struct {
	*bbolt.DB
	file  *os.File
	stuck bool // bbolt died holding its own mutexes: closing it would wait for ever
}

// openBbolt opens the file at path with bbolt. The file must be the one that same has open: between them nobody replaced it.
func openBbolt(path string, same *os.File, o *bbolt.Options) (*database, error) {
	d := &database{}
	o.Timeout = 100 * time.Millisecond // our lock excludes every other tacit: nothing to wait for
	o.NoStatistics = true
	o.FreelistType = bbolt.FreelistMapType
	o.PageSize = pageSize
	o.OpenFile = func(path string, _ int, _ os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
		if err != nil {
			return nil, err
		}
		here, err1 := f.Stat()
		there, err2 := same.Stat()
		if err := errors.Join(err1, err2); err != nil || !os.SameFile(here, there) {
			f.Close()
			return nil, errors.Join(err, fault.New(fault.Conflict, "%s was replaced by a program that is not tacit", path))
		}
		d.file = f
		return f, nil
	}
	err := wall(func() (err error) {
		d.DB, err = bbolt.Open(path, 0o600, o)
		return err
	})
	if err != nil {
		d.stuck = true // after an error bbolt has closed everything, after a panic nothing
		d.close()
		return nil, err
	}
	return d, nil
}

// update runs fn in one transaction, which is durable unless NoSync is set.
func (d *database) update(fn func(*bbolt.Bucket) error) error {
	d.stuck = true
	err := wall(func() error {
		return d.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucketName))
			if err != nil {
				return err
			}
			return fn(b)
		})
	})
	var p *panicked
	d.stuck = errors.As(err, &p)
	return err
}

// close closes the database. When bbolt is stuck its mapping stays until the process ends, and with it the lock on the file
// unless that is given back by hand.
func (d *database) close() {
	if d.stuck {
		if d.file != nil {
			unlock(d.file)
			d.file.Close()
		}
		return
	}
	_ = wall(d.DB.Close)
}
