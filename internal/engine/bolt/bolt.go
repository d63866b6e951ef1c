package bolt

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

// Options are what an engine needs from outside. The zero value is usable.
type Options struct {
	// Command is shown to those who wait for the lock: "tacit import". Never put arguments of the user in it.
	Command string

	// Wait bounds how long an operation waits for the lock; 5 s when zero.
	Wait time.Duration

	// Now is the clock that Wait is measured with; time.Now when nil.
	Now func() time.Time

	// Share lets views that run at once have lock, open file and checked pages in common, and keeps file and pages open between
	// them, at most 8 MiB: for a process that stays. Close gives them back.
	Share bool

	// Trace, when set, is called at each Phase. It is for tests that kill the process at a chosen point.
	Trace func(Phase)
}

// Phase is a point that a change passes.
type Phase string

// The phases, in the order in which a change passes them.
const (
	Locked     Phase = "locked"     // the lock is held, nothing was opened
	Opened     Phase = "opened"     // the database is open and its meta pages are good
	Committing Phase = "committing" // everything was checked; bbolt writes from here on
	Committed  Phase = "committed"  // the batch is durable; the caller does not know yet
	Replacing  Phase = "replacing"  // the new file exists and is being filled
	Filled     Phase = "filled"     // the new file is whole and durable under its temporary name
	Renamed    Phase = "renamed"    // it has the name; the directory is not synced
	Replaced   Phase = "replaced"   // the name is durable; the caller does not know yet
	Closed     Phase = "closed"     // the lock was given back
)

// Engine is a vault file. It holds nothing open between operations, unless it is shared.
type Engine struct {
	path  string
	opts  Options
	share *share // nil: every view is on its own
}

var _ engine.Engine = (*Engine)(nil)

// Open returns the engine for the database at path. It touches no file: a missing database is fault.NoVault from the first
// operation. The lock file is path with its extension replaced by .lock.
func Open(path string, opts Options) *Engine {
	if opts.Wait <= 0 {
		opts.Wait = 5 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Trace == nil {
		opts.Trace = func(Phase) {}
	}
	e := &Engine{path: path, opts: opts}
	if opts.Share {
		e.share = &share{}
	}
	return e
}

// View calls fn with the present state under the shared lock. Where the lock file is missing and cannot be made, because the
// directory is read-only, it reads without a lock and fails with fault.Busy if the file changed meanwhile.
func (e *Engine) View(ctx context.Context, fn func(engine.Snapshot) error) error {
	if e.share != nil {
		return e.share.view(ctx, e, fn)
	}
	l, err := e.lock(ctx, shared)
	if err != nil {
		return err
	}
	defer l.release()
	e.opts.Trace(Locked)

	f, t, err := e.open(os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	e.opts.Trace(Opened)

	if err := fn(t); err != nil {
		return err
	}
	if l == nil {
		return e.unchanged(f, t.meta)
	}
	return nil
}

// unchanged is the end of a view without a lock: an error if there was a commit meanwhile.
func (e *Engine) unchanged(f *os.File, was meta) error {
	if m, err := readMeta(f); err != nil || m != was {
		return fault.New(fault.Busy, "%s changed while it was read without a lock", e.path).
			WithFix("try again, or make its directory writable").About(e.path)
	}
	return nil
}

// Begin takes the exclusive lock. Nothing is written before [engine.Writer.Commit] or Replace.
func (e *Engine) Begin(ctx context.Context) (engine.Writer, error) {
	if e.share != nil {
		defer e.share.begin(e)()
	}
	l, err := e.lock(ctx, exclusive)
	if err != nil {
		return nil, err
	}
	e.opts.Trace(Locked)
	f, t, err := e.open(os.O_RDWR)
	if err != nil {
		l.release()
		return nil, err
	}
	t.pages.shared = e.share != nil // many changes in one transaction look at the same pages
	e.opts.Trace(Opened)
	return &writer{tree: t, engine: e, lock: l, file: f}, nil
}

// Stamp reads the two meta pages. The generation also grows with each replacement, so that a new file that got an old inode
// number is not taken for the old one.
func (e *Engine) Stamp() (engine.Stamp, error) {
	if e.share != nil {
		if s, ok := e.share.stamp(); ok {
			return s, nil
		}
	}
	f, err := e.openFile(os.O_RDONLY)
	if err != nil {
		return engine.Stamp{}, err
	}
	defer f.Close()
	storage, err := identity(f)
	if err != nil {
		return engine.Stamp{}, e.ioError(err, "read %s", e.path)
	}
	txid, err := latestTxid(f)
	if err != nil {
		return engine.Stamp{}, e.classify(err)
	}
	return engine.Stamp{Generation: txid, Storage: storage}, nil
}

// Close gives back what is held between operations. No operation may be under way.
func (e *Engine) Close() error {
	if e.share != nil {
		e.share.begin(e)()
		e.share.forget()
	}
	return nil
}

// open opens the database with the given access and checks its frame: meta pages, size, the one bucket.
func (e *Engine) open(access int) (*os.File, *tree, error) {
	f, err := e.openFile(access)
	if err != nil {
		return nil, nil, err
	}
	t, err := newTree(f)
	if err != nil {
		f.Close()
		return nil, nil, e.classify(err)
	}
	t.classify = e.classify
	return f, t, nil
}

// openFile opens the database file, which must be a regular file and not a symbolic link: the lock lies beside the name, so
// two names for one database would have two locks.
func (e *Engine) openFile(access int) (*os.File, error) {
	info, err := os.Lstat(e.path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "%s is not a regular file but %s", e.path, info.Mode().Type()).
			WithFix("point TACIT_DIR at the directory that holds the vault itself").About(e.path)
	}
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(e.path, access|noFollow, 0)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NoVault, "there is no vault at %s", e.path).WithFix("tacit init").About(e.path)
	}
	if err != nil {
		return nil, e.ioError(err, "open %s", e.path)
	}
	return f, nil
}
