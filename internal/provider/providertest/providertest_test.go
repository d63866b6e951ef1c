package providertest_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

// memory is the provider that the suite itself is tried on: it keeps versions in a map, and misbehaves as it is told.
type memory struct {
	mu      sync.Mutex
	of      map[string][][]byte
	fault   providertest.Fault
	trashed map[string]bool
}

func (m *memory) check(ctx context.Context, name string) error {
	const way = "mend it"
	if name != "-" {
		if err := provider.CheckName(providertest.Name, name); err != nil {
			return err
		}
	}
	if err := provider.Ended(ctx, providertest.Name); err != nil {
		return err
	}
	switch m.fault {
	case providertest.None:
		return nil
	case providertest.Denied, providertest.Expired:
		return provider.Errorf(fault.Denied, providertest.Name, "403").WithFix(way)
	case providertest.Throttled:
		return provider.WithRetryAfter(provider.Errorf(fault.Limited, providertest.Name, "429").WithFix(way), providertest.Wait)
	case providertest.Slow:
		<-ctx.Done()
		return provider.Ended(ctx, providertest.Name)
	}
	return provider.Errorf(fault.Unavailable, providertest.Name, "%s", m.fault).WithFix(way)
}

func (m *memory) Read(ctx context.Context, name, version string) (provider.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, name); err != nil {
		return provider.Item{}, err
	}
	all := m.of[name]
	n := len(all)
	switch version {
	case "":
	case provider.Previous:
		n--
	default:
		n, _ = strconv.Atoi(version)
	}
	if n < 1 || n > len(all) || m.trashed[name] {
		return provider.Item{}, provider.NotFound(providertest.Name, name)
	}
	return provider.Item{Name: name, Version: strconv.Itoa(n), Value: secret.New(slices.Clone(all[n-1]))}, nil
}

func (m *memory) Write(ctx context.Context, name string, value secret.Value) (provider.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, name); err != nil {
		return provider.Item{}, err
	}
	if err := provider.CheckWrite(providertest.Name, name, value); err != nil {
		return provider.Item{}, err
	}
	if m.trashed[name] {
		return provider.Item{}, provider.Errorf(fault.Conflict, providertest.Name, "it was deleted").WithFix("bring it back")
	}
	m.of[name] = append(m.of[name], slices.Clone(value.Reveal()))
	return provider.Item{Name: name, Version: strconv.Itoa(len(m.of[name]))}, nil
}

func (m *memory) List(ctx context.Context, each func(provider.Item) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, "-"); err != nil {
		return err
	}
	for name := range m.of {
		if m.trashed[name] {
			continue
		}
		if err := each(provider.Item{Name: name}); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Delete(ctx context.Context, name string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, name); err != nil {
		return 0, err
	}
	n := len(m.of[name])
	if n == 0 {
		return 0, provider.NotFound(providertest.Name, name)
	}
	delete(m.of, name)
	return n, nil
}

func (m *memory) Versions(ctx context.Context, name string) ([]provider.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, name); err != nil {
		return nil, err
	}
	var all []provider.Item
	for i := len(m.of[name]); i > 0; i-- {
		all = append(all, provider.Item{Name: name, Version: strconv.Itoa(i)})
	}
	if all == nil {
		return nil, provider.NotFound(providertest.Name, name)
	}
	return all, nil
}

func (m *memory) ReadMany(ctx context.Context, asked []provider.Asked) []provider.Answer {
	answers := make([]provider.Answer, len(asked))
	for i, a := range asked {
		answers[i].Item, answers[i].Err = m.Read(ctx, a.Name, a.Version)
	}
	return answers
}

func (m *memory) Health(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.check(ctx, "-")
}

func (m *memory) Traits() provider.Traits {
	return provider.Traits{Writable: true, Versions: true, Remote: true}
}
func (m *memory) Close() error { return nil }

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{PageSize: 3, New: func(*testing.T, provider.World) providertest.Subject {
		m := &memory{of: map[string][][]byte{}, trashed: map[string]bool{}}
		return providertest.Subject{
			Provider: m,
			Break: func(f providertest.Fault) {
				m.mu.Lock()
				m.fault = f
				m.mu.Unlock()
			},
			SoftDelete: func(name string) { m.trashed[name] = true },
		}
	}})
}
