package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"tacit/internal/fault"
)

// Encode returns the definition in its one spelling: a service file of JSON without spaces, in which keys are sorted, sets too, and
// what is absent or false is left out. So definitions that mean the same are the same bytes, and remain so when later versions know
// more keys.
func (s *Service) Encode() []byte {
	secrets, aliases := object{}, object{}
	for _, x := range s.Secrets {
		secrets[x.Name] = x.Placeholder
	}
	for _, x := range s.Aliases {
		aliases[x.Name] = x.Secret
	}
	capabilities := make([]object, len(s.Capabilities))
	for i := range s.Capabilities {
		capabilities[i] = s.Capabilities[i].object()
	}
	all := object{
		"service": s.ID, "title": s.Title, "docs": s.Docs, "checked": s.Checked, "hosts": s.Hosts, "secrets": secrets, "aliases": aliases,
		"public": s.Public, "auth": s.Auth.object(), "capabilities": capabilities,
		"env":     object{"base_url": s.Env.BaseURL, "base_path": s.Env.BasePath, "key": s.Env.Key, "key_form": s.Env.KeyForm, "key_bearer": s.Env.KeyBearer}.trim(),
		"network": object{"allow_private": s.Network.AllowPrivate, "plain_http": s.Network.PlainHTTP, "ca_pem": s.Network.CAPEM}.trim(),
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(all.trim()) // texts, flags, lists and objects of them always can be
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// DecodeService reads what [Service.Encode] wrote of a service of the user's own, by the rules of [ParseService]. An error is of class
// fault.Invalid: this version no longer accepts what an earlier one did.
func DecodeService(text []byte) (*Service, error) {
	s, err := ParseService(text)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "a stored service is no longer accepted").WithFix("tacit service add FILE, with a file that is mended")
	}
	return s, nil
}

// Hash is what a pin names a service of the user's own by: SHA-256 of the whole definition as [Service.Encode] has it, in hex. Any change
// of where a secret would go, and how, is another hash (I23).
func (s *Service) Hash() string {
	sum := sha256.Sum256(append([]byte("tacit service v1\n"), s.Encode()...))
	return hex.EncodeToString(sum[:])
}

// Pin is where a secret of the service may be sent, as it is bound into the secret: builtin/openai, or own/acme#HASH.
func (s *Service) Pin() string {
	if s.pin != "" {
		return s.pin
	}
	if s.Origin == Own {
		return string(Own) + "/" + s.ID + "#" + s.Hash()
	}
	return string(Builtin) + "/" + s.ID
}

// An object is a mapping of a service file; encoding/json sorts its keys.
type object map[string]any

// trim removes what says nothing, and returns o, or nil if nothing is left.
func (o object) trim() object {
	for key, v := range o {
		empty := false
		switch v := v.(type) {
		case string:
			empty = v == ""
		case bool:
			empty = !v
		case []string:
			empty = len(v) == 0
		case object:
			empty = len(v) == 0
		}
		if empty {
			delete(o, key)
		}
	}
	return o
}

func (a *Auth) object() object {
	var v any
	switch a.Kind {
	case KindHeader, KindQuery:
		v = a.Fields[0].object("name")
	case KindBody:
		if v = a.Fields[0].object("field"); len(a.Fields) > 1 {
			v = objects(a.Fields, "field")
		}
	case KindHeaders, KindQueries:
		v = objects(a.Fields, "name")
	case KindPath:
		v = object{"prefix": a.Prefix}
	case KindBasic:
		v = object{"username": a.Username, "password": a.Password}.trim()
	case KindOAuth2:
		o := a.OAuth2
		v = object{"grant": o.Grant, "token_url": o.TokenURL, "auth_url": o.AuthURL, "scopes": o.Scopes}.trim()
	case KindSigV4:
		// Kept when it is empty: the key itself is the kind.
		v = object{"service": a.SigV4.Service, "region": a.SigV4.Region}.trim()
	case KindHMAC:
		h := a.HMAC
		o := object{"algorithm": h.Algorithm, "header": h.Header, "value": h.Value, "canonical": h.Canonical}
		if len(a.Fields) > 0 {
			o["headers"] = objects(a.Fields, "name")
		}
		v = o
	case KindMTLS:
		v = object{"certificate": a.Certificate, "private_key": a.PrivateKey}
	}
	return object{string(a.Kind): v}
}

func objects(fields []Field, key string) []object {
	all := make([]object, len(fields))
	for i, f := range fields {
		all[i] = f.object(key)
	}
	return all
}

func (f Field) object(key string) object { return object{key: f.Name, "value": f.Value} }

func (c *Capability) object() object {
	paths := make([]string, len(c.Paths))
	for i, p := range c.Paths {
		paths[i] = p.Text
	}
	headers := object{}
	for _, h := range c.Example.Headers {
		headers[h.Name] = h.Value
	}
	e := c.Example
	return object{
		"id": c.ID, "title": c.Title, "hosts": c.Hosts, "methods": c.Methods, "paths": paths, "risk": string(c.Risk), "returns": c.Returns,
		"secrets": c.Needs, "encoded_slash": c.EncodedSlash, "opaque_path": c.OpaquePath,
		"example": object{"method": e.Method, "path": e.Path, "query": e.Query, "headers": headers, "body": e.Body}.trim(),
	}.trim()
}
