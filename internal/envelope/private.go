package envelope

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tacit/internal/fault"
)

// maxIdentityFile bounds a file of identities (I08).
const maxIdentityFile = 1 << 20

// readPrivate reads a file that holds a secret of at most limit bytes. It must not be open to others (I07): that is an error of
// class fault.Permissions with the command that mends it. A pipe, as a shell's <(…) makes, is fine. That there is no such file
// is an error of class fault.Invalid that is fs.ErrNotExist.
func readPrivate(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, unreadable(path, err)
	}
	if info.IsDir() {
		return nil, fault.New(fault.Invalid, "%s is a directory", path)
	}
	if info.Mode().IsRegular() && tooWide(info.Mode()) {
		return nil, fault.New(fault.Permissions, "%s can be read by others (mode %04o)", path, info.Mode().Perm()).
			About(path).WithFix("chmod 600 %s", shellQuote(path))
	}
	b, err := readWhole(f, info, limit+1)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.Invalid, "%s is too large", path)
	}
	return b, nil
}

// readWhole reads at most limit bytes, those of a regular file into one piece of memory: a buffer that grows leaves copies of the secret
// behind (I09).
func readWhole(f *os.File, info fs.FileInfo, limit int64) ([]byte, error) {
	var b []byte
	if info.Mode().IsRegular() {
		b = make([]byte, min(info.Size()+1, limit)) // one more shows that it did not grow
		n, err := io.ReadFull(f, b)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return b[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
	rest, err := io.ReadAll(io.LimitReader(f, limit-int64(len(b))))
	return append(b, rest...), err
}

func unreadable(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the path is in the message already
	}
	class := fault.Invalid
	if errors.Is(err, fs.ErrPermission) {
		class = fault.Permissions
	}
	return fault.Wrap(class, err, "%s", path)
}

// createPrivate writes a new file with mode 0600, and the directories above it with 0700, so that it survives a power loss: a
// slot will depend on it. It follows no symbolic link and never overwrites.
func createPrivate(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unreadable(dir, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return unreadable(path, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close(), syncDir(dir))
	if err != nil {
		_ = os.Remove(path) // ours, and incomplete
		return unreadable(path, firstOf(err))
	}
	return nil
}
