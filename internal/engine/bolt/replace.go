package bolt

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"tacit/internal/engine"
	"tacit/internal/fault"
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

// newFiles is the pattern of the names under which a replacement is written.
func (e *Engine) newFiles() string { return "." + filepath.Base(e.path) + ".new-*" }

// replace builds a database and puts it in the place of the present one. Generations go on above generation. The lock is held.
func (e *Engine) replace(generation uint64, fill func(put func(key, value []byte) error) error) error {
	dir, pattern := filepath.Dir(e.path), e.newFiles()
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
	l := &loader{db: db, streams: make(map[byte]*stream), spill: func() (*os.File, error) {
		return os.CreateTemp(filepath.Dir(f.Name()), e.newFiles())
	}}
	defer l.close()
	var failed error // of the loader, which fill may wrap or hide
	err = fill(func(key, value []byte) error {
		if failed == nil {
			failed = storable(key, value)
		}
		if failed == nil {
			if err := l.put(key, value); err != nil {
				failed = e.ioError(err, "write %s", f.Name())
			}
		}
		return failed
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	if err := l.finish(); err != nil {
		return e.ioError(err, "write %s", f.Name())
	}
	return nil
}

var _ engine.Writer = (*writer)(nil)
