package onepassword

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/program"
)

// command is the program op, version 2. Values go over standard input and output; arguments are titles and ids (I12).
type command struct {
	name    string // of the provider
	vault   string
	token   []byte // of a service account; may be empty
	program *program.Program
}

// newCommand: a token here is that of a service account, which op takes from its environment.
func newCommand(name, vault, token string, w provider.World) *command {
	if base := w.ChildEnvironment; token != "" && base != nil {
		w.ChildEnvironment = func(ctx context.Context) ([]string, error) {
			env, err := base(ctx)
			return append(env[:len(env):len(env)], "OP_SERVICE_ACCOUNT_TOKEN="+token), err
		}
	}
	return &command{name, vault, []byte(token), &program.Program{Provider: name, Argv: []string{"op"}, World: w, MaxOutput: 32 << 20}}
}

func (*command) close() {}

// run runs op on the vault. The values are those in stdin.
func (c *command) run(ctx context.Context, stdin []byte, values [][]byte, args ...string) ([]byte, error) {
	args = append(args, "--vault="+c.vault, "--format=json")
	r, err := c.program.Run(ctx, stdin, args...)
	if err != nil {
		return nil, err
	}
	if r.Exit != 0 {
		return nil, c.refused(r, values...)
	}
	return r.Stdout, nil
}

// refused gives what op complains about its class. It has one status for everything; what its words do not tell apart is unavailable,
// and none of them is "not found" (I19).
func (c *command) refused(r program.Result, values ...[]byte) error {
	err := c.program.Failed(r, append(values, c.token)...)
	said := strings.ToLower(string(r.Stderr))
	for _, known := range []struct {
		words string
		class fault.Code
		fix   string
	}{
		{"rate limit", fault.Limited, "wait a little and try again"},
		{"too many requests", fault.Limited, "wait a little and try again"},
		{"not currently signed in", fault.Denied, "op signin"},
		{"not signed in", fault.Denied, "op signin"},
		{"session expired", fault.Denied, "op signin"},
		{"authorization", fault.Denied, "unlock 1Password and permit op, or give the service account access to the vault"},
		{"unauthorized", fault.Denied, "op signin"},
		{"forbidden", fault.Denied, "give the account access to the vault"},
		{"permission", fault.Denied, "give the account access to the vault"},
	} {
		if strings.Contains(said, known.words) {
			err.Code = known.class
			return err.WithFix("%s", known.fix)
		}
	}
	return err
}

func (c *command) broken() error {
	return provider.Errorf(fault.Invalid, c.name, "op printed something else than it should").WithFix("check that it is op of version 2: op --version")
}

// find lists the whole vault: op would look for a title inexactly, and says that there is none in words only.
func (c *command) find(ctx context.Context, _ string) ([]overview, error) {
	out, err := c.run(ctx, nil, nil, "item", "list")
	if err != nil {
		return nil, err
	}
	var all []overview
	if json.Unmarshal(out, &all) != nil || all == nil {
		return nil, c.broken()
	}
	for _, o := range all {
		if !isID(o.ID) || o.Title == "" {
			return nil, c.broken()
		}
	}
	return all, nil
}

func (c *command) one(ctx context.Context, stdin []byte, values [][]byte, args ...string) (*item, error) {
	out, err := c.run(ctx, stdin, values, args...)
	if err != nil {
		return nil, err
	}
	it, err := parseItem(out)
	if err != nil {
		return nil, c.broken()
	}
	return it, nil
}

func (c *command) get(ctx context.Context, id string) (*item, error) {
	return c.one(ctx, nil, nil, "item", "get", id)
}

func (c *command) create(ctx context.Context, title, value string) (*item, error) {
	text, err := newItem("", title, value)
	if err != nil {
		return nil, c.broken()
	}
	return c.one(ctx, text, [][]byte{[]byte(value)}, "item", "create", "-")
}

func (c *command) replace(ctx context.Context, id string, text []byte) (*item, error) {
	var values [][]byte
	if it, err := parseItem(text); err == nil {
		if _, v, err := it.secretField(); err == nil {
			values = append(values, []byte(v))
		}
	}
	return c.one(ctx, text, values, "item", "edit", id)
}

func (c *command) remove(ctx context.Context, id string) error {
	_, err := c.run(ctx, nil, nil, "item", "delete", id)
	return err
}

func (c *command) health(ctx context.Context) error {
	out, err := c.program.Run(ctx, nil, "vault", "get", c.vault, "--format=json")
	if err != nil {
		return err
	}
	if out.Exit != 0 {
		return c.refused(out)
	}
	var v struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(out.Stdout, &v) != nil || v.ID == "" {
		return c.broken()
	}
	return nil
}
