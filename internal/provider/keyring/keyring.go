package keyring

import (
	"context"
	"errors"

	"tacit/internal/envelope/oskeyring"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/provider/program"
	"tacit/internal/secret"
)

// DefaultService is the service whose items are secrets, unless service says otherwise.
const DefaultService = "tacit"

// maxService is the longest name of a service in bytes. Windows takes no more in one place.
const maxService = 128

type keyring struct {
	name  string // of the provider
	items *oskeyring.Items
	debug func(string, ...any)
	turn  provider.Turn // the keyring answers one call after the other, and the time of a call begins with its turn
}

// inTurn calls fn when no other call of this provider is under way.
func (k *keyring) inTurn(ctx context.Context, fn func() error) error {
	if err := k.turn.Take(ctx); err != nil {
		return err
	}
	defer k.turn.Give()
	return fn()
}

// Make makes the provider of kind keyring.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	s := spec.Settings
	service := s.Text("service", DefaultService)
	if service == "" || len(service) > maxService {
		s.Wrong("service", "service is the name under which items are kept, such as %s", DefaultService)
	}
	if err := s.Done(); err != nil {
		return nil, err
	}
	return &keyring{spec.Name, oskeyring.New(w.Getenv).Items(service), w.Debug, provider.NewTurn()}, nil
}

// Traits implements [provider.Provider].
func (k *keyring) Traits() provider.Traits { return provider.Traits{Writable: true} }

// Close implements [provider.Provider]: every call has a conversation of its own.
func (k *keyring) Close() error { return nil }

// Health implements [provider.Provider].
func (k *keyring) Health(ctx context.Context) error {
	if err := provider.Ended(ctx, k.name); err != nil {
		return err
	}
	return k.explain(ctx, k.inTurn(ctx, func() error { return k.items.Check(ctx) }), "")
}

// Read implements [provider.Provider].
func (k *keyring) Read(ctx context.Context, secretName, version string) (provider.Item, error) {
	if err := k.check(ctx, secretName); err != nil {
		return provider.Item{}, err
	}
	var value []byte
	err := k.inTurn(ctx, func() (err error) {
		value, err = k.items.Get(ctx, secretName)
		return err
	})
	if err != nil {
		return provider.Item{}, k.explain(ctx, err, secretName)
	}
	if version != "" {
		return provider.Item{}, provider.NoVersion(k.name, secretName, version)
	}
	if err := provider.CheckRead(k.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: secretName, Value: secret.New(value)}, nil
}

// Write implements [provider.Provider].
func (k *keyring) Write(ctx context.Context, secretName string, value secret.Value) (provider.Item, error) {
	if err := k.check(ctx, secretName); err != nil {
		return provider.Item{}, err
	}
	if err := provider.CheckWrite(k.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	if err := k.inTurn(ctx, func() error { return k.items.Put(ctx, secretName, value.Reveal()) }); err != nil {
		return provider.Item{}, k.explain(ctx, err, secretName)
	}
	return provider.Item{Name: secretName}, nil
}

// Delete implements [provider.Provider].
func (k *keyring) Delete(ctx context.Context, secretName string) (int, error) {
	if err := k.check(ctx, secretName); err != nil {
		return 0, err
	}
	if err := k.inTurn(ctx, func() error { return k.items.Remove(ctx, secretName) }); err != nil {
		return 0, k.explain(ctx, err, secretName)
	}
	return 1, nil
}

// List implements [provider.Provider]. Items of other programs under the same service, whose names are none of ours, are left out.
func (k *keyring) List(ctx context.Context, each func(provider.Item) error) error {
	if err := provider.Ended(ctx, k.name); err != nil {
		return err
	}
	var names []string
	err := k.inTurn(ctx, func() (err error) {
		names, err = k.items.Names(ctx)
		return err
	})
	if err != nil {
		return k.explain(ctx, err, "")
	}
	for _, n := range names {
		if name.Problem(n) != "" {
			k.debug("an item whose name is none of a secret is left out", "provider", k.name)
			continue
		}
		if err := each(provider.Item{Name: n}); err != nil {
			return err
		}
	}
	return nil
}

func (k *keyring) check(ctx context.Context, secretName string) error {
	if err := provider.CheckName(k.name, secretName); err != nil {
		return err
	}
	return provider.Ended(ctx, k.name)
}

// explain makes an error of the keyring one of the provider.
func (k *keyring) explain(ctx context.Context, err error, secretName string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fault.NotFound) && secretName != "":
		return provider.NotFound(k.name, secretName)
	}
	if ended := provider.Ended(ctx, k.name); ended != nil {
		return ended
	}
	class, fix := fault.Unavailable, "unlock the keyring, or keep the secret in the vault: --provider local"
	var e *fault.Error
	if errors.As(err, &e) && (e.Code == fault.Invalid || e.Code == fault.Usage) {
		class = e.Code
		if e.Fix != "" {
			fix = e.Fix
		}
	}
	return provider.Errorf(class, k.name, "%s", program.Detail([]byte(err.Error()))).About(secretName).WithFix("%s", fix)
}
