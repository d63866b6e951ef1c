package registry

import (
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// kinds are the keys of auth.
func kinds() []string {
	return []string{
		string(KindHeader), string(KindHeaders), string(KindQuery), string(KindQueries), string(KindPath), string(KindBasic),
		string(KindBody), string(KindOAuth2), string(KindSigV4), string(KindHMAC), string(KindMTLS),
	}
}

// auth reads the one strategy.
func (r *reader) auth(n *yaml.Node) (a Auth) {
	m := r.members(n, kinds()...)
	if len(m.keys) != 1 {
		r.fail(n, "auth has exactly one of %s", strings.Join(kinds(), ", "))
		return a
	}
	a.Kind = Kind(m.keys[0])
	v := m.values[0]
	switch a.Kind {
	case KindHeader:
		a.Fields = []Field{r.field(v, "name", r.headerName)}
	case KindHeaders:
		a.Fields = r.fields(v, "name", r.headerName)
	case KindQuery:
		a.Fields = []Field{r.field(v, "name", r.parameter)}
	case KindQueries:
		a.Fields = r.fields(v, "name", r.parameter)
	case KindBody:
		if v.Kind == yaml.SequenceNode {
			a.Fields = r.fields(v, "field", r.parameter)
		} else {
			a.Fields = []Field{r.field(v, "field", r.parameter)}
		}
	case KindPath:
		a.Prefix = r.prefix(v)
	case KindBasic:
		m := r.members(v, "username", "password")
		a.Username, a.Password = r.basicPart(m, "username"), r.basicPart(m, "password")
	case KindOAuth2:
		a.OAuth2 = r.oauth2(v)
	case KindSigV4:
		a.SigV4 = r.sigv4(v)
	case KindHMAC:
		a.HMAC, a.Fields = r.hmac(v)
	case KindMTLS:
		m := r.members(v, "certificate", "private_key")
		a.Certificate, a.PrivateKey = r.template(m, "certificate"), r.template(m, "private_key")
	}
	return a
}

// field reads {name, value}.
func (r *reader) field(n *yaml.Node, key string, check func(n *yaml.Node, s string) string) (f Field) {
	m := r.members(n, key, "value")
	if name, ok := r.required(m, key); ok {
		f.Name = check(m.get(key), name)
	}
	f.Value = r.template(m, "value")
	return f
}

// fields reads a list of {name, value}, each name once.
func (r *reader) fields(n *yaml.Node, key string, check func(n *yaml.Node, s string) string) []Field {
	var all []Field
	for _, item := range r.list(n, maxFields) {
		f := r.field(item, key, check)
		if slices.ContainsFunc(all, func(g Field) bool { return strings.EqualFold(f.Name, g.Name) }) {
			r.fail(item, "%q is there twice", clip(f.Name))
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		r.fail(n, "the list is empty")
	}
	return all
}

// headerName returns the name in lower case.
func (r *reader) headerName(n *yaml.Node, s string) string {
	s = strings.ToLower(s)
	switch {
	case !isToken(s):
		r.fail(n, "%q is no name of a header", clip(s))
	case hopByHop(s) || strings.HasPrefix(s, "proxy-") || strings.HasPrefix(s, "sec-"):
		r.fail(n, "%s is no header that authenticates", s)
	}
	return s
}

func (r *reader) parameter(n *yaml.Node, s string) string {
	if !isParameter(s) {
		r.fail(n, "%q is no name of a parameter: letters, digits and -._~[]", clip(s))
	}
	return s
}

// template reads a template that must be there. Words are placeholders beside those of the secrets.
func (r *reader) template(m mapping, key string, words ...string) string {
	s, ok := r.required(m, key)
	if ok {
		r.placeholdersOf(m.get(key), s, words)
	}
	return s
}

// placeholdersOf notes which placeholders a template uses, and returns them.
func (r *reader) placeholdersOf(n *yaml.Node, text string, words []string) []string {
	parts, err := ParseTemplate(text)
	if err != nil {
		r.fail(n, "%q is no template: %v", clip(text), err)
		return nil
	}
	var used []string
	for _, p := range parts {
		switch {
		case p.Placeholder == "":
			continue
		case slices.Contains(r.placeholders, p.Placeholder):
			r.used = append(r.used, p.Placeholder)
		case !slices.Contains(words, p.whole()):
			r.fail(n, "{{%s}} is no placeholder of the secrets", clip(p.whole()))
		}
		used = append(used, p.whole())
	}
	return used
}

// whole returns what stands between the braces.
func (p Part) whole() string {
	if p.Field == "" {
		return p.Placeholder
	}
	return p.Placeholder + "." + p.Field
}

// prefix reads the template of what stands before the path.
func (r *reader) prefix(n *yaml.Node) string {
	m := r.members(n, "prefix")
	s := r.template(m, "prefix")
	if s != "" && (s[0] != '/' || strings.HasSuffix(s, "/") || strings.Contains(s, "//") || strings.ContainsAny(s, "?#%\\ ")) {
		r.fail(m.get("prefix"), "prefix is a path such as /bot{{secret}}")
	}
	return s
}

// basicPart reads a template that may be empty or absent (RFC 7617: either part may).
func (r *reader) basicPart(m mapping, key string) string {
	if n := m.get(key); n == nil || n.Kind == yaml.ScalarNode && n.Value == "" {
		return ""
	}
	s := r.template(m, key)
	if before, _, _ := strings.Cut(s, "{{"); key == "username" && strings.Contains(before, ":") {
		r.fail(m.get(key), "a user name holds no colon")
	}
	return s
}

// implied notes placeholders that a strategy uses without a template. Each that is required must be one of the secrets'.
func (r *reader) implied(n *yaml.Node, required []string, optional ...string) {
	for _, p := range required {
		if !slices.Contains(r.placeholders, p) {
			r.fail(n, "one of the secrets must have the placeholder %s", p)
		}
	}
	r.used = append(append(r.used, required...), optional...)
}

func (r *reader) oauth2(n *yaml.Node) (o OAuth2) {
	m := r.members(n, "grant", "token_url", "scopes", "auth_url")
	r.implied(n, []string{"secret"})
	var ok bool
	if o.Grant, ok = r.required(m, "grant"); ok && !slices.Contains([]string{"refresh_token", "client_credentials", "authorization_code"}, o.Grant) {
		r.fail(m.get("grant"), "grant is refresh_token, client_credentials or authorization_code")
	}
	if o.TokenURL, ok = r.required(m, "token_url"); ok {
		r.address(m.get("token_url"), o.TokenURL, false)
	}
	if o.Grant == "authorization_code" {
		if o.AuthURL, ok = r.required(m, "auth_url"); ok {
			r.address(m.get("auth_url"), o.AuthURL, true)
		}
	} else if m.get("auth_url") != nil {
		r.fail(m.get("auth_url"), "auth_url is for authorization_code")
	}
	o.Scopes = r.texts(m.get("scopes"), 64, func(n *yaml.Node, s string) {
		if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) { // RFC 6749, section 3.3
			r.fail(n, "%q is no scope", clip(s))
		}
	})
	return o
}

// address checks where tokens come from. Query: parameters may stand in it.
func (r *reader) address(n *yaml.Node, s string, query bool) {
	u, err := url.Parse(s)
	scheme := "https"
	if r.plainHTTP {
		scheme = "http"
	}
	switch {
	case err != nil || u.Opaque != "" || u.User != nil || strings.Contains(s, "#") || !query && strings.Contains(s, "?") || !strings.HasPrefix(u.Path, "/"):
		r.fail(n, "must be an address without user, fragment or parameters")
	case u.Scheme != "https" && u.Scheme != scheme:
		r.fail(n, "must begin with https://")
	case strings.HasPrefix(u.Host, "*"):
		r.fail(n, "its host must be exact")
	default:
		// The port that may be left out is that of this address's own scheme.
		own := &reader{origin: r.origin, plainHTTP: u.Scheme == "http"}
		if why := own.hostProblem(u.Host); why != "" {
			r.fail(n, "%q is no host: %s", clip(u.Host), why)
		}
	}
}

func (r *reader) sigv4(n *yaml.Node) (v SigV4) {
	m := r.members(n, "service", "region")
	r.implied(n, []string{"access_key_id", "secret_access_key"}, "session_token", "region")
	for _, key := range []string{"service", "region"} {
		if s, ok := r.text(m.get(key)); ok && !isServiceID(s) {
			r.fail(m.get(key), "%q is no %s of AWS", clip(s), key)
		}
	}
	v.Service, _ = r.text(m.get("service"))
	v.Region, _ = r.text(m.get("region"))
	return v
}

// What the templates of hmac may name beside the secrets.
func hmacWords() []string {
	return []string{"method", "path", "query", "host", "timestamp", "body", "body.sha256"}
}

// What the templates of the headers that hmac sets may name beside the secrets.
func hmacHeaderWords() []string { return []string{"signature", "signature.base64", "timestamp"} }

// hmac reads the signature, and the headers that go with it: a time stamp, the number of a key.
func (r *reader) hmac(n *yaml.Node) (h HMAC, beside []Field) {
	m := r.members(n, "algorithm", "header", "value", "canonical", "headers")
	r.implied(n, []string{"secret"})
	for _, word := range append(hmacWords(), "signature") {
		if slices.Contains(r.placeholders, word) {
			r.fail(n, "%s cannot be a placeholder of a secret: hmac gives it a meaning", word)
		}
	}
	var ok bool
	if h.Algorithm, ok = r.required(m, "algorithm"); ok && !slices.Contains([]string{"sha256", "sha512", "sha1"}, h.Algorithm) {
		r.fail(m.get("algorithm"), "algorithm is sha256, sha512 or sha1")
	}
	if h.Header, ok = r.required(m, "header"); ok {
		h.Header = r.headerName(m.get("header"), h.Header)
	}
	if h.Value, ok = r.required(m, "value"); ok {
		used := r.placeholdersOf(m.get("value"), h.Value, hmacHeaderWords())
		r.keepsKey(m.get("value"), used)
		if !slices.Contains(used, "signature") && !slices.Contains(used, "signature.base64") {
			r.fail(m.get("value"), "the value must hold {{signature}} or {{signature.base64}}")
		}
	}
	if n := m.get("headers"); n != nil {
		beside = r.hmacHeaders(n, h.Header)
	}
	if n := r.needed(m, "canonical"); n == nil {
		return h, beside
	} else if h.Canonical = r.block(n, maxText); h.Canonical == "" {
		r.fail(n, "canonical is what is signed, a template such as {{timestamp}}.{{body}}")
	} else {
		r.keepsKey(n, r.placeholdersOf(n, h.Canonical, hmacWords()))
	}
	return h, beside
}

// hmacHeaders reads the headers that are set beside the one that takes the signature.
func (r *reader) hmacHeaders(n *yaml.Node, signature string) []Field {
	var all []Field
	for _, item := range r.list(n, maxFields) {
		m := r.members(item, "name", "value")
		var f Field
		var ok bool
		if f.Name, ok = r.required(m, "name"); ok {
			f.Name = r.headerName(m.get("name"), f.Name)
		}
		if f.Name == signature || slices.ContainsFunc(all, func(g Field) bool { return f.Name == g.Name }) {
			r.fail(item, "%q is there twice", clip(f.Name))
		}
		if f.Value, ok = r.required(m, "value"); ok {
			r.keepsKey(m.get("value"), r.placeholdersOf(m.get("value"), f.Value, hmacHeaderWords()))
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		r.fail(n, "the list is empty")
	}
	return all
}

// keepsKey refuses a template that would send the key instead of a signature made with it.
func (r *reader) keepsKey(n *yaml.Node, used []string) {
	for _, u := range used {
		if u == "secret" || strings.HasPrefix(u, "secret.") {
			r.fail(n, "{{%s}} is the key: it makes the signature and is never part of a message", u)
		}
	}
}
