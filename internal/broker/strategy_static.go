package broker

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/httpgrammar"
)

// The strategies that put the same on every request. All of it is rendered once.

// headers sets headers: `header`, `headers` and `basic`.
type headers struct {
	common
	set []headerValue
}

// A headerValue is shared by all requests. The slice has no room, so that whoever appends to it gets one of its own.
type headerValue struct {
	key   string // canonical
	value []string
}

func newHeaderValue(name, value string) headerValue {
	return headerValue{http.CanonicalHeaderKey(name), []string{value}}
}

func newHeaders(c *compiler) (*headers, error) {
	fields, err := c.present(c.service.Auth.Fields)
	if err != nil {
		return nil, err
	}
	h := &headers{}
	for _, f := range fields {
		if !httpgrammar.IsToken(f.Name) {
			return nil, fault.New(fault.Invalid, "service %s: %q is no name of a header", c.service.ID, f.Name)
		}
		r, err := c.render(f.Value, inHeader)
		if err != nil {
			return nil, err
		}
		h.set = append(h.set, newHeaderValue(f.Name, r.text))
	}
	h.common = c.done(reserveHeaders(h.set), true)
	return h, nil
}

// newBasic returns the strategy of RFC 7617. User name and password are templates; one of them may be constant or empty.
func newBasic(c *compiler) (*headers, error) {
	username, err := c.render(c.service.Auth.Username, inUsername)
	if err != nil {
		return nil, err
	}
	password, err := c.render(c.service.Auth.Password, inPassword)
	if err != nil {
		return nil, err
	}
	if !username.secret && !password.secret {
		return nil, fault.New(fault.Invalid, "service %s: nothing in it authenticates", c.service.ID)
	}
	pair := username.text + ":" + password.text
	encoded := base64.StdEncoding.EncodeToString([]byte(pair))
	c.hide(pair)
	c.hide(encoded)
	c.hide("Basic " + encoded)

	h := &headers{set: []headerValue{newHeaderValue("Authorization", "Basic "+encoded)}}
	h.common = c.done(reserveHeaders(h.set), true)
	return h, nil
}

func reserveHeaders(set []headerValue) (r Reserved) {
	for _, h := range set {
		r.Headers = append(r.Headers, strings.ToLower(h.key))
	}
	return r
}

func (h *headers) Apply(_ context.Context, out *Outgoing) ([][]byte, error) {
	for _, set := range h.set {
		out.Header[set.key] = set.value
	}
	return nil, nil
}

// queries adds parameters: `query` and `queries`.
type queries struct {
	common
	text string // escaped: "key=…&token=…"
}

func newQueries(c *compiler) (*queries, error) {
	fields, err := c.present(c.service.Auth.Fields)
	if err != nil {
		return nil, err
	}
	q := &queries{}
	var pairs, names []string
	for _, f := range fields {
		r, err := c.render(f.Value, anywhere)
		if err != nil {
			return nil, err
		}
		escaped := url.QueryEscape(r.text)
		if r.secret {
			c.hide(escaped)
		}
		pairs = append(pairs, url.QueryEscape(f.Name)+"="+escaped)
		names = append(names, f.Name)
	}
	q.text = strings.Join(pairs, "&")
	q.common = c.done(Reserved{Queries: names}, true)
	return q, nil
}

func (q *queries) Apply(_ context.Context, out *Outgoing) ([][]byte, error) {
	if out.Query == "" {
		out.Query = q.text
	} else {
		out.Query = out.Query + "&" + q.text
	}
	return nil, nil
}

// pathPrefix puts something before the path: /bot{{secret}}.
type pathPrefix struct {
	common
	prefix string // begins with a slash and does not end in one
}

func newPathPrefix(c *compiler) (*pathPrefix, error) {
	r, err := c.render(c.service.Auth.Prefix, inPath)
	if err != nil {
		return nil, err
	}
	rest, rooted := strings.CutPrefix(r.text, "/")
	if !rooted || !r.secret || inPath(r.text) != "" {
		return nil, fault.New(fault.Invalid, "service %s: the prefix of a path begins with / and holds a secret", c.service.ID)
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "" || segment == "." || segment == ".." {
			parts, _ := c.parse(c.service.Auth.Prefix) // it was rendered
			return nil, c.bad(placeholders(parts)[0], "it makes an empty or dot segment, which would move the rest of the path")
		}
	}
	return &pathPrefix{common: c.done(Reserved{}, true), prefix: r.text}, nil
}

func (p *pathPrefix) Apply(_ context.Context, out *Outgoing) ([][]byte, error) {
	out.Path = p.prefix + out.Path
	return nil, nil
}
