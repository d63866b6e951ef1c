package config

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/settings"
)

// FileName is the name of a project file.
const FileName = "tacit.yaml"

// A File is a project file. It was opened once, and what was read then is what was hashed, what is trusted or not, and what is used.
type File struct {
	Path string
	Hash [sha256.Size]byte // SHA-256 of Text
	Text []byte

	// Trusted: the user saw this content, at this path, and said yes (I20). Without that nothing in it has any effect.
	Trusted bool
	Changed bool // other content was trusted at this path
	// Refused says why the file can neither be used nor trusted as it lies there: a symbolic link, another owner, writable by
	// everybody. Then Text is empty.
	Refused error
	Foreign bool // Refused because it belongs to somebody else, whatever it is: a file, a link, a directory

	root     *settings.Table    // nil: the file says nothing, or cannot be parsed
	problem  *Problem           // why it cannot be parsed
	envFiles map[string]EnvFile // by path, once they were read
	vague    bool               // Wants could not put everything in
}

// Find returns the project file nearest to dir, an absolute path without symbolic links: dir/tacit.yaml, or that of a directory above.
// It returns nil when there is none, and looks no further up than a directory that belongs to somebody else than the user and root.
// Where there is none it costs two calls of lstat a level.
func Find(dir string) (*File, error) {
	for {
		path := filepath.Join(dir, FileName)
		if _, err := os.Lstat(path); err == nil {
			return Open(path)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return nil, paths.Explain(err, path, "look for %s", path)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, nil
		}
		if info, err := os.Lstat(dir); err != nil || !isOurs(info) {
			return nil, nil
		}
		dir = up
	}
}

// Open reads the project file at path, which is absolute. What is wrong with the file is in the result.
func Open(path string) (*File, error) {
	f := &File{Path: path}
	text, err := f.readOnce(path)
	if err != nil || f.Refused != nil {
		return f, err
	}
	return Parse(path, text), nil
}

// Parse returns the project file that is at path, or would be, with text in it. It opens nothing.
func Parse(path string, text []byte) *File {
	return &File{Path: path, Text: text, Hash: sha256.Sum256(text)}
}

// readOnce opens a file that a project has, once, and checks and reads what was opened. It sets Refused for a file that it leaves alone.
func (f *File) readOnce(path string) ([]byte, error) {
	opened, err := openFile(path)
	if err != nil {
		if info, e := os.Lstat(path); e == nil && (!isOurs(info) || !info.Mode().IsRegular()) {
			f.refuse(path, info)
			return nil, nil
		}
		return nil, paths.Explain(err, path, "open %s", path)
	}
	defer func() { _ = opened.Close() }()
	info, err := opened.Stat()
	if err != nil {
		return nil, paths.Explain(err, path, "look at %s", path)
	}
	if f.refuse(path, info) {
		return nil, nil
	}
	text, err := io.ReadAll(io.LimitReader(opened, maxSize+1))
	if err != nil {
		return nil, paths.Explain(err, path, "read %s", path)
	}
	return text, nil
}

// refuse sets Refused when a file is not one that the user, or root, keeps for themselves. That it is trusted by its content alone makes
// most of this harmless; but then somebody else decides when the user is asked again.
func (f *File) refuse(path string, info fs.FileInfo) bool {
	no := func(why, fix string, args ...any) bool {
		f.Refused = fault.New(fault.Untrusted, "%s %s, so it is not used", path, why).About(path).WithFix(fix, args...)
		return true
	}
	switch {
	case !isOurs(info): // before anything else, since nobody else's file may stop the user (Foreign)
		f.Foreign = true
		return no("belongs to somebody else", "make it yours, or leave it out: --no-project")
	case info.Mode()&fs.ModeSymlink != 0:
		return no("is a symbolic link", "put the file itself there, or leave it out: --no-project")
	case !info.Mode().IsRegular():
		return no("is not a regular file", "remove it, or leave it out: --no-project")
	case writableByAll(info):
		return no("can be written by everybody", "chmod o-w %s", paths.Quote(path))
	}
	return false
}

// parse reads the text into tables.
func (f *File) parse() {
	if f.root != nil || f.problem != nil || f.Refused != nil {
		return
	}
	node, problem := document(f.Text)
	switch {
	case problem != nil:
		f.problem = problem
		f.problem.Place.File = f.Path
	case node != nil:
		v := value(node, f.Path)
		if v.Table == nil {
			f.problem = &Problem{Place: v.Place, Code: CodeSyntax, Text: "expected keys with values"}
			return
		}
		f.root = v.Table
	}
}
