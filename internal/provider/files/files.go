package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/paths"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// maxEntries bounds what List looks at: a directory that is not one of secrets, or links that multiply.
const maxEntries = 100_000

type directory struct {
	name     string // of the provider
	path     string
	readOnly bool
	debug    func(string, ...any)
	// constant reports whether a file lies on a file system that nobody can write to.
	constant func(*os.File) bool
}

// Make makes the provider of kind file.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	s := spec.Settings
	d := &directory{
		name:     spec.Name,
		path:     w.Path(s, s.Text("directory", "")),
		readOnly: s.Flag("read_only", false),
		debug:    w.Debug,
		constant: mountedReadOnly,
	}
	if d.path == "" {
		s.Wrong("directory", "directory is missing: where the files are, such as /run/secrets")
	}
	if err := s.Done(); err != nil {
		return nil, err
	}
	return d, nil
}

// Traits implements [provider.Provider].
func (d *directory) Traits() provider.Traits { return provider.Traits{Writable: !d.readOnly} }

// Close implements [provider.Provider].
func (d *directory) Close() error { return nil }

// Health implements [provider.Provider].
func (d *directory) Health(ctx context.Context) error {
	root, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.Open(".")
	if err != nil {
		return d.explain(err, "", "open "+d.path)
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return d.explain(err, "", "list "+d.path)
	}
	return nil
}

// open opens the directory. That it is not there is no answer about any secret (I19): a volume may not be mounted.
func (d *directory) open(ctx context.Context) (*os.Root, error) {
	if err := provider.Ended(ctx, d.name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, provider.Errorf(fault.Unavailable, d.name, "the directory %s is not there", d.path).
			WithFix("mount it, or make it: mkdir -m 700 %s", paths.Quote(d.path))
	}
	if err != nil {
		return nil, d.explain(err, "", "open the directory "+d.path)
	}
	return root, nil
}

// Read implements [provider.Provider].
func (d *directory) Read(ctx context.Context, secretName, version string) (provider.Item, error) {
	if err := provider.CheckName(d.name, secretName); err != nil {
		return provider.Item{}, err
	}
	root, err := d.open(ctx)
	if err != nil {
		return provider.Item{}, err
	}
	defer root.Close()
	if !possible(root, secretName) {
		return provider.Item{}, provider.NotFound(d.name, secretName)
	}
	f, err := root.OpenFile(secretName, os.O_RDONLY|nonblock, 0) // a FIFO must not hold us up
	if missing(err) {
		return provider.Item{}, provider.NotFound(d.name, secretName)
	}
	if err != nil {
		return provider.Item{}, d.explain(err, secretName, "open "+secretName)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return provider.Item{}, d.explain(err, secretName, "look at "+secretName)
	}
	switch {
	case info.IsDir():
		return provider.Item{}, provider.NotFound(d.name, secretName)
	case version != "":
		return provider.Item{}, provider.NoVersion(d.name, secretName, version)
	}
	if err := d.check(f, info, secretName); err != nil {
		return provider.Item{}, err
	}
	value, err := io.ReadAll(io.LimitReader(f, provider.MaxValue+1))
	if err != nil {
		return provider.Item{}, d.explain(err, secretName, "read "+secretName)
	}
	if err := provider.CheckRead(d.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: secretName, Value: secret.New(value), UpdatedAt: info.ModTime()}, nil
}

// check returns why an open file cannot be used as a secret, or nil.
func (d *directory) check(f *os.File, info fs.FileInfo, secretName string) error {
	if !info.Mode().IsRegular() {
		return provider.Errorf(fault.Invalid, d.name, "%s is not a regular file", secretName).About(secretName).WithFix("put a file there")
	}
	if d.constant(f) {
		return nil
	}
	path := paths.Quote(d.path + "/" + secretName)
	if perm := info.Mode().Perm(); tooWide(perm) {
		return provider.Errorf(fault.Denied, d.name, "%s has mode %04o: others on this machine can reach it", secretName, perm).About(secretName).
			WithFix("chmod 600 %s (any mode will do on a read-only mount)", path)
	}
	if uid, ok := strangersUID(info); ok {
		return provider.Errorf(fault.Denied, d.name, "%s belongs to uid %d, who can change it", secretName, uid).About(secretName).
			WithFix("chown %d %s", os.Geteuid(), path)
	}
	return nil
}

// List implements [provider.Provider].
func (d *directory) List(ctx context.Context, each func(provider.Item) error) error {
	root, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer root.Close()
	w := &walk{directory: d, ctx: ctx, root: root, each: each}
	return w.dir("", nil)
}

// A walk goes through the directory. It follows links, since Kubernetes mounts are made of them, but none into what it is in already.
type walk struct {
	*directory
	ctx  context.Context //nolint:containedctx // it lives for one call
	root *os.Root
	each func(provider.Item) error
	seen int
}

func (w *walk) dir(prefix string, within []fs.FileInfo) error {
	where := prefix
	if prefix == "" {
		where = "."
	}
	f, err := w.root.Open(where)
	if err != nil {
		return w.explain(err, "", "open "+where)
	}
	names, err := f.Readdirnames(maxEntries)
	self, statErr := f.Stat()
	_ = f.Close()
	if err = errors.Join(statErr, ignoreEOF(err)); err != nil {
		return w.explain(err, "", "list "+where)
	}
	for _, in := range within {
		if os.SameFile(in, self) {
			return nil
		}
	}
	within = append(within[:len(within):len(within)], self)
	for _, n := range names {
		if err := w.entry(prefix, n, within); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(prefix, base string, within []fs.FileInfo) error {
	if w.seen++; w.seen > maxEntries {
		return provider.Errorf(fault.Invalid, w.name, "more than %d files in %s", maxEntries, w.path).WithFix("name a directory of secrets only")
	}
	if err := provider.Ended(w.ctx, w.name); err != nil {
		return err
	}
	full := prefix + base
	if name.Problem(full) != "" || hidden(full) {
		return nil
	}
	info, err := w.root.Stat(full)
	switch {
	case err != nil:
		w.debug("a file that cannot be looked at is left out", "provider", w.name, "file", full)
		return nil
	case info.IsDir():
		return w.dir(full+"/", within)
	case !info.Mode().IsRegular():
		return nil
	}
	return w.each(provider.Item{Name: full, UpdatedAt: info.ModTime()})
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// possible reports whether a file of this name could be a secret here. Where the file system takes Token for token, it could be
// somebody else's: the spelling counts.
func possible(root *os.Root, secretName string) bool {
	return !hidden(secretName) && fits(secretName) && (!foldsCase || spelled(root, secretName))
}

// hidden reports whether a segment of a name begins with a dot.
func hidden(secretName string) bool {
	return strings.HasPrefix(secretName, ".") || strings.Contains(secretName, "/.")
}

// spelled reports whether each segment of the name stands in its directory exactly so, or not at all.
func spelled(root *os.Root, secretName string) bool {
	dir := "."
	for segment := range strings.SplitSeq(secretName, "/") {
		f, err := root.Open(dir)
		if err != nil {
			return true // there is nothing that could be mistaken
		}
		names, _ := f.Readdirnames(-1)
		_ = f.Close()
		for _, n := range names {
			if n != segment && strings.EqualFold(n, segment) {
				return false
			}
		}
		dir += "/" + segment
	}
	return true
}

// missing reports whether an error says that there is no such file: none of this name, a directory of its path is none or a file,
// or no file can have such a name.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// explain gives an error of the system its class. None is "not found": who gets here does not know what is there.
func (d *directory) explain(err error, about, doing string) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	e := provider.Errorf(fault.Unavailable, d.name, "%s: %v", doing, err).About(about).WithFix("look at %s", paths.Quote(d.path))
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Code = fault.Denied
		return e.WithFix("give yourself access to %s", paths.Quote(d.path))
	case errors.Is(err, syscall.EROFS):
		return provider.ReadOnly(d.name, "change the secret where it is mounted from")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return provider.Errorf(fault.DiskFull, d.name, "%s: no space left; nothing was changed", doing).About(about).WithFix("make room")
	case strings.Contains(err.Error(), "escapes from parent"): // os.Root has no sentinel for it
		return provider.Errorf(fault.Denied, d.name, "%s: a link leads out of %s", doing, d.path).About(about).
			WithFix("put the file itself into the directory")
	}
	return e
}
