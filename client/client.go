package client

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"
)

// Options say whom to ask. What is left empty, the environment says, as it does for the command line.
type Options struct {
	Addr  string // "unix:/path/to/agent.sock" or "https://host"; empty: TACIT_ADDR, else the agent of this vault
	Token string // "tacit_…"; empty: TACIT_TOKEN, else the socket's peer is the owner

	// Workspace and Group are the scopes that an owner is in; a token has them from its making.
	Workspace, Group string

	Provider string // of secrets that name none; empty: TACIT_PROVIDER, else the other side's chain of providers

	HTTP   *http.Client                 // for https; nil: one of its own
	Getenv func(variable string) string // nil: os.Getenv
}

// Client asks an agent or a server. It is safe for concurrent use. Printing it shows where it asks, and no token.
type Client struct {
	place     place
	transport *transport
	provider  string // of secrets that name none
}

// New returns a client, which connects when the first call needs it. The error is for an environment or options that make no sense.
func New(o Options) (*Client, error) {
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	orEnv := func(s, variable string) string {
		if s == "" {
			return getenv(variable)
		}
		return s
	}
	p, err := find(orEnv(o.Addr, "TACIT_ADDR"), orEnv(o.Token, "TACIT_TOKEN"), getenv)
	if err != nil {
		return nil, err
	}
	t := newTransport(p, orEnv(o.Workspace, "TACIT_WORKSPACE"), orEnv(o.Group, "TACIT_GROUP"), o.HTTP)
	return &Client{p, t, orEnv(o.Provider, "TACIT_PROVIDER")}, nil
}

// Connect returns a client that has made sure that somebody answers, the vault is open, and the token, if there is one, is good.
func Connect(ctx context.Context, o Options) (*Client, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	if _, err := c.Whoami(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the connections that are kept for the next call.
func (c *Client) Close() { c.transport.close() }

func (c *Client) String() string             { return "client of " + c.place.String() }
func (c *Client) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, c.String()) }

// Whoami returns who the other side takes us for.
func (c *Client) Whoami(ctx context.Context) (w Whoami, err error) {
	return w, c.transport.call(ctx, "whoami", nil, &w)
}

// Get returns a value. The name may be a reference: tacit://[PROVIDER:]NAME[@VERSION][#FIELD], with or without tacit://.
func (c *Client) Get(ctx context.Context, name string) (Value, error) {
	r, err := parseReference(name)
	if err != nil {
		return Value{}, err
	}
	v, _, err := c.Read(ctx, r)
	return v, err
}

// Read returns a value and what is known of its secret.
func (c *Client) Read(ctx context.Context, r GetRequest) (Value, Secret, error) {
	r.Provider = cmp.Or(r.Provider, c.provider)
	var read Read
	if err := c.transport.call(ctx, "secret/get", r, &read); err != nil {
		return Value{}, Secret{}, err
	}
	switch {
	case read.Value != nil:
		return NewValue([]byte(*read.Value)), read.Secret, nil
	case read.ValueBase64 != nil:
		if b, err := base64.StdEncoding.DecodeString(*read.ValueBase64); err == nil {
			return NewValue(b), read.Secret, nil
		}
	}
	return Value{}, Secret{}, failure(codeUnavailable, c.place.other()+": the answer holds no value", "")
}

// Has reports whether there is a secret of that name; its value is not asked for. To a token what is not there and what it may not see are one:
// [ErrDenied].
func (c *Client) Has(ctx context.Context, name string) (bool, error) {
	r, err := parseReference(name)
	if err != nil {
		return false, err
	}
	if r.Field != "" {
		return false, failure(codeUsage, "whether a field is there only the value tells", "use Get, and errors.Is(err, client.ErrNotFound)")
	}
	r.Provider = cmp.Or(r.Provider, c.provider)
	err = c.transport.call(ctx, "secret/show", r.SecretRef, new(Shown))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// List returns what is known of secrets, never their values.
func (c *Client) List(ctx context.Context, r ListRequest) (l List, err error) {
	r.Provider = cmp.Or(r.Provider, c.provider)
	return l, c.transport.call(ctx, "secret/list", r, &l)
}

// Set creates a secret or adds a version to it, and returns what is known of it then.
func (c *Client) Set(ctx context.Context, name string, v Value) (Secret, error) {
	r, err := parseReference(name)
	if err != nil {
		return Secret{}, err
	}
	changed, err := c.Write(ctx, SetRequest{SecretRef: r.SecretRef}, v)
	return changed.Secret, err
}

// Write is Set with all that a request can say. It sets the request's value to v, unless that is empty.
func (c *Client) Write(ctx context.Context, r SetRequest, v Value) (w Written, err error) {
	if b := v.Reveal(); len(b) > 0 {
		r.Value, r.ValueBase64 = nil, nil
		if s := string(b); utf8.ValidString(s) {
			r.Value = &s
		} else {
			s = base64.StdEncoding.EncodeToString(b)
			r.ValueBase64 = &s
		}
	}
	r.Provider = cmp.Or(r.Provider, c.provider)
	return w, c.transport.call(ctx, "secret/set", r, &w)
}

// Invoke uses a service with a secret that the caller never gets. Whatever status the service answers with is an answer, and no error.
func (c *Client) Invoke(ctx context.Context, r InvokeRequest) (a Invoked, err error) {
	return a, c.transport.call(ctx, "capability/invoke", r, &a)
}

// parseReference reads the parts of a reference. The server checks the name.
func parseReference(s string) (r GetRequest, err error) {
	rest := strings.TrimPrefix(s, "tacit://")
	rest, r.Field, _ = strings.Cut(rest, "#")
	rest, version, versioned := strings.Cut(rest, "@")
	r.Name = rest
	if provider, name, ok := strings.Cut(rest, ":"); ok {
		r.Provider, r.Name = provider, name
	}
	if versioned {
		if r.Version, err = parseVersion(version); err != nil {
			return r, err
		}
	}
	if r.Name == "" {
		return r, failure(codeUsage, "the name of a secret is empty", "")
	}
	return r, nil
}
