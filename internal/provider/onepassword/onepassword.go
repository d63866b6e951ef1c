package onepassword

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// A backend is a way to the items of the vault.
type backend interface {
	// find returns the items that could have this title; with an empty one, all items.
	find(ctx context.Context, title string) ([]overview, error)
	get(ctx context.Context, id string) (*item, error)
	create(ctx context.Context, title, value string) (*item, error)
	replace(ctx context.Context, id string, text []byte) (*item, error)
	remove(ctx context.Context, id string) error
	health(ctx context.Context) error
	close()
}

type vault struct {
	name     string // of the provider
	backend  backend
	readOnly bool
	debug    func(string, ...any)
}

// Make makes the provider of kind onepassword.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	s := spec.Settings
	url := s.Text("connect_url", w.Getenv("OP_CONNECT_HOST"))
	token := s.Text("token", "")
	title := s.Text("vault", "")
	v := &vault{name: spec.Name, readOnly: s.Flag("read_only", false), debug: w.Debug}
	if title == "" || strings.HasPrefix(title, "-") { // which op would take for a flag
		s.Wrong("vault", "vault is missing: the name or id of a vault of 1Password")
	}
	if url != "" && token == "" {
		if token = w.Getenv("OP_CONNECT_TOKEN"); token == "" {
			s.Wrong("token", "token is missing: the access token of the Connect server, here or in OP_CONNECT_TOKEN")
		}
	}
	pem := s.Text("ca_pem", "")
	if err := s.Done(); err != nil {
		return nil, err
	}
	if url == "" {
		v.backend = newCommand(spec.Name, title, token, w)
		return v, nil
	}
	c, err := newConnect(spec.Name, url, token, title, pem, w)
	if err != nil {
		return nil, err
	}
	v.backend = c
	return v, nil
}

// Traits implements [provider.Provider]. Items have versions, of which 1Password hands out the current one only.
func (v *vault) Traits() provider.Traits { return provider.Traits{Writable: !v.readOnly, Remote: true} }

// Close implements [provider.Provider].
func (v *vault) Close() error {
	v.backend.close()
	return nil
}

// Health implements [provider.Provider].
func (v *vault) Health(ctx context.Context) error {
	if err := provider.Ended(ctx, v.name); err != nil {
		return err
	}
	return v.backend.health(ctx)
}

// Read implements [provider.Provider].
func (v *vault) Read(ctx context.Context, secretName, version string) (provider.Item, error) {
	found, err := v.only(ctx, secretName)
	if err != nil {
		return provider.Item{}, err
	}
	it, err := v.get(ctx, found)
	if err != nil {
		return provider.Item{}, err
	}
	if version != "" && version != strconv.Itoa(it.Version) {
		return provider.Item{}, provider.NoVersion(v.name, secretName, version)
	}
	_, value, err := it.secretField()
	if err != nil {
		return provider.Item{}, v.strange(secretName, err)
	}
	if err := provider.CheckRead(v.name, secretName, []byte(value)); err != nil {
		return provider.Item{}, err
	}
	answer := described(it.overview)
	answer.Value = secret.New([]byte(value))
	return answer, nil
}

// only returns the one item of this title.
func (v *vault) only(ctx context.Context, secretName string) (overview, error) {
	if err := provider.CheckName(v.name, secretName); err != nil {
		return overview{}, err
	}
	if err := provider.Ended(ctx, v.name); err != nil {
		return overview{}, err
	}
	all, err := v.backend.find(ctx, secretName)
	if err != nil {
		return overview{}, err
	}
	var found []overview
	for _, o := range all {
		if o.Title == secretName && o.here() {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return overview{}, provider.NotFound(v.name, secretName)
	case 1:
		return found[0], nil
	}
	return overview{}, provider.Errorf(fault.Invalid, v.name, "%d items have the title %s", len(found), secretName).About(secretName).
		WithFix("rename all but one")
}

// get returns an item that was found, and that it is the one.
func (v *vault) get(ctx context.Context, found overview) (*item, error) {
	it, err := v.backend.get(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	if it.ID != found.ID || it.Title != found.Title {
		return nil, v.strange(found.Title, errors.New("the answer is about another item"))
	}
	return it, nil
}

// strange is an answer that cannot be used. It quotes nothing of it.
func (v *vault) strange(secretName string, why error) error {
	return provider.Errorf(fault.Invalid, v.name, "%s: %v", secretName, why).About(secretName).
		WithFix("look at the item in 1Password: its password is what is read")
}

// List implements [provider.Provider]. Items whose titles are no names, as people write them, are left out.
func (v *vault) List(ctx context.Context, each func(provider.Item) error) error {
	if err := provider.Ended(ctx, v.name); err != nil {
		return err
	}
	all, err := v.backend.find(ctx, "")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, o := range all {
		if !o.here() || name.Problem(o.Title) != "" {
			continue
		}
		if seen[o.Title] {
			v.debug("several items have one title", "provider", v.name)
			continue
		}
		seen[o.Title] = true
		if err := each(described(o)); err != nil {
			return err
		}
	}
	return nil
}

func described(o overview) provider.Item {
	it := provider.Item{Name: o.Title, Tags: o.Tags, CreatedAt: o.created(), UpdatedAt: o.updated()}
	if o.Version > 0 {
		it.Version = strconv.Itoa(o.Version)
	}
	return it
}

// Write implements [provider.Provider]: a new item of category Password, or another value in the one that is there.
func (v *vault) Write(ctx context.Context, secretName string, value secret.Value) (provider.Item, error) {
	if v.readOnly {
		return provider.Item{}, v.isReadOnly()
	}
	if err := provider.CheckWrite(v.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	if b := value.Reveal(); !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return provider.Item{}, provider.Errorf(fault.Invalid, v.name, "the value of %s is not text, and 1Password keeps only text", secretName).About(secretName).
			WithFix("keep it as base64 text, or in the vault: --provider local")
	}
	found, err := v.only(ctx, secretName)
	var it *item
	switch {
	case errors.Is(err, fault.NotFound):
		it, err = v.backend.create(ctx, secretName, string(value.Reveal()))
	case err == nil:
		it, err = v.change(ctx, found, string(value.Reveal()))
	}
	if err != nil {
		return provider.Item{}, err
	}
	if it.Title != secretName {
		return provider.Item{}, v.strange(secretName, errors.New("the answer is about another item"))
	}
	return described(it.overview), nil
}

func (v *vault) change(ctx context.Context, found overview, value string) (*item, error) {
	it, err := v.get(ctx, found)
	if err != nil {
		return nil, err
	}
	text, err := it.setSecret(value)
	if err != nil {
		return nil, v.strange(found.Title, err)
	}
	return v.backend.replace(ctx, it.ID, text)
}

// Delete implements [provider.Provider]. How many versions 1Password had it does not say.
func (v *vault) Delete(ctx context.Context, secretName string) (int, error) {
	if v.readOnly {
		return 0, v.isReadOnly()
	}
	found, err := v.only(ctx, secretName)
	if err != nil {
		return 0, err
	}
	return 0, v.backend.remove(ctx, found.ID)
}

func (v *vault) isReadOnly() error {
	return provider.ReadOnly(v.name, "remove read_only from the provider's settings")
}

// isID reports whether a text is an identifier of 1Password: 26 lower-case letters and digits. It goes into paths and arguments.
func isID(s string) bool {
	return len(s) == 26 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
