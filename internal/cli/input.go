package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// openInput opens a file that the user named for reading.
func openInput(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "there is no file %s", path).About(path).WithFix("check the path")
	}
	if err != nil {
		return nil, paths.Explain(err, path, "read %s", path)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, fault.New(fault.Usage, "%s is a directory, not a file", path).About(path)
	}
	return f, nil
}

// readSmall reads a file that the user named, or standard input for "-": at most limit bytes.
func (a *app) readSmall(file string, limit int64) ([]byte, error) {
	in := a.world.Stdin
	if file != "-" {
		f, err := openInput(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fault.New(fault.Invalid, "%s is longer than %d KiB", file, limit>>10).About(file)
	}
	if err != nil {
		return nil, paths.Explain(err, file, "read %s", file)
	}
	return b, nil
}
