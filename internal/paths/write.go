package paths

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tacit/internal/fault"
)

// WriteFile writes a file that may hold secrets: see [Create].
func WriteFile(path string, data []byte) error {
	p, err := Create(path)
	if err != nil {
		return err
	}
	defer p.Close()
	if _, err := p.Write(data); err != nil {
		return err
	}
	return p.Commit()
}

// Pending is a file that is being written and does not have its name yet.
type Pending struct {
	f     *os.File
	path  string // where it goes
	temp  string // the name it has meanwhile; empty while it has none
	ended bool
}

// Create begins a file that may hold secrets. Nothing is at path, or what was there stays, until [Pending.Commit]; then the
// whole content is there at once, durable and 0600. A symbolic link at path is refused with fault.Permissions rather than
// replaced (I07): the user who named it may have meant its target, and following it is how secrets get written elsewhere.
//
// Where the system can (Linux), the content has no name at all before it is complete, so that a killed process leaves no
// half-written secret behind; elsewhere it is a hidden file in the same directory.
func Create(path string) (*Pending, error) {
	if err := checkTarget(path); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if f, err := openUnnamed(dir); err == nil {
		return &Pending{f: f, path: path}, nil
	}
	f, err := os.CreateTemp(dir, ".tacit-*")
	if err != nil {
		return nil, Explain(err, path, "write %s", path)
	}
	return &Pending{f: f, path: path, temp: f.Name()}, nil
}

// Write adds to the content.
func (p *Pending) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	if err != nil {
		return n, Explain(err, p.path, "write %s", p.path)
	}
	return n, nil
}

var _ io.Writer = (*Pending)(nil)

// Commit puts the content in its place, durably.
func (p *Pending) Commit() error {
	if p.ended {
		return fs.ErrClosed
	}
	if err := p.commit(); err != nil {
		return Explain(errors.Join(err, p.Close()), p.path, "write %s", p.path)
	}
	return nil
}

func (p *Pending) commit() error {
	if err := p.f.Sync(); err != nil {
		return err
	}
	if p.temp == "" {
		var err error
		if p.temp, err = nameIt(p.f, filepath.Dir(p.path)); err != nil {
			return err
		}
	}
	if err := p.f.Close(); err != nil {
		return err
	}
	// A link that was put here meanwhile is not followed either: rename would replace the link itself. Saying no is better.
	if err := checkTarget(p.path); err != nil {
		return err
	}
	if err := os.Rename(p.temp, p.path); err != nil {
		return err
	}
	p.ended = true
	return syncDir(filepath.Dir(p.path))
}

// Close abandons the content unless it was committed. It may be called twice.
func (p *Pending) Close() error {
	if p.ended {
		return nil
	}
	p.ended = true
	_ = p.f.Close()
	if p.temp == "" {
		return nil
	}
	return os.Remove(p.temp)
}

// checkTarget refuses to write over anything but a regular file.
func checkTarget(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return Explain(err, path, "write %s", path)
	case info.Mode()&fs.ModeSymlink != 0:
		return fault.New(fault.Permissions, "%s is a symbolic link: secrets are not written through one", path).About(path).
			WithFix("name the file itself, or rm %s", Quote(path))
	case info.IsDir():
		return fault.New(fault.Invalid, "%s is a directory", path).About(path).WithFix("name a file in it")
	case !info.Mode().IsRegular():
		return fault.New(fault.Permissions, "%s is not a regular file", path).About(path).WithFix("name another file")
	}
	return nil
}
