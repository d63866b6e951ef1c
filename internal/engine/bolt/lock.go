package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tacit/internal/fault"
)

type mode bool

const (
	shared    mode = false
	exclusive mode = true
)

// poll is how often a waiter looks, more or less.
const poll = time.Millisecond

// lock is a held lock. The nil lock holds nothing and may be released.
type lock struct {
	file  *os.File
	mode  mode
	trace func(Phase)
}

// lockPath is vault.lock for vault.db. The file is never renamed or removed.
func (e *Engine) lockPath() string {
	return strings.TrimSuffix(e.path, filepath.Ext(e.path)) + ".lock"
}

// lock waits for the lock file in the given mode. It returns nil, without an error, for a reader where the lock file is missing
// and cannot be made.
//
// Nobody starves. Whoever has to wait does so in the turnstile, a second lock that one waiter holds at a time: while it is held,
// nobody passes, so readers that overlap for ever end and the waiter's turn comes; and all waiters, reading or writing, come by
// the turnstile with equal chances. A reader that finds both free goes straight through.
func (e *Engine) lock(ctx context.Context, m mode) (*lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	deadline := e.opts.Now().Add(e.opts.Wait)
	for {
		file, err := e.openLock(m)
		if file == nil {
			return nil, err
		}
		if err := e.wait(ctx, file, m, deadline); err != nil {
			file.Close()
			return nil, err
		}
		// Somebody may have removed the file although nobody should; a lock on a file without a name protects nothing.
		if held, err := file.Stat(); err == nil {
			if named, err := os.Lstat(e.lockPath()); err == nil && os.SameFile(held, named) {
				l := &lock{file: file, mode: m, trace: e.opts.Trace}
				if m == exclusive {
					l.sign(e.opts.Command)
				}
				return l, nil
			}
		}
		file.Close()
	}
}

// wait polls until file is locked, the deadline has passed or ctx is done.
func (e *Engine) wait(ctx context.Context, file *os.File, m mode, deadline time.Time) error {
	turn, err := openTurnstile(e.lockPath())
	if err != nil {
		return e.ioError(err, "lock %s", e.path)
	}
	defer turn.Close() // and so leaves it
	mine := false
	for first := true; ; first = false {
		if !mine {
			// Readers share the turnstile for their first look only; a reader in it for long would hold up its waiters.
			if mine, err = tryTurnstile(turn, m == exclusive || !first); err != nil {
				return e.ioError(err, "lock %s", e.path)
			}
		}
		if mine {
			ok, err := tryLock(file, m == exclusive)
			if err != nil {
				return e.ioError(err, "lock %s", e.path)
			}
			if ok {
				return nil
			}
			if m == shared && first {
				leaveTurnstile(turn)
				mine = false
			}
		}
		if !e.opts.Now().Before(deadline) {
			return e.busy(file)
		}
		timer := time.NewTimer(poll/2 + rand.N(poll))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// openLock opens the lock file and makes it where there is a database without one.
func (e *Engine) openLock(m mode) (*os.File, error) {
	access := os.O_RDONLY
	if m == exclusive {
		access = os.O_RDWR // the holder signs it
	}
	f, err := os.OpenFile(e.lockPath(), access|noFollow, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, e.ioError(err, "open %s", e.lockPath())
		}
		return f, nil
	}
	if _, err := os.Lstat(e.path); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NoVault, "there is no vault at %s", e.path).WithFix("tacit init").About(e.path)
	}
	f, err = e.makeLock()
	if err != nil && m == shared && (errors.Is(err, fs.ErrPermission) || readOnly(err)) {
		return nil, nil
	}
	if err != nil {
		return nil, e.ioError(err, "make %s", e.lockPath())
	}
	return f, nil
}

func (e *Engine) makeLock() (*os.File, error) {
	return os.OpenFile(e.lockPath(), os.O_RDWR|os.O_CREATE|noFollow, 0o600)
}

// release gives the lock back.
func (l *lock) release() {
	if l == nil {
		return
	}
	if l.mode == exclusive {
		// Unsigned first: a signature without its holder would blame the dead. Failing to is harmless.
		_ = l.file.Truncate(0)
	}
	l.file.Close()
	l.trace(Closed)
}

// sign writes pid and command into the file, for those who wait. It is a courtesy: failing to is harmless.
func (l *lock) sign(command string) {
	_, _ = l.file.WriteAt([]byte(fmt.Sprintf("%d %s\n", os.Getpid(), printable(command))), 0)
}

// busy is the error of a waiter that gives up. It names the holder when that is a writer; readers do not sign.
func (e *Engine) busy(file *os.File) error {
	b := make([]byte, 256)
	n, _ := file.ReadAt(b, 0)
	first, _, whole := strings.Cut(string(b[:n]), "\n")
	number, command, _ := strings.Cut(first, " ")
	pid, err := strconv.Atoi(number)
	// A holder that was killed leaves its signature; then a shared lock can be had, if only readers are in the way.
	signed := whole && err == nil && pid > 0
	if readers, err := tryLock(file, false); signed && err == nil && readers {
		signed = false
	}
	if !signed {
		return fault.New(fault.Busy, "%s is in use by another process", e.path).WithFix("try again when it is done").About(e.path)
	}
	by := fmt.Sprintf("pid %d", pid)
	if command = printable(command); command != "" {
		by += " (" + command + ")"
	}
	return fault.New(fault.Busy, "%s is held by %s", e.path, by).
		WithFix("try again when it is done, or end process %d", pid).About(e.path)
}

// printable keeps what a terminal shows as it is, and not too much of it: another process wrote it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60])
	}
	return s
}
