package paths

import (
	"context"
	"io/fs"
	"os"
)

// A Locker takes one lock again and again, as [Lock] does, exclusive, and keeps its file open in between. It is for one caller at a time.
// The zero Locker has no file open.
type Locker struct {
	file *os.File
	is   fs.FileInfo // of file
}

// Lock takes the lock on the lock file, and returns what gives it back. A file that is no longer the one that was kept is opened anew.
func (l *Locker) Lock(ctx context.Context, path string) (unlock func(), err error) {
	if l.file != nil {
		if named, err := os.Lstat(path); err != nil || !os.SameFile(named, l.is) || checkFile(path, named) != nil {
			l.Close()
		}
	}
	if l.file == nil {
		if err := l.open(path); err != nil {
			return nil, err
		}
	}
	if err := lockOpen(ctx, l.file, path, false); err != nil {
		l.Close()
		return nil, err
	}
	return l.unlock, nil
}

func (l *Locker) open(path string) (err error) {
	if l.file, err = Open(path, os.O_RDWR|os.O_CREATE); err != nil {
		l.file = nil
		return err
	}
	if l.is, err = l.file.Stat(); err != nil {
		l.Close()
		return Explain(err, path, "look at %s", path)
	}
	return nil
}

func (l *Locker) unlock() {
	if l.file != nil && unlockOpen(l.file) != nil {
		l.Close() // gives it back for sure
	}
}

// Close gives the lock back, if it is held, and closes the file.
func (l *Locker) Close() {
	if l.file != nil {
		_ = l.file.Close()
		l.file, l.is = nil, nil
	}
}
