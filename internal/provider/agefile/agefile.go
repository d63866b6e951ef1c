package agefile

import (
	"context"
	"errors"
	"path/filepath"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/paths"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

type file struct {
	name       string // of the provider
	path       string
	identity   string
	recipients []string
	format     string // "json", "yaml", "env"; empty: its beginning tells
	readOnly   bool
	turn       provider.Turn // of the callers of this process who change the file
}

// Make makes the provider of kind age-file.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	s := spec.Settings
	f := &file{
		name:       spec.Name,
		path:       w.Path(s, s.Text("path", "")),
		identity:   w.Path(s, s.Text("identity", "")),
		recipients: s.Texts("recipients"),
		readOnly:   s.Flag("read_only", false),
		turn:       provider.NewTurn(),
	}
	f.format = s.Text("format", formatOf(f.path))
	switch {
	case f.path == "":
		s.Wrong("path", "path is missing: the file that age has encrypted, such as secrets.yaml.age")
	case f.identity == "":
		s.Wrong("identity", "identity is missing: the file with the key that opens it, such as ~/.config/age/key.txt")
	case f.format != "" && f.format != "json" && f.format != "yaml" && f.format != "env":
		s.Wrong("format", "format is json, yaml or env")
	}
	if err := s.Done(); err != nil {
		return nil, err
	}
	return f, nil
}

// Traits implements [provider.Provider].
func (f *file) Traits() provider.Traits { return provider.Traits{Writable: !f.readOnly} }

// Close implements [provider.Provider].
func (f *file) Close() error { return nil }

// Health implements [provider.Provider]: it opens the file and looks at no value.
func (f *file) Health(ctx context.Context) error {
	o, err := f.open(ctx)
	if err == nil {
		_, err = f.document(o)
	}
	return err
}

func (f *file) document(o *opened) (document, error) {
	d, err := parse(o.format, o.text)
	if err != nil {
		return nil, f.damaged(err.Error())
	}
	return d, nil
}

// Read implements [provider.Provider].
func (f *file) Read(ctx context.Context, secretName, version string) (provider.Item, error) {
	a := f.ReadMany(ctx, []provider.Asked{{Name: secretName, Version: version}})[0]
	return a.Item, a.Err
}

// ReadMany implements [provider.Batch]: the file is opened once.
func (f *file) ReadMany(ctx context.Context, asked []provider.Asked) []provider.Answer {
	answers := make([]provider.Answer, len(asked))
	d, err := document(nil), error(nil)
	for i, a := range asked {
		if answers[i].Err = provider.CheckName(f.name, a.Name); answers[i].Err != nil {
			continue
		}
		if d == nil && err == nil {
			var o *opened
			if o, err = f.open(ctx); err == nil {
				d, err = f.document(o)
			}
		}
		if err != nil {
			answers[i].Err = err
			continue
		}
		answers[i] = f.one(d, a)
	}
	return answers
}

func (f *file) one(d document, a provider.Asked) provider.Answer {
	value, err := d.get(a.Name)
	switch {
	case errors.Is(err, errAbsent):
		return provider.Answer{Err: provider.NotFound(f.name, a.Name)}
	case a.Version != "":
		return provider.Answer{Err: provider.NoVersion(f.name, a.Name, a.Version)}
	case err == nil:
		err = provider.CheckRead(f.name, a.Name, value)
	default:
		err = provider.Errorf(fault.Invalid, f.name, "%s: %v", a.Name, err).About(a.Name).WithFix("write it as a text in quotes")
	}
	if err != nil {
		return provider.Answer{Err: err}
	}
	return provider.Answer{Item: provider.Item{Name: a.Name, Value: secret.New(value)}}
}

// List implements [provider.Provider]. Keys that are no names of secrets are left out.
func (f *file) List(ctx context.Context, each func(provider.Item) error) error {
	o, err := f.open(ctx)
	if err != nil {
		return err
	}
	d, err := f.document(o)
	if err != nil {
		return err
	}
	var stop error
	d.each(func(key string) {
		if stop == nil && name.Problem(key) == "" {
			stop = each(provider.Item{Name: key})
		}
	})
	return stop
}

// Write implements [provider.Provider].
func (f *file) Write(ctx context.Context, secretName string, value secret.Value) (provider.Item, error) {
	if err := f.mayChange(secretName); err != nil {
		return provider.Item{}, err
	}
	if err := provider.CheckWrite(f.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	err := f.change(ctx, secretName, value.Reveal())
	if err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: secretName}, nil
}

// Delete implements [provider.Provider].
func (f *file) Delete(ctx context.Context, secretName string) (int, error) {
	if err := f.mayChange(secretName); err != nil {
		return 0, err
	}
	if err := f.change(ctx, secretName, nil); err != nil {
		return 0, err
	}
	return 1, nil
}

func (f *file) mayChange(secretName string) error {
	if f.readOnly {
		return provider.ReadOnly(f.name, "remove read_only from the provider's settings")
	}
	return provider.CheckName(f.name, secretName)
}

// change gives a secret a value, or with nil removes it. The lock beside the file keeps other processes from writing what they read
// before us; who only reads needs none, since the file is replaced as a whole. Callers of this process queue before it, since the wait for
// it is short.
func (f *file) change(ctx context.Context, secretName string, value []byte) error {
	if f.turn.Take(ctx) == nil {
		defer f.turn.Give()
	}
	if err := provider.Ended(ctx, f.name); err != nil {
		return err
	}
	unlock, err := paths.Lock(ctx, filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".lock"), false)
	if err != nil {
		return f.explain(err, "lock "+f.path)
	}
	defer unlock()
	o, err := f.open(ctx)
	if err != nil {
		return err
	}
	d, err := f.document(o)
	if err != nil {
		return err
	}
	if _, err := d.get(secretName); value == nil && errors.Is(err, errAbsent) {
		return provider.NotFound(f.name, secretName)
	}
	text, err := change(o.format, o.text, secretName, value)
	if err != nil {
		return provider.Errorf(fault.Invalid, f.name, "%s: %v", secretName, err).About(secretName).WithFix("keep it in the vault: --provider local")
	}
	return f.save(ctx, o, text)
}
