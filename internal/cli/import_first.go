package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tacit/client"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
)

// within calls fn with a vault.
type within func(ctx context.Context, fn func(keeper.API) error) error

// missingVault reports whether the command is about the vault of this machine, and there is none.
func (a *app) missingVault() bool {
	_, err := os.Lstat(a.layout().Vault)
	return errors.Is(err, fs.ErrNotExist) && !a.distant()
}

// importFirst is an import where there is no vault yet. It is tried on an empty one that is thrown away, so that a dry run, and a file that
// is refused, leave nothing behind; only then is the vault made. rewind lets read begin anew.
func (a *app) importFirst(f importFlags, rewind func() error, read func(importFlags, within) (client.Imported, error)) error {
	if err := rewind(); err != nil {
		return err
	}
	dry := f
	dry.dryRun = true
	out, err := read(dry, a.rehearse)
	if err == nil && !f.dryRun {
		if err = refused(out, f); err == nil {
			if err = rewind(); err == nil {
				out, err = read(f, a.withVault)
			}
		}
	}
	if err != nil {
		return err
	}
	return a.printImported(out)
}

// refused is the error of an import whose dry run says that it cannot be.
func refused(out client.Imported, f importFlags) error {
	for _, e := range out.Entries {
		switch {
		case e.Action == "invalid":
			return nothingImported(fault.New(fault.Invalid, "import: %s: %s", e.From, deref(e.Reason)))
		case e.Action == "conflict" && f.onConflict == "fail":
			return fault.New(fault.Exists, "import: %s: %s is there twice", e.From, e.Name).About(e.Name).WithFix("--on-conflict skip or version")
		}
	}
	return nil
}

// rehearse calls fn with a new, empty vault in a directory of its own, and removes both.
func (a *app) rehearse(ctx context.Context, fn func(keeper.API) error) (err error) {
	if err := undump(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tacit-")
	if err != nil {
		return paths.Explain(err, os.TempDir(), "make a directory for a dry run")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l := paths.New(func(variable string) string {
		if variable == "TACIT_DIR" {
			return dir
		}
		return ""
	}, a.home())
	k := a.keeperOf(l, &envelope.Opener{Getenv: func(string) string { return "" }, Random: a.world.Random, Now: a.world.Now})
	defer func() { err = errors.Join(err, k.Close()) }()
	if _, err := k.Init(ctx, a.caller(), []keeper.NewSlot{{Kind: "key-file", Path: filepath.Join(dir, "identity.txt")}}); err != nil {
		return err
	}
	return fn(k)
}

// rewind lets the input be read from its beginning again; what comes through a pipe is kept for that.
func (in *input) rewind() error {
	if in.file != nil {
		_, err := in.file.Seek(0, io.SeekStart)
		return err
	}
	if in.all == nil {
		all, err := io.ReadAll(in.stdin)
		if err != nil {
			return paths.Explain(err, in.path, "read the input")
		}
		in.all = all
	}
	in.stdin = bufio.NewReaderSize(bytes.NewReader(in.all), sniffed)
	return nil
}
