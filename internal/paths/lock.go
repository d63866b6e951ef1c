package paths

import (
	"context"
	"math/rand/v2"
	"os"
	"time"

	"tacit/internal/fault"
)

// LockWait bounds how long [Lock] waits for another process.
const LockWait = 5 * time.Second

// Lock takes an advisory lock between processes (and between callers in this one) on a lock file, which is made when it is
// missing, and returns what gives it back. Shared locks exclude exclusive ones only. The file is never renamed or removed:
// who waits on a file that lost its name would get a lock that excludes nobody. After [LockWait] the error is fault.Busy.
func Lock(ctx context.Context, path string, shared bool) (unlock func(), err error) {
	f, err := Open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := lockOpen(ctx, f, path, shared); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// TryLock is [Lock], exclusive, for a lock that is held for long: it does not wait, and ok is false when somebody else has the lock.
// Closing the file gives it back; until then its holder may write into it who it is.
func TryLock(path string) (f *os.File, ok bool, err error) {
	if f, err = Open(path, os.O_RDWR|os.O_CREATE); err != nil {
		return nil, false, err
	}
	if ok, err = tryLock(f, false); err != nil {
		err = Explain(err, path, "lock %s", path)
	}
	if !ok {
		_ = f.Close()
		return nil, false, err
	}
	return f, true, nil
}

// LockExisting is [Lock], shared, for who may only read: the lock file is opened for reading and not made. A missing one is an
// error that wraps fs.ErrNotExist.
func LockExisting(ctx context.Context, path string) (unlock func(), err error) {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, Explain(err, path, "open %s", path)
	}
	if err := lockOpen(ctx, f, path, true); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

func lockOpen(ctx context.Context, f *os.File, path string, shared bool) error {
	ok, err := tryLock(f, shared)
	var timeout <-chan time.Time
	for !ok && err == nil {
		if timeout == nil {
			timeout = time.After(LockWait)
		}
		// Jitter, so that waiters that woke together do not collide again and again.
		poll := time.NewTimer(time.Millisecond/2 + rand.N(time.Millisecond))
		select {
		case <-poll.C:
		case <-timeout:
			return fault.New(fault.Busy, "%s is held by another process for more than %v", path, LockWait).About(path).
				WithFix("wait for the other tacit to finish, then try again")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		ok, err = tryLock(f, shared)
	}
	if err != nil {
		return Explain(err, path, "lock %s", path)
	}
	return nil
}
