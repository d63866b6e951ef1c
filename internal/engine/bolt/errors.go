package bolt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"tacit/internal/engine"
	"tacit/internal/fault"
)

// damage says what is wrong with a page. It becomes fault.Corrupted, naming the file, when it leaves the package.
type damage struct{ what string }

func (d *damage) Error() string { return d.what }

func damagef(format string, args ...any) error { return &damage{fmt.Sprintf(format, args...)} }

// damaged is the error for a file that cannot be believed.
func (e *Engine) damaged(format string, args ...any) error {
	return fault.New(fault.Corrupted, "%s is damaged: %s", e.path, fmt.Sprintf(format, args...)).
		WithFix("%s", engine.DamageFix).About(e.path)
}

// unreadable is the damage behind a failed read: the file ends too early, or the disk cannot read it.
func unreadable(err error) error {
	if errors.Is(err, io.EOF) {
		return damagef("it ends too early")
	}
	return damagef("the disk cannot read it: %v", err)
}

// classify gives an error of the reader its class.
func (e *Engine) classify(err error) error {
	var d *damage
	if errors.As(err, &d) {
		return e.damaged("%s", d.what)
	}
	return err
}

// ioError gives an error of the operating system its class.
func (e *Engine) ioError(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	// The cause repeats the operation and the path; what says them better.
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	switch {
	case diskFull(err):
		return fault.New(fault.DiskFull, "%s: no space left; nothing was changed", what).
			WithFix("free some space and run the command again").About(e.path)
	case errors.Is(err, fs.ErrPermission), readOnly(err):
		return fault.New(fault.Permissions, "%s: %v", what, err).
			WithFix("run as the owner of the vault, on a writable disk").About(e.path)
	}
	return fault.Wrap(fault.Failed, err, "%s", what).About(e.path)
}

// diskFull reports whether err means that there is no space. bbolt prints some causes instead of wrapping them.
func diskFull(err error) bool {
	for _, no := range noSpace {
		if errors.Is(err, no) || strings.Contains(err.Error(), no.Error()) {
			return true
		}
	}
	return false
}
