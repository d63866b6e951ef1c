package registry

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tacit/internal/order"
)

// example reads a call; whether it lies in its capability is asked later, see inside.
func (r *reader) example(n *yaml.Node) (e Example) {
	m := r.members(n, "method", "path", "query", "headers", "body")
	e.Method, _ = r.required(m, "method")
	e.Path, _ = r.required(m, "path")
	if e.Query, _ = r.text(m.get("query")); e.Query != "" {
		if _, err := url.ParseQuery(e.Query); err != nil || strings.ContainsAny(e.Query, " ?#") {
			r.fail(m.get("query"), "query is parameters as on the wire, such as a=b&c=d")
		}
	}
	if h := m.get("headers"); h != nil {
		e.Headers = r.headers(h)
	}
	if body := m.get("body"); body != nil && body.Kind == yaml.ScalarNode {
		e.Body = r.block(body, maxBody)
	} else if body != nil {
		e.Body = string(r.json(nil, body))
		if len(e.Body) > maxBody {
			r.fail(body, "longer than %d bytes", maxBody)
		}
	}
	return e
}

// headers reads {name: value}. They are sorted by name.
func (r *reader) headers(n *yaml.Node) []Header {
	m := r.mapping(n, maxFields)
	var all []Header
	for i, key := range m.keys {
		h := Header{Name: strings.ToLower(key)}
		if !isToken(h.Name) || hopByHop(h.Name) && h.Name != "content-type" && h.Name != "range" {
			r.fail(m.at[i], "%q is no header of an example", clip(key))
		}
		if slices.ContainsFunc(all, func(g Header) bool { return g.Name == h.Name }) {
			r.fail(m.at[i], "%q is there twice", clip(key))
		}
		h.Value, _ = r.text(m.values[i])
		all = append(all, h)
	}
	order.By(all, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// json appends a node as JSON, with the keys in their order.
func (r *reader) json(b []byte, n *yaml.Node) []byte {
	if !r.plain(n) {
		return append(b, "null"...)
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := r.mapping(n, 256)
		b = append(b, '{')
		for i, key := range m.keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, key), ':')
			b = r.json(b, m.values[i])
		}
		return append(b, '}')
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, item := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = r.json(b, item)
		}
		return append(b, ']')
	}
	switch n.Tag {
	case "!!null":
		return append(b, "null"...)
	case "!!bool":
		return strconv.AppendBool(b, strings.EqualFold(n.Value, "true"))
	case "!!int", "!!float":
		if !json.Valid([]byte(n.Value)) {
			r.fail(n, "%q is no number of JSON", clip(n.Value))
		}
		return append(b, n.Value...)
	}
	if strings.ContainsFunc(n.Value, func(c rune) bool { return c != '\n' && c != '\r' && c != '\t' && !printable(c) }) {
		r.fail(n, "must be text")
	}
	return appendText(b, n.Value)
}

// appendText appends s as a string of JSON, with only what must be escaped.
func appendText(b []byte, s string) []byte {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always can be
	return append(b, strings.TrimSuffix(text.String(), "\n")...)
}

// inside checks that each example would be judged by its own capability, sets nothing that authenticates, and is written as it would
// be sent. The examples are in the order of the capabilities.
func (r *reader) inside(s *Service, examples []*yaml.Node) {
	probe := &Service{ID: s.ID, Capabilities: s.Capabilities, index: compile(s.Capabilities)}
	for i, n := range examples {
		c := &s.Capabilities[i]
		e := c.Example
		if n == nil || e.Method == "" || e.Path == "" || len(c.Paths) == 0 || len(c.Methods) == 0 {
			continue // said already
		}
		segments, why := split(e.Path, c)
		if why != "" {
			r.fail(n, "the path of the example %s", why)
			continue
		}
		switch at, err := probe.Match(e.Method, segments); {
		case err != nil:
			r.fail(n, "the example is refused: %v", err)
		case at != c:
			r.fail(n, "the example belongs to %s, whose path is longer", at.ID)
		}
		r.leavesAuth(n, s.Auth, e)
	}
}

// split returns the decoded segments of a path that is canonical but for opaque ones; a slash at the end is no segment.
func split(path string, c *Capability) (segments []string, why string) {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#\\ ") {
		return nil, "begins with '/' and holds no query"
	}
	path = path[1:]
	if !c.OpaquePath {
		path = strings.TrimSuffix(path, "/")
	}
	if path == "" {
		return nil, ""
	}
	for seg := range strings.SplitSeq(path, "/") {
		s, err := url.PathUnescape(seg)
		if err != nil {
			return nil, "is escaped wrongly"
		}
		if !c.OpaquePath && (s == "" || s == "." || s == ".." || strings.Contains(s, "/") && !c.EncodedSlash) {
			return nil, "has an empty, dot or slash segment"
		}
		segments = append(segments, s)
	}
	return segments, ""
}

// leavesAuth refuses an example that sets what the strategy sets.
func (r *reader) leavesAuth(n *yaml.Node, a Auth, e Example) {
	query, _ := url.ParseQuery(e.Query)
	for _, h := range e.Headers {
		if h.Name == "authorization" || h.Name == "cookie" || a.setsHeader(h.Name) {
			r.fail(n, "the example sets %s, which authenticates", h.Name)
		}
	}
	if a.Kind != KindQuery && a.Kind != KindQueries {
		return
	}
	for _, f := range a.Fields {
		for name := range query {
			if strings.EqualFold(name, f.Name) {
				r.fail(n, "the example sets the parameter %s, which authenticates", f.Name)
			}
		}
	}
}

// setsHeader reports whether the strategy sets the header of that name.
func (a Auth) setsHeader(name string) bool {
	switch a.Kind {
	case KindHeader, KindHeaders:
		return slices.ContainsFunc(a.Fields, func(f Field) bool { return f.Name == name })
	case KindHMAC:
		return a.HMAC.Header == name || slices.ContainsFunc(a.Fields, func(f Field) bool { return f.Name == name })
	case KindSigV4:
		return strings.HasPrefix(name, "x-amz-date") || name == "x-amz-security-token"
	}
	return false
}
