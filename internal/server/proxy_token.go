package server

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/policy"
	"tacit/internal/secret"
)

// proxied is a request of base-URL mode without its token.
type proxied struct {
	caller keeper.Caller
	use    keeper.UseRequest
}

// readProxied takes the token out of a request. There is exactly one token, once or in each of the places where the service has a key,
// and nothing else that authenticates.
func readProxied(r *http.Request) (*proxied, error) {
	service, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), ProxyPath), "/")
	t := &tokenSearch{}
	header, err := t.header(r.Header)
	if err != nil {
		return nil, err
	}
	query, err := t.query(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	path, err = t.path(path)
	if err != nil {
		return nil, err
	}
	if t.token == "" {
		return nil, fault.Unproven("a token is required, in the place of the service's own key").
			WithFix(`eval "$(tacit proxy env SERVICE)"`)
	}
	for name := range header {
		if broker.Authenticates(name) {
			return nil, fault.New(fault.Usage, "request: %s authenticates too: nothing may but the token", name)
		}
	}
	if holds(header, query, path, t.token) {
		return nil, fault.New(fault.Usage, "request: the token stands where it would be sent to the service")
	}
	return &proxied{
		caller: keeper.Caller{Principal: "unknown", Door: "proxy", UID: -1, Token: secret.New([]byte(t.token))},
		use: keeper.UseRequest{Service: service, Token: t.places, Request: broker.Request{
			Method: r.Method, Path: "/" + path, Query: query, Header: header,
		}},
	}, nil
}

// tokenSearch finds the token of a request.
type tokenSearch struct {
	token  string
	places []keeper.TokenPlace
}

// take notes that a token stands in a place. Every place must have the same one.
func (t *tokenSearch) take(token string, at keeper.TokenPlace) error {
	if t.token != "" && t.token != token {
		return fault.New(fault.Usage, "request: it carries two tokens")
	}
	t.token = token
	t.places = append(t.places, at)
	return nil
}

// header returns the fields that carry no token.
func (t *tokenSearch) header(h http.Header) (http.Header, error) {
	out := make(http.Header, len(h))
	for name, values := range h {
		token := ""
		for _, v := range values {
			if found := tokenIn(v); found != "" {
				token = found
			}
		}
		switch {
		case token == "":
			out[name] = values
		case len(values) > 1:
			return nil, fault.New(fault.Usage, "request: %s is there more than once", name)
		case strings.Count(values[0], policy.TokenPrefix) > 1:
			return nil, fault.New(fault.Usage, "request: it carries two tokens")
		default:
			if err := t.take(token, keeper.TokenPlace{In: "header", Name: strings.ToLower(name)}); err != nil {
				return nil, err
			}
		}
	}
	if t.token != "" && strings.HasPrefix(h.Get("Authorization"), "AWS4-") {
		for _, name := range []string{"X-Amz-Date", "X-Amz-Security-Token"} { // of the signature that goes with it
			delete(out, name)
		}
	}
	return out, nil
}

// query returns the parameters that carry no token.
func (t *tokenSearch) query(raw string) (string, error) {
	if !strings.Contains(raw, policy.TokenPrefix) && !strings.Contains(raw, "%") {
		return raw, nil
	}
	var kept []string
	signed := false
	for parameter := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		plain, err := url.QueryUnescape(value)
		token := tokenIn(plain)
		if err != nil || token == "" {
			kept = append(kept, parameter)
			continue
		}
		if name, err = url.QueryUnescape(name); err != nil {
			return "", fault.New(fault.Usage, "request: the query is not escaped as it should be")
		}
		signed = signed || strings.EqualFold(name, "X-Amz-Credential")
		if err := t.take(token, keeper.TokenPlace{In: "query", Name: name}); err != nil {
			return "", err
		}
	}
	if signed { // the rest of the signature that goes with it
		kept = slices.DeleteFunc(kept, func(p string) bool { return strings.HasPrefix(strings.ToLower(p), "x-amz-") })
	}
	return strings.Join(kept, "&"), nil
}

// path returns the path without its first segment, if that carries the token, as in /svc/telegram/botTOKEN/getMe.
func (t *tokenSearch) path(path string) (string, error) {
	first, rest, _ := strings.Cut(path, "/")
	token := tokenIn(first)
	if token == "" {
		return path, nil
	}
	return rest, t.take(token, keeper.TokenPlace{In: "path"})
}

// tokenIn returns the token in the value of a field, "" for none: by itself, after a scheme or a prefix that keys have, as user or
// password of basic authentication, or as the access key of an AWS signature.
func tokenIn(value string) string {
	if i := strings.Index(value, policy.TokenPrefix); i >= 0 {
		token := value[i:]
		end := strings.IndexFunc(token, func(c rune) bool { return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_') })
		if end >= 0 {
			token = token[:end]
		}
		return token
	}
	scheme, encoded, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return ""
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || !bytes.Contains(plain, []byte(policy.TokenPrefix)) {
		return ""
	}
	user, password, _ := strings.Cut(string(plain), ":")
	if strings.HasPrefix(password, policy.TokenPrefix) {
		return password
	}
	return user
}

// holds reports whether what is left of a request still has the token.
func holds(h http.Header, query, path, token string) bool {
	for name, values := range h {
		if strings.Contains(strings.ToLower(name), token) || slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, token) }) {
			return true
		}
	}
	return slices.ContainsFunc([]string{query, path}, func(s string) bool { return escaped(s, token) })
}

// escaped reports whether text holds the token, also when its characters are escaped, or the escapes are: whoever unescapes once more than
// was meant must not find it.
func escaped(text, token string) bool {
	for range 4 {
		if strings.Contains(text, token) {
			return true
		}
		plain, err := url.PathUnescape(text)
		if err != nil || plain == text {
			return false
		}
		text = plain
	}
	return false
}

// guardedBody is the body of a request, which must not hold the caller's token: it would be sent to the service.
type guardedBody struct {
	body     io.Reader
	deadline *http.ResponseController
	token    []byte
	seam     []byte // what was read last, as long as a token may begin in it
}

var errTokenInBody = errors.New("the body holds the token")

// maxHeld bounds the bodies that are read as a whole, in bytes: most calls of APIs, and little enough for anybody who asks.
const maxHeld = 32 << 10

// held returns a body of a known, small length as a whole, so that nothing at all is sent of one that has the token, and that the
// service can be asked again. Of any other it returns g: the token ends such a request where it stands in it.
func (g *guardedBody) held(length int64) (io.Reader, error) {
	if length < 0 || length > maxHeld {
		return g, nil
	}
	whole := make([]byte, length)
	switch _, err := io.ReadFull(g, whole); {
	case errors.Is(err, errTokenInBody):
		return nil, fault.New(fault.Usage, "request: the token stands in the body, which would be sent to the service")
	case err != nil:
		return nil, fault.New(fault.Usage, "request: the body broke off")
	}
	_ = g.deadline.SetReadDeadline(time.Time{})
	return bytes.NewReader(whole), nil
}

func (g *guardedBody) Read(p []byte) (int, error) {
	_ = g.deadline.SetReadDeadline(time.Now().Add(uploadTime))
	n, err := g.body.Read(p)
	if errors.Is(err, io.EOF) {
		_ = g.deadline.SetReadDeadline(time.Time{})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("the body stopped")
	}
	if g.holds(p[:n]) {
		return 0, errTokenInBody
	}
	return n, err
}

// holds reports whether the token stands in what was read now, or in what was read before and now. It copies only what lies where the two
// meet.
func (g *guardedBody) holds(now []byte) bool {
	rest := len(g.token) - 1 // the most of a token that is not all of it
	g.seam = append(g.seam, now[:min(rest, len(now))]...)
	if bytes.Contains(g.seam, g.token) || bytes.Contains(now, g.token) {
		return true
	}
	if len(now) > rest {
		g.seam = append(g.seam[:0], now[len(now)-rest:]...)
	} else {
		g.seam = append(g.seam[:0], g.seam[max(0, len(g.seam)-rest):]...)
	}
	return false
}
