package handoff

import (
	"os"
	"path/filepath"
	"slices"

	"tacit/internal/fault"
	"tacit/internal/memdir"
	"tacit/internal/secret"
)

// Files are the files of variables that are given as such. nil: there are none.
type Files struct{ dir *memdir.Dir }

// MakeFiles writes each variable that is a file into one, in a directory in memory that only this user can enter, and returns the variables
// with the paths in their place. Nothing is written to a disk: where there is no such directory, that is the error. The files are gone
// with [Files.Remove].
//
// They have names, unlike a memfd, whose descriptor half of the programs would close before they start the one that needs it.
func MakeFiles(variables []Variable, getenv func(string) string) (_ []Variable, _ *Files, err error) {
	if !slices.ContainsFunc(variables, func(v Variable) bool { return v.File }) {
		return variables, nil, nil
	}
	dir, err := memdir.Make(getenv)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Failed, err, "--file-env").WithFix("give the value itself, with -e")
	}
	files := &Files{dir}
	variables = slices.Clone(variables)
	for i := range variables {
		v := &variables[i]
		if !v.File {
			continue
		}
		path := filepath.Join(dir.Path, v.Name)
		if err := write(path, v.Value.Reveal()); err != nil {
			_ = files.Remove()
			return nil, nil, fault.Wrap(fault.Failed, errCause(err), "--file-env: write %s", path)
		}
		v.Value, v.File = secret.New([]byte(path)), false
	}
	return variables, files, nil
}

func write(path string, value []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(value); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// Remove overwrites and removes the files.
func (f *Files) Remove() error {
	if f == nil {
		return nil
	}
	return f.dir.Remove()
}
