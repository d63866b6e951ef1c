package envvars

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
)

// of makes a provider over an environment that is handed out as the program does it.
func of(t *testing.T, env []string, pairs ...any) provider.Provider {
	t.Helper()
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table(pairs...)}, provider.World{
		ChildEnvironment: func(context.Context) ([]string, error) { return handoff.Strip(env, "MY_SLOT"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{New: func(t *testing.T, w provider.World) providertest.Subject {
		var mu sync.Mutex
		var env []string
		w.ChildEnvironment = func(context.Context) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(env), nil
		}
		p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table()}, w)
		if err != nil {
			t.Fatal(err)
		}
		add := func(e ...string) {
			mu.Lock()
			defer mu.Unlock()
			env = append(env, e...)
		}
		return providertest.Subject{
			Provider: p,
			Put: func(name string, value []byte) {
				add(DefaultPrefix + p.(*variables).variable(name) + "=" + string(value))
			},
			Foreign: func() {
				add("PATH=/bin", DefaultPrefix+"=x", DefaultPrefix+"_X=x", DefaultPrefix+"lower=x", DefaultPrefix+"EMPTY=", "broken")
			},
		}
	}})
}

func TestVariableOfAName(t *testing.T) {
	t.Parallel()
	env := []string{"TACIT_SECRET_DB_PASSWORD=one", "APP_db_password=two", "DB_PASSWORD=three", "APP_DB_PASSWORD=four", "TACIT_SECRET_DB_PASSWORD=later"}
	for _, test := range []struct {
		name     string
		settings []any
		secret   string
		want     string // empty: not found
	}{
		{"default", nil, "db-password", "one"},
		{"dots", nil, "db.password", "one"},
		{"slashes", nil, "db/password", "one"},
		{"as it is", nil, "DB_PASSWORD", "one"},
		{"another prefix", []any{"prefix", "APP_"}, "db-password", "four"},
		{"case is kept", []any{"prefix", "APP_", "uppercase_names", "false"}, "db-password", "two"},
		{"case is kept and differs", []any{"uppercase_names", "false"}, "db-password", ""},
		{"the prefix is needed", []any{"prefix", "NONE_"}, "db-password", ""},
		{"unprefixed", []any{"prefix", "NONE_", "allow_unprefixed", "true"}, "db-password", "three"},
		{"prefixed first", []any{"allow_unprefixed", "true"}, "db-password", "one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			it, err := of(t, env, test.settings...).Read(t.Context(), test.secret, "")
			if test.want == "" {
				if !errors.Is(err, fault.NotFound) {
					t.Errorf("got %v, want not_found", err)
				}
				return
			}
			if err != nil || string(it.Value.Reveal()) != test.want {
				t.Errorf("got %q, %v, want %q", it.Value.Reveal(), err, test.want)
			}
		})
	}
}

func TestListNamesWhatCanBeRead(t *testing.T) {
	t.Parallel()
	env := []string{"TACIT_SECRET_DB_PASSWORD=1", "TACIT_SECRET_Mixed_Case=2", "TACIT_SECRET_1X=3", "TACIT_SECRET_DB_PASSWORD=4", "HOME=/h"}
	for _, test := range []struct {
		settings []any
		want     []string
	}{
		{nil, []string{"db-password"}},
		{[]any{"uppercase_names", "false"}, []string{"DB_PASSWORD", "Mixed_Case"}},
		{[]any{"allow_unprefixed", "true"}, []string{"db-password"}},
	} {
		p := of(t, env, test.settings...)
		var got []string
		err := p.List(t.Context(), func(it provider.Item) error {
			got = append(got, it.Name)
			_, err := p.Read(t.Context(), it.Name, "")
			return err
		})
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%v: %q, %v, want %q", test.settings, got, err, test.want)
		}
	}
}

// I19: a variable that is set and empty is not "no such secret".
func TestI19EmptyIsNotMissing(t *testing.T) {
	t.Parallel()
	_, err := of(t, []string{"TACIT_SECRET_X="}).Read(t.Context(), "x", "")
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "TACIT_SECRET_X is set and empty") {
		t.Error(err)
	}
}

// I19: what cannot be known is not "no such secret" either.
func TestI19UnknownIsNotMissing(t *testing.T) {
	t.Parallel()
	p, err := Make(provider.Spec{Name: "env", Settings: providertest.Table()}, provider.World{ChildEnvironment: func(context.Context) ([]string, error) {
		return nil, errors.New("disk gone")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(t.Context(), "x", ""); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

// I12: no configuration makes the keys of the vault readable as secrets.
func TestI12KeysOfTheVaultAreNoSecrets(t *testing.T) {
	t.Parallel()
	env := []string{"TACIT_PASSPHRASE=p", "TACIT_PASSPHRASE_FILE=f", "TACIT_IDENTITY=i", "TACIT_TOKEN=t", "MY_SLOT=k"}
	for _, p := range []provider.Provider{
		of(t, env, "prefix", "TACIT_"), of(t, env, "prefix", "T"), of(t, env, "allow_unprefixed", "true"), of(t, env, "prefix", "MY_"),
	} {
		for _, n := range []string{"passphrase", "TACIT_PASSPHRASE", "passphrase-file", "identity", "tacit-identity", "token", "tacit-token", "acit-token", "slot", "my-slot"} {
			if it, err := p.Read(t.Context(), n, ""); !errors.Is(err, fault.NotFound) {
				t.Errorf("%s is %q, %v", n, it.Value.Reveal(), err)
			}
		}
		if err := p.List(t.Context(), func(it provider.Item) error { return errors.New(it.Name) }); err != nil {
			t.Errorf("listed: %v", err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for want, pairs := range map[string][]any{
		"tacit.yaml:2: prefix begins":            {"prefix", "A-B"},
		"tacit.yaml:2: unknown key":              {"prefx", "A"},
		"tacit.yaml:2: uppercase_names is true":  {"uppercase_names", "yes"},
		"tacit.yaml:2: prefix begins the name o": {"prefix", ""},
	} {
		_, err := Make(provider.Spec{Name: "env", Settings: providertest.Table(pairs...)}, provider.World{})
		if !errors.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", pairs, err)
		}
	}
}
