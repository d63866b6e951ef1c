package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is not broken (RFC 6151, NIST SP 800-131A), and some services sign with nothing else
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/httpgrammar"
	"tacit/internal/registry"
)

// signingKey is the placeholder of the key of an HMAC. It is never rendered: what goes on the wire is made with it.
const signingKey = "secret"

// hmacSigner signs a canonical string (RFC 2104) that the service file declares.
type hmacSigner struct {
	common
	hash      func() hash.Hash
	key       []byte
	canonical []signedPart
	set       []signedHeader
	wholeBody bool // the canonical string holds the body
	now       func() time.Time
}

// A signedPart writes one part of the canonical string.
type signedPart func(w io.Writer, out *Outgoing, m *moment)

// A signedHeader is a header and what it is made of, in order.
type signedHeader struct {
	name  string
	parts []func(m *moment) string

	secret bool // it sends a secret beside the signature
}

// moment is what the parts of one signature share.
type moment struct {
	timestamp string // seconds since 1970
	body      []byte
	mac       []byte
}

// newHMAC compiles the templates of an HMAC service. Beside the signature's, it sets the headers of Fields: a time stamp, the
// number of a key.
func newHMAC(c *compiler, now func() time.Time) (*hmacSigner, error) {
	auth := &c.service.Auth
	s := &hmacSigner{now: now}
	switch auth.HMAC.Algorithm {
	case "sha256":
		s.hash = sha256.New
	case "sha512":
		s.hash = sha512.New
	case "sha1":
		s.hash = sha1.New
	default:
		return nil, fault.New(fault.Invalid, "service %s: no such HMAC: %q", c.service.ID, auth.HMAC.Algorithm)
	}
	key, err := c.value(signingKey, "")
	if err != nil {
		return nil, err
	}
	s.key = []byte(key)
	if err := s.compileCanonical(c, auth.HMAC.Canonical); err != nil {
		return nil, err
	}
	signed, onWire := false, false
	for _, f := range slices.Concat(auth.Fields, []registry.Field{{Name: auth.HMAC.Header, Value: auth.HMAC.Value}}) {
		if !httpgrammar.IsToken(f.Name) {
			return nil, fault.New(fault.Invalid, "service %s: %q is no name of a header", c.service.ID, f.Name)
		}
		h, signs, err := compileSignedHeader(c, f.Name, f.Value)
		if err != nil {
			return nil, err
		}
		signed, onWire = signed || signs, onWire || h.secret
		s.set = append(s.set, h)
		s.reserved.Headers = append(s.reserved.Headers, strings.ToLower(f.Name))
	}
	if !signed {
		return nil, fault.New(fault.Invalid, "service %s: no header takes the signature", c.service.ID)
	}
	s.common = c.done(s.reserved, onWire)
	return s, nil
}

// compileCanonical turns the template of what is signed into parts.
func (s *hmacSigner) compileCanonical(c *compiler, text string) error {
	parts, err := c.parse(text)
	if err != nil {
		return err
	}
	for _, p := range parts {
		part, err := s.canonicalPart(c, p)
		if err != nil {
			return err
		}
		s.canonical = append(s.canonical, part)
	}
	if len(parts) == 0 {
		return fault.New(fault.Invalid, "service %s: it signs nothing", c.service.ID)
	}
	return nil
}

func (s *hmacSigner) canonicalPart(c *compiler, p registry.Part) (signedPart, error) {
	word := p.Placeholder
	if p.Field != "" {
		word += "." + p.Field
	}
	switch word {
	case "":
		return func(w io.Writer, _ *Outgoing, _ *moment) { write(w, p.Text) }, nil
	case "method":
		return func(w io.Writer, out *Outgoing, _ *moment) { write(w, out.Method) }, nil
	case "path":
		return func(w io.Writer, out *Outgoing, _ *moment) { write(w, out.Path) }, nil
	case "query":
		return func(w io.Writer, out *Outgoing, _ *moment) { write(w, out.Query) }, nil
	case "host":
		return func(w io.Writer, out *Outgoing, _ *moment) { write(w, out.Host) }, nil
	case "timestamp":
		return func(w io.Writer, _ *Outgoing, m *moment) { write(w, m.timestamp) }, nil
	case "body":
		s.wholeBody = true
		return func(w io.Writer, _ *Outgoing, m *moment) { _, _ = w.Write(m.body) }, nil
	case "body.sha256":
		s.wholeBody = true
		return func(w io.Writer, _ *Outgoing, m *moment) { write(w, hexSHA256(m.body)) }, nil
	}
	if p.Placeholder == signingKey {
		return nil, fault.New(fault.Invalid, "service %s: the key of a signature is no part of what is signed", c.service.ID)
	}
	value, err := c.value(p.Placeholder, p.Field)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer, _ *Outgoing, _ *moment) { write(w, value) }, nil
}

// compileSignedHeader turns the template of a header into parts. A template that would put the key itself on the wire is refused.
func compileSignedHeader(c *compiler, name, text string) (h signedHeader, signs bool, err error) {
	parts, err := c.parse(text)
	if err != nil {
		return h, false, err
	}
	h.name = newHeaderValue(name, "").key
	for _, p := range parts {
		var part func(m *moment) string
		switch {
		case p.Placeholder == "":
			part = func(*moment) string { return p.Text }
		case p.Placeholder == "signature" && p.Field == "":
			part, signs = func(m *moment) string { return hex.EncodeToString(m.mac) }, true
		case p.Placeholder == "signature" && p.Field == "base64":
			part, signs = func(m *moment) string { return base64.StdEncoding.EncodeToString(m.mac) }, true
		case p.Placeholder == "timestamp" && p.Field == "":
			part = func(m *moment) string { return m.timestamp }
		case p.Placeholder == signingKey || p.Placeholder == "signature":
			return h, false, fault.New(fault.Invalid, "service %s: the header %s may not hold {{%s}}", c.service.ID, name, p.Placeholder)
		default:
			value, err := c.value(p.Placeholder, p.Field)
			if err != nil {
				return h, false, err
			}
			if why := inHeader(value); why != "" {
				return h, false, c.bad(p.Placeholder, "%s", why)
			}
			h.secret = h.secret || !c.public(p.Placeholder)
			part = func(*moment) string { return value }
		}
		h.parts = append(h.parts, part)
	}
	return h, signs, nil
}

func (s *hmacSigner) Apply(_ context.Context, out *Outgoing) ([][]byte, error) {
	m := &moment{timestamp: strconv.FormatInt(s.now().Unix(), 10)}
	if s.wholeBody {
		body, err := buffer(out)
		if err != nil {
			return nil, err
		}
		m.body = body
	}
	mac := hmac.New(s.hash, s.key)
	for _, part := range s.canonical {
		part(mac, out, m)
	}
	m.mac = mac.Sum(nil)
	for _, h := range s.set {
		var value strings.Builder
		for _, part := range h.parts {
			value.WriteString(part(m))
		}
		out.Header[h.name] = []string{value.String()}
	}
	return nil, nil
}

// write writes to a hash, which never fails.
func write(w io.Writer, s string) { _, _ = io.WriteString(w, s) }

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
