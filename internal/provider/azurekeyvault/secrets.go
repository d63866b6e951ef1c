package azurekeyvault

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

const (
	// MaxStored is the longest text in bytes that Key Vault takes.
	MaxStored = 25_600
	// maxName is the longest name.
	maxName = 127
	// bytesType is the content type of a value that is base64 of bytes which are no text.
	bytesType = "application/octet-stream;encoding=base64"
	// probe is a name that nobody has; health asks for it.
	probe = "tacit-health-probe-of-nothing"
	// pageSize is what the vault allows at most; maxPages bounds a vault that has no end.
	pageSize, maxPages = "25", 10_000
)

// A bundle is a secret as Key Vault writes it.
type bundle struct {
	ID          string            `json:"id,omitzero"`
	Value       *string           `json:"value,omitzero"`
	ContentType string            `json:"contentType,omitempty"`
	Attributes  attributes        `json:"attributes,omitzero"`
	Tags        map[string]string `json:"tags,omitempty"`
	Managed     bool              `json:"managed,omitzero"` // it is the private part of a certificate
}

// Times are in seconds since 1970.
type attributes struct {
	Enabled   *bool `json:"enabled,omitzero"`
	NotBefore int64 `json:"nbf,omitzero"`
	Expires   int64 `json:"exp,omitzero"`
	Created   int64 `json:"created,omitzero"`
	Updated   int64 `json:"updated,omitzero"`
}

// Traits says what Key Vault can do.
func (*vault) Traits() provider.Traits {
	return provider.Traits{Writable: true, Versions: true, Remote: true}
}

// holds reports whether Key Vault can have a secret of this name.
func holds(secret string) bool {
	return len(secret) <= maxName && !strings.ContainsAny(secret, "._/")
}

// Read returns a version: what Key Vault calls it (32 hexadecimal digits), [provider.Previous], or the current one.
func (v *vault) Read(ctx context.Context, name, version string) (provider.Item, error) {
	if err := provider.CheckName(v.name, name); err != nil {
		return provider.Item{}, err
	}
	if !holds(name) {
		return provider.Item{}, provider.NotFound(v.name, name)
	}
	if version == provider.Previous {
		var err error
		if version, err = v.previous(ctx, name); err != nil {
			return provider.Item{}, err
		}
	}
	if strings.ContainsFunc(version, func(r rune) bool { return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') }) || len(version) > 64 {
		return provider.Item{}, provider.NotFound(v.name, name)
	}
	b, err := v.get(ctx, "read", name, version)
	if err != nil {
		return provider.Item{}, err
	}
	it, err := v.item(b, name)
	switch {
	case err != nil:
		return provider.Item{}, err
	case version != "" && it.Version != version, b.Value == nil:
		return provider.Item{}, v.strange("read " + name)
	case b.Attributes.Expires != 0 && !it.ExpiresAt.After(v.now()):
		return provider.Item{}, provider.Errorf(fault.Expired, v.name, "%s expired on %s", name, it.ExpiresAt.Format(time.DateOnly)).About(name).WithFix("write a new version")
	case b.Attributes.NotBefore != 0 && time.Unix(b.Attributes.NotBefore, 0).After(v.now()):
		return provider.Item{}, provider.Errorf(fault.Denied, v.name, "%s is not to be used yet", name).About(name).WithFix("change its activation date in the vault")
	}
	value := []byte(*b.Value)
	if b.ContentType == bytesType {
		if value, err = base64.StdEncoding.DecodeString(*b.Value); err != nil {
			return provider.Item{}, provider.Errorf(fault.Invalid, v.name, "%s is no base64, and its content type says so", name).About(name).WithFix("write it anew")
		}
	}
	if err := provider.CheckRead(v.name, name, value); err != nil {
		return provider.Item{}, err
	}
	it.Value = secret.New(value)
	return it, nil
}

// previous returns the version before the current one. Which one is current the vault says itself; of the others only times in whole
// seconds are known, so that two of the same second cannot be told apart.
func (v *vault) previous(ctx context.Context, name string) (string, error) {
	b, err := v.get(ctx, "read", name, "")
	if err != nil {
		return "", err
	}
	current, err := v.item(b, name)
	switch {
	case err != nil:
		return "", err
	case current.Version == "":
		return "", v.strange("read " + name)
	}
	all, err := v.Versions(ctx, name)
	if err != nil {
		return "", err
	}
	all = slices.DeleteFunc(all, func(it provider.Item) bool { // what is newer was written meanwhile
		return it.Version == current.Version || it.CreatedAt.After(current.CreatedAt)
	})
	switch {
	case len(all) == 0:
		return "", provider.Errorf(fault.NotFound, v.name, "%s has no previous version", name).About(name).WithFix("read it without a version")
	case len(all) > 1 && all[0].CreatedAt.Equal(all[1].CreatedAt):
		return "", provider.Errorf(fault.Conflict, v.name, "two versions of %s are of the same second, and either may be the previous one", name).About(name).
			WithFix("read one by its id: `tacit history %s --provider %s`", name, v.name)
	}
	return all[0].Version, nil
}

// get asks for a version; the empty one is the current one.
func (v *vault) get(ctx context.Context, what, name, version string) (bundle, error) {
	var b bundle
	path := "/secrets/" + name
	if version != "" {
		path += "/" + version
	}
	err := v.ask(ctx, rest.Request{What: what + " " + name, Path: path}, name, nil, &b)
	return b, err
}

// item returns what a bundle says without its value. want is the name that was asked for; empty: any. For Key Vault names that differ only
// in case are one secret, for tacit they are two: what answers to the other name is neither there nor missing, and not to be written over.
func (v *vault) item(b bundle, want string) (provider.Item, error) {
	u, err := url.Parse(b.ID)
	var segments []string
	if err == nil {
		segments = strings.Split(strings.Trim(u.Path, "/"), "/") // secrets, name and, unless in a list of secrets, version
	}
	if len(segments) < 2 || len(segments) > 3 || segments[0] != "secrets" || want != "" && !strings.EqualFold(segments[1], want) {
		return provider.Item{}, v.strange("read " + want)
	}
	if want != "" && segments[1] != want {
		return provider.Item{}, provider.Errorf(fault.Conflict, v.name, "%s is there as %s, and Key Vault knows no difference", want, segments[1]).About(want).
			WithFix("name it %s, or choose a name that differs in more than case", segments[1])
	}
	it := provider.Item{Name: want}
	if want == "" {
		it.Name = segments[1]
	}
	if len(segments) == 3 {
		it.Version = segments[2]
	}
	for key, value := range b.Tags {
		if value != "" {
			key += "=" + value
		}
		it.Tags = append(it.Tags, key)
	}
	slices.Sort(it.Tags)
	it.CreatedAt, it.UpdatedAt, it.ExpiresAt = moment(b.Attributes.Created), moment(b.Attributes.Updated), moment(b.Attributes.Expires)
	return it, nil
}

func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func (v *vault) strange(what string) error {
	return provider.Errorf(fault.Invalid, v.name, "%s: the answer is not what Key Vault answers", what).WithFix("check vault_url")
}

// stored returns value as Key Vault can hold it: as text, or in base64 with the content type that says so.
func stored(value []byte) (text, contentType string) {
	if utf8.Valid(value) && !slices.ContainsFunc(value, func(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f }) {
		return string(value), ""
	}
	return base64.StdEncoding.EncodeToString(value), bytesType
}

// Write adds a version. It keeps the tags of the current one, which Key Vault would drop, and not its expiry: the value is new.
func (v *vault) Write(ctx context.Context, name string, value secret.Value) (provider.Item, error) {
	if err := provider.CheckWrite(v.name, name, value); err != nil {
		return provider.Item{}, err
	}
	if !holds(name) {
		return provider.Item{}, provider.Errorf(fault.Invalid, v.name, "Key Vault cannot hold the name %s", name).About(name).
			WithFix("its names have letters, digits and '-', at most %d", maxName)
	}
	text, contentType := stored(value.Reveal())
	if len(text) > MaxStored {
		return provider.Item{}, provider.Errorf(fault.Invalid, v.name, "Key Vault cannot hold %d bytes for %s", len(text), name).About(name).
			WithFix("it holds %d bytes, and three quarters of that where the value is no text", MaxStored)
	}
	current, err := v.get(ctx, "write", name, "")
	if err != nil && !errors.Is(err, fault.NotFound) {
		return provider.Item{}, err
	}
	if err == nil {
		if _, err = v.item(current, name); err != nil {
			return provider.Item{}, err
		}
	}
	if contentType == "" && current.ContentType != bytesType {
		contentType = current.ContentType
	}
	var made bundle
	r := rest.Request{What: "write " + name, Method: http.MethodPut, Path: "/secrets/" + name}
	if err := v.ask(ctx, r, name, bundle{Value: &text, ContentType: contentType, Tags: current.Tags}, &made); err != nil {
		if errors.Is(err, fault.NotFound) { // Key Vault never says so to a write
			return provider.Item{}, v.strange(r.What)
		}
		return provider.Item{}, err
	}
	return v.item(made, name)
}

// Delete deletes the secret. Where soft delete is on, as it is in every new vault, it can be brought back until it is purged, which
// tacit does not do.
func (v *vault) Delete(ctx context.Context, name string) (int, error) {
	if err := provider.CheckName(v.name, name); err != nil {
		return 0, err
	}
	if !holds(name) {
		return 0, provider.NotFound(v.name, name)
	}
	if err := v.spelled(ctx, "delete", name); err != nil {
		return 0, err
	}
	var gone bundle
	return 0, v.ask(ctx, rest.Request{What: "delete " + name, Method: http.MethodDelete, Path: "/secrets/" + name}, name, nil, &gone)
}

var errEnough = errors.New("enough")

// spelled makes sure that a secret is there under just that name. It looks at a version, since a disabled secret, which can be deleted,
// can be got by nobody.
func (v *vault) spelled(ctx context.Context, what, name string) error {
	err := v.pages(ctx, what+" "+name, "/secrets/"+name+"/versions", name, func(b bundle) error {
		if _, err := v.item(b, name); err != nil {
			return err
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Versions returns the versions that are enabled, newest first. Key Vault's times have whole seconds: the order of two versions of one
// second is not known.
func (v *vault) Versions(ctx context.Context, name string) ([]provider.Item, error) {
	if err := provider.CheckName(v.name, name); err != nil {
		return nil, err
	}
	if !holds(name) {
		return nil, provider.NotFound(v.name, name)
	}
	var all []provider.Item
	err := v.pages(ctx, "list the versions of "+name, "/secrets/"+name+"/versions", name, func(b bundle) error {
		it, err := v.item(b, name)
		if err == nil && it.Version == "" {
			err = v.strange("list the versions of " + name)
		}
		if b.Attributes.Enabled == nil || *b.Attributes.Enabled {
			all = append(all, it)
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = provider.NotFound(v.name, name)
	}
	if err != nil {
		return nil, err
	}
	order.By(all, func(a, b provider.Item) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all, nil
}

// List calls each with every secret, except the private parts of certificates and those whose names are none of tacit's.
func (v *vault) List(ctx context.Context, each func(provider.Item) error) error {
	return v.pages(ctx, "list", "/secrets", "", func(b bundle) error {
		it, err := v.item(b, "")
		if err != nil {
			return err
		}
		if b.Managed || name.Problem(it.Name) != "" {
			return nil
		}
		return each(it)
	})
}

// pages follows a list from page to page. The next one is where the vault says, as long as that is in the same list of the same vault.
func (v *vault) pages(ctx context.Context, what, path, secret string, each func(bundle) error) error {
	query := url.Values{"maxresults": {pageSize}}
	for range maxPages {
		var page struct {
			Value *[]bundle `json:"value"`
			Next  string    `json:"nextLink"`
		}
		if err := v.ask(ctx, rest.Request{What: what, Path: path, Query: query}, secret, nil, &page); err != nil {
			if secret == "" && errors.Is(err, fault.NotFound) { // a list is never missing
				return v.strange(what)
			}
			return err
		}
		if page.Value == nil {
			return v.strange(what)
		}
		for _, b := range *page.Value {
			if err := each(b); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		next, err := url.Parse(page.Next)
		if err != nil || !v.sameList(next, path) {
			return provider.Errorf(fault.Invalid, v.name, "%s: the next page is not where this list is", what).WithFix("check vault_url: is it the vault's, or that of something in between?")
		}
		query = next.Query()
	}
	return provider.Errorf(fault.Invalid, v.name, "%s: there are more than %d pages", what, maxPages).WithFix("read secrets by name")
}

// sameList reports whether next is a page of the list at path of this vault. No request goes there by its host, whatever it says.
func (v *vault) sameList(next *url.URL, path string) bool {
	own, err := url.Parse(v.client.Base())
	return err == nil && next.Scheme == own.Scheme && strings.EqualFold(next.Hostname(), own.Hostname()) &&
		cmp.Or(next.Port(), "443") == cmp.Or(own.Port(), "443") && strings.EqualFold(strings.TrimSuffix(next.Path, "/"), path)
}

// Health asks for a secret that nobody has: that it is not there shows that the vault answers us, and needs no more than the permission
// to read.
func (v *vault) Health(ctx context.Context) error {
	_, err := v.get(ctx, "ask for its health", probe, "")
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
