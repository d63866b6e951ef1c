package hashivault

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// kv1 is version 1 of the engine: one value an entry, and the last write wins.
type kv1 struct{ *conn }

// Traits says that version 1 keeps no older versions.
func (*kv1) Traits() provider.Traits { return provider.Traits{Writable: true, Remote: true} }

func (k *kv1) path(name string) string { return k.mount + "/" + k.prefix + name }

// holds reports whether version 1 can have an entry of this name: Vault's storage refuses two dots in a row.
func holds(name string) bool { return !strings.Contains(name, "..") }

// fields returns the fields of an entry; nil when there is none, which was made sure of.
func (k *kv1) fields(ctx context.Context, what, name string) (jsontext.Value, error) {
	answer, err := k.call(ctx, what+" "+name, http.MethodGet, k.path(name), nil, nil)
	switch {
	case err != nil:
		return nil, err
	case answer.missing:
		return nil, k.confirm(ctx)
	case answer.Data == nil:
		return jsontext.Value("null"), nil
	}
	return answer.Data, nil
}

func (k *kv1) Read(ctx context.Context, name, version string) (provider.Item, error) {
	if err := provider.CheckName(k.name, name); err != nil {
		return provider.Item{}, err
	}
	if !holds(name) {
		return provider.Item{}, provider.NotFound(k.name, name)
	}
	fields, err := k.fields(ctx, "read", name)
	switch {
	case err != nil:
		return provider.Item{}, err
	case fields == nil:
		return provider.Item{}, provider.NotFound(k.name, name)
	case version != "":
		return provider.Item{}, provider.NoVersion(k.name, name, version)
	}
	value, err := k.unpack(name, fields)
	if err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: name, Value: value}, nil
}

func (k *kv1) Write(ctx context.Context, name string, value secret.Value) (provider.Item, error) {
	if err := provider.CheckWrite(k.name, name, value); err != nil {
		return provider.Item{}, err
	}
	if !holds(name) {
		return provider.Item{}, provider.Errorf(fault.Invalid, k.name, "version 1 of the engine cannot hold the name %s", name).About(name).WithFix("use a name without two dots in a row")
	}
	fields, err := k.fields(ctx, "write", name)
	if err != nil {
		return provider.Item{}, err
	}
	if fields != nil {
		if err := k.replaceable(name, fields); err != nil {
			return provider.Item{}, err
		}
	}
	answer, err := k.call(ctx, "write "+name, http.MethodPut, k.path(name), nil, pack(value))
	switch {
	case err != nil:
		return provider.Item{}, err
	case answer.missing:
		return provider.Item{}, k.vanished("write " + name)
	}
	return provider.Item{Name: name}, nil
}

func (k *kv1) List(ctx context.Context, each func(provider.Item) error) error {
	return k.list(ctx, k.mount+"/", "", each)
}

func (k *kv1) Delete(ctx context.Context, name string) (int, error) {
	if err := provider.CheckName(k.name, name); err != nil {
		return 0, err
	}
	if !holds(name) {
		return 0, provider.NotFound(k.name, name)
	}
	fields, err := k.fields(ctx, "delete", name) // Vault says yes to deleting nothing
	switch {
	case err != nil:
		return 0, err
	case fields == nil:
		return 0, provider.NotFound(k.name, name)
	}
	answer, err := k.call(ctx, "delete "+name, http.MethodDelete, k.path(name), nil, nil)
	switch {
	case err != nil:
		return 0, err
	case answer.missing:
		return 0, k.vanished("delete " + name)
	}
	return 1, nil
}
