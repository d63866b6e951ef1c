package registry

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tacit/internal/name"
	"tacit/internal/order"
)

// service reads a whole file. What other parts are judged by comes first, whatever the order of the keys.
func (r *reader) service(n *yaml.Node) *Service {
	m := r.members(n, "service", "title", "docs", "checked", "hosts", "secrets", "aliases", "public", "auth", "env", "capabilities", "network")
	s := &Service{Origin: r.origin}
	var ok bool
	if s.ID, ok = r.required(m, "service"); ok && !isServiceID(s.ID) {
		r.fail(m.get("service"), "%q is no service id: lower-case letters, digits and '-', at most 64", clip(s.ID))
	}
	r.about(m, s)
	s.Network = r.network(m.get("network"))
	r.plainHTTP = s.Network.PlainHTTP

	s.Hosts = r.hosts(r.needed(m, "hosts"))
	s.Secrets = r.secrets(m)
	s.Aliases = r.aliases(m.get("aliases"), s.Secrets)
	s.Public = r.public(m.get("public"))
	if auth := r.needed(m, "auth"); auth != nil {
		s.Auth = r.auth(auth)
		r.allUsed(m.get("secrets"), s)
	}
	s.Env = r.env(m.get("env"))
	r.capabilities(r.needed(m, "capabilities"), s)
	return s
}

// about reads what people are told.
func (r *reader) about(m mapping, s *Service) {
	s.Title, _ = r.text(m.get("title"))
	if s.Docs, _ = r.text(m.get("docs")); s.Docs != "" {
		if u, err := url.Parse(s.Docs); err != nil || u.Scheme != "https" || u.Host == "" {
			r.fail(m.get("docs"), "docs is the https address of the documentation")
		}
	}
	if s.Checked, _ = r.text(m.get("checked")); s.Checked != "" {
		if _, err := time.Parse(time.DateOnly, s.Checked); err != nil {
			r.fail(m.get("checked"), "checked is a day, such as 2026-11-22")
		}
	}
	if r.origin == Own {
		return
	}
	for _, key := range []string{"title", "docs", "checked"} {
		r.needed(m, key)
	}
}

func (r *reader) hosts(n *yaml.Node) []string {
	hosts := r.texts(n, maxHosts, func(n *yaml.Node, host string) {
		if why := r.hostProblem(host); why != "" {
			r.fail(n, "%q is no host: %s", clip(host), why)
		}
	})
	if n != nil && len(hosts) == 0 {
		r.fail(n, "there is no host")
	}
	return hosts
}

// secrets reads {NAME: placeholder}. They are sorted by name.
func (r *reader) secrets(top mapping) []Secret {
	n := r.needed(top, "secrets")
	if n == nil {
		return nil
	}
	m := r.mapping(n, maxSecrets)
	var all []Secret
	for i, key := range m.keys {
		v := m.values[i]
		if why := name.Problem(key); why != "" {
			r.fail(v, "%q is no name of a secret: %s", clip(key), why)
		}
		p, ok := r.text(v)
		switch {
		case !ok:
			continue
		case !isWord(p):
			r.fail(v, "%q is no placeholder: a lower-case letter, then letters, digits and '_'", clip(p))
		case slices.Contains(r.placeholders, p):
			r.fail(v, "the placeholder %q is there twice", clip(p))
		}
		r.placeholders = append(r.placeholders, p)
		all = append(all, Secret{Name: key, Placeholder: p})
	}
	if len(all) == 0 {
		r.fail(n, "there is no secret")
	}
	order.By(all, func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// aliases reads {other name: NAME}. They are sorted by name.
func (r *reader) aliases(n *yaml.Node, secrets []Secret) []Alias {
	if n == nil {
		return nil
	}
	m := r.mapping(n, maxAliases)
	var all []Alias
	for i, key := range m.keys {
		v := m.values[i]
		if why := name.Problem(key); why != "" {
			r.fail(v, "%q is no name of a secret: %s", clip(key), why)
		}
		if named(secrets, key) {
			r.fail(v, "%q is a secret, so it cannot be an alias too", clip(key))
		}
		to, ok := r.text(v)
		if ok && !named(secrets, to) {
			r.fail(v, "%q is not one of the secrets", clip(to))
		}
		all = append(all, Alias{Name: key, Secret: to})
	}
	order.By(all, func(a, b Alias) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func named(secrets []Secret, name string) bool {
	return slices.ContainsFunc(secrets, func(s Secret) bool { return s.Name == name })
}

// public reads the placeholders that do not authenticate. They are sorted.
func (r *reader) public(n *yaml.Node) []string {
	all := r.texts(n, maxSecrets, func(n *yaml.Node, p string) {
		if !slices.Contains(r.placeholders, p) {
			r.fail(n, "%q is not one of the placeholders", clip(p))
		}
	})
	if len(all) > 0 && len(all) == len(r.placeholders) {
		r.fail(n, "all placeholders are public: nothing would authenticate")
	}
	slices.Sort(all)
	return all
}

// allUsed finds secrets that would be asked for and never sent.
func (r *reader) allUsed(n *yaml.Node, s *Service) {
	for _, secret := range s.Secrets {
		if !slices.Contains(r.used, secret.Placeholder) && !slices.Contains(s.Public, secret.Placeholder) {
			r.fail(n, "nothing in auth uses {{%s}}, the placeholder of %s", clip(secret.Placeholder), clip(secret.Name))
		}
	}
}

func (r *reader) env(n *yaml.Node) (e Env) {
	if n == nil {
		return e
	}
	m := r.members(n, "base_url", "base_path", "key", "key_form", "key_bearer")
	e.BaseURL = r.variables(m.get("base_url"))
	e.Key = r.variables(m.get("key"))
	if e.BasePath, _ = r.text(m.get("base_path")); e.BasePath != "" {
		if p, ok := parsePath(e.BasePath); !ok || p.Exact || len(p.Segments) == 0 || slices.Contains(p.Segments, "") {
			r.fail(m.get("base_path"), "base_path is a path such as /v1")
		}
	}
	if e.KeyForm, _ = r.text(m.get("key_form")); e.KeyForm != "" && (len(e.KeyForm) > 32 || strings.ContainsFunc(e.KeyForm, func(c rune) bool { return c <= ' ' || c > '~' })) {
		r.fail(m.get("key_form"), "key_form is how a key begins: at most 32 characters of ASCII")
	}
	e.KeyBearer = r.flag(m.get("key_bearer"))
	return e
}

// variables reads one name of a variable, or a list of them.
func (r *reader) variables(n *yaml.Node) []string {
	if n == nil {
		return nil
	}
	check := func(n *yaml.Node, s string) {
		switch {
		case !isVariable(s):
			r.fail(n, "%q is no variable: upper-case letters, digits and '_'", clip(s))
		case steers(s):
			r.fail(n, "%s steers how programs run: a service cannot set it", clip(s))
		}
	}
	if n.Kind == yaml.SequenceNode {
		return r.texts(n, maxFields, check)
	}
	s, ok := r.text(n)
	if !ok {
		return nil
	}
	check(n, s)
	return []string{s}
}

func (r *reader) network(n *yaml.Node) (w Network) {
	if n == nil {
		return w
	}
	if r.origin != Own {
		r.fail(n, "network is for services of your own")
	}
	m := r.members(n, "allow_private", "plain_http", "ca_pem")
	w.AllowPrivate, w.PlainHTTP = r.flag(m.get("allow_private")), r.flag(m.get("plain_http"))
	if w.CAPEM = r.block(m.get("ca_pem"), maxPEM); w.CAPEM == "" {
		return w
	}
	if w.PlainHTTP {
		r.fail(m.get("ca_pem"), "ca_pem means nothing with plain_http")
	}
	if why := certificates(w.CAPEM); why != "" {
		r.fail(m.get("ca_pem"), "ca_pem: %s", why)
	}
	return w
}

// certificates says why text is not certificates in PEM; empty if it is.
func certificates(text string) string {
	rest, n := []byte(text), 0
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && n == 0:
			return "there is no certificate"
		case block == nil && strings.TrimSpace(string(rest)) != "":
			return "something stands after the last certificate"
		case block == nil:
			return ""
		case block.Type != "CERTIFICATE":
			return "there is something else than certificates"
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "a certificate cannot be read"
		}
		n++
	}
}
