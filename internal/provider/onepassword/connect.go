package onepassword

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
)

// connect is a 1Password Connect server, API version 1.
type connect struct {
	name  string // of the provider
	title string // name or id of the vault
	token string
	rest  *rest.Client

	mu sync.Mutex
	id string // of the vault, once it is known
}

func newConnect(name, address, token, title, pem string, w provider.World) (*connect, error) {
	c, err := rest.New(rest.Config{Name: name, Base: address, CAPEM: pem, Debug: w.Debug, Getenv: w.Getenv, Now: w.Now, MaxAnswer: 32 << 20})
	if err != nil {
		return nil, err
	}
	return &connect{name: name, title: title, token: token, rest: c}, nil
}

func (c *connect) close() { c.rest.Close() }

// do asks for JSON. Any status but 2xx is an error: what is not there is known from lists.
func (c *connect) do(ctx context.Context, r rest.Request, into any) ([]byte, error) {
	r.Header = http.Header{"Authorization": {"Bearer " + c.token}, "Accept": {"application/json"}}
	if r.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := c.rest.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if !a.OK() {
		return nil, c.rest.Refused(r, a, "")
	}
	if into != nil {
		if err := c.rest.JSON(r, a, into); err != nil {
			return nil, err
		}
	}
	return a.Body, nil
}

// filter is a query for an exact text (SCIM, RFC 7644, section 3.4.2.2).
func filter(attribute, text string) url.Values {
	return url.Values{"filter": {attribute + ` eq "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`}}
}

// vault returns the id of the vault. It is looked up once.
func (c *connect) vault(ctx context.Context) (string, error) {
	if isID(c.title) {
		return c.title, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id != "" {
		return c.id, nil
	}
	var all []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if _, err := c.do(ctx, rest.Request{What: "find the vault", Path: "/v1/vaults", Query: filter("name", c.title)}, &all); err != nil {
		return "", err
	}
	var found []string
	for _, v := range all {
		if v.Name == c.title && isID(v.ID) {
			found = append(found, v.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", provider.Errorf(fault.Usage, c.name, "the token sees no vault %q", c.title).WithFix("name one that the token may use")
	case 1:
		c.id = found[0]
		return c.id, nil
	}
	return "", provider.Errorf(fault.Usage, c.name, "the token sees several vaults %q", c.title).WithFix("give the id of the one that is meant")
}

func (c *connect) find(ctx context.Context, title string) ([]overview, error) {
	id, err := c.vault(ctx)
	if err != nil {
		return nil, err
	}
	r := rest.Request{What: "list", Path: "/v1/vaults/" + id + "/items"}
	if title != "" {
		r.What, r.Query = "find "+title, filter("title", title)
	}
	var found []overview
	if _, err := c.do(ctx, r, &found); err != nil {
		return nil, err
	}
	if found == nil { // null is not a list
		return nil, c.broken(r)
	}
	for _, o := range found {
		if o.Title == "" || !isID(o.ID) || title != "" && !strings.EqualFold(o.Title, title) {
			return nil, c.broken(r)
		}
	}
	return found, nil
}

func (c *connect) broken(r rest.Request) error {
	return provider.Errorf(fault.Invalid, c.name, "%s: the answer is not what was asked for", r.What).
		WithFix("check the address: is it that of a 1Password Connect server?")
}

// one asks for an item, below the path of the vault.
func (c *connect) one(ctx context.Context, vault string, r rest.Request) (*item, error) {
	r.Path = "/v1/vaults/" + vault + "/items" + r.Path
	body, err := c.do(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	it, err := parseItem(body)
	if err != nil {
		return nil, c.broken(r)
	}
	return it, nil
}

func (c *connect) get(ctx context.Context, id string) (*item, error) {
	vault, err := c.vault(ctx)
	if err != nil {
		return nil, err
	}
	return c.one(ctx, vault, rest.Request{What: "read an item", Path: "/" + id})
}

func (c *connect) create(ctx context.Context, title, value string) (*item, error) {
	r := rest.Request{What: "create an item", Method: http.MethodPost}
	vault, err := c.vault(ctx)
	if err != nil {
		return nil, err
	}
	if r.Body, err = newItem(vault, title, value); err != nil {
		return nil, c.broken(r)
	}
	return c.one(ctx, vault, r)
}

func (c *connect) replace(ctx context.Context, id string, text []byte) (*item, error) {
	vault, err := c.vault(ctx)
	if err != nil {
		return nil, err
	}
	return c.one(ctx, vault, rest.Request{What: "change an item", Method: http.MethodPut, Path: "/" + id, Body: text})
}

func (c *connect) remove(ctx context.Context, id string) error {
	vault, err := c.vault(ctx)
	if err == nil {
		_, err = c.do(ctx, rest.Request{What: "delete an item", Method: http.MethodDelete, Path: "/v1/vaults/" + vault + "/items/" + id}, nil)
	}
	return err
}

// health asks for the vault: that the server is there and that the token is good for it.
func (c *connect) health(ctx context.Context) error {
	vault, err := c.vault(ctx)
	if err != nil {
		return err
	}
	var v struct {
		ID string `json:"id"`
	}
	r := rest.Request{What: "look at the vault", Path: "/v1/vaults/" + vault}
	if _, err := c.do(ctx, r, &v); err != nil {
		return err
	}
	if v.ID != vault {
		return c.broken(r)
	}
	return nil
}
