package files

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// pending begins the name of a file that is being written. One that a killed process left is 0600 and never read.
const pending = ".tacit-"

// attempts bounds how often a directory is made anew that somebody removes meanwhile, because it was empty.
const attempts = 10

// Write implements [provider.Provider]: the whole value is there at once, durable and 0600, or what was there stays.
func (d *directory) Write(ctx context.Context, secretName string, value secret.Value) (provider.Item, error) {
	root, err := d.change(ctx, secretName)
	if err != nil {
		return provider.Item{}, err
	}
	defer root.Close()
	if err := provider.CheckWrite(d.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	if !possible(root, secretName) {
		return provider.Item{}, d.unfit(secretName, "it cannot be told from another file here, or begins with a dot")
	}
	for range attempts {
		err = replace(root, secretName, value.Reveal())
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return provider.Item{}, d.explainWrite(root, secretName, err)
	}
	return provider.Item{Name: secretName}, nil
}

// change opens the directory for a change.
func (d *directory) change(ctx context.Context, secretName string) (*os.Root, error) {
	if d.readOnly {
		return nil, provider.ReadOnly(d.name, "remove read_only from the provider's settings")
	}
	if err := provider.CheckName(d.name, secretName); err != nil {
		return nil, err
	}
	return d.open(ctx)
}

// errLink is what is in the way when a symbolic link is: the file that it leads to may belong to others (I07).
var errLink = errors.New("it is a symbolic link")

// replace writes a file beside the one that it becomes, and renames it.
func replace(root *os.Root, secretName string, value []byte) (err error) {
	dir := path.Dir(secretName)
	if dir != "." {
		if err := root.MkdirAll(dir, paths.DirMode); err != nil {
			return err
		}
	}
	if info, err := root.Lstat(secretName); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return errLink
	}
	temp := path.Join(dir, pending+rand.Text())
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, paths.FileMode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temp)
		}
	}()
	_, err = f.Write(value)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = root.Rename(temp, secretName); err != nil {
		return err
	}
	return syncDir(root, dir)
}

// explainWrite tells a name that cannot be a file here from a failure.
func (d *directory) explainWrite(root *os.Root, secretName string, err error) error {
	info, statErr := root.Stat(secretName)
	switch {
	case errors.Is(err, errLink):
		return provider.Errorf(fault.Denied, d.name, "%s is a symbolic link, which is not followed", secretName).About(secretName).
			WithFix("change the file that it leads to, or remove the link")
	case statErr == nil && info.IsDir():
		return d.unfit(secretName, "there is a directory of this name")
	case missing(err), errors.Is(err, fs.ErrExist):
		return d.unfit(secretName, "a secret of a shorter name is in the way, or it is too long for a file")
	}
	return d.explain(err, secretName, "write "+secretName)
}

func (d *directory) unfit(secretName, why string) error {
	return provider.Errorf(fault.Invalid, d.name, "%s cannot be a file: %s", secretName, why).About(secretName).WithFix("choose another name")
}

// Delete implements [provider.Provider]. Directories that it leaves empty go too.
func (d *directory) Delete(ctx context.Context, secretName string) (int, error) {
	root, err := d.change(ctx, secretName)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	info, err := root.Lstat(secretName)
	switch {
	case missing(err), err == nil && info.IsDir(), !possible(root, secretName):
		return 0, provider.NotFound(d.name, secretName)
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		return 0, d.explainWrite(root, secretName, errLink)
	case err == nil:
		err = root.Remove(secretName)
	}
	if missing(err) {
		return 0, provider.NotFound(d.name, secretName)
	}
	if err != nil {
		return 0, d.explain(err, secretName, "remove "+secretName)
	}
	dir := path.Dir(secretName)
	for ; dir != "." && root.Remove(dir) == nil; dir = path.Dir(dir) {
	}
	if err := syncDir(root, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, d.explain(err, secretName, "remove "+secretName)
	}
	return 1, nil
}

// syncDir makes the names in a directory durable.
func syncDir(root *os.Root, dir string) error {
	return paths.SyncDir(strings.TrimSuffix(root.Name(), "/") + "/" + dir)
}
