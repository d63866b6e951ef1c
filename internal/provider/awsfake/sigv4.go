package awsfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Key is a pair of keys that the fake knows.
type Key struct {
	Secret  string
	Session string // the session token that must come with it; empty: none may
	Expires time.Time
}

const stamp = "20060102T150405Z"

// verify checks the signature of a request as AWS does, and returns the code of the error; empty: it is good. See
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
func verify(r *http.Request, body []byte, keys map[string]Key, service string, now time.Time) string {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme != "AWS4-HMAC-SHA256" {
		return "MissingAuthenticationTokenException"
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	signed := strings.Split(fields["SignedHeaders"], ";")
	if len(scope) != 5 || scope[4] != "aws4_request" || scope[3] != service || !slices.IsSorted(signed) {
		return "IncompleteSignatureException"
	}
	key, ok := keys[scope[0]]
	if !ok || r.Header.Get("X-Amz-Security-Token") != key.Session {
		return "UnrecognizedClientException"
	}
	at, err := time.Parse(stamp, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != scope[1] || now.Sub(at).Abs() > 15*time.Minute {
		return "InvalidSignatureException"
	}
	// What is not signed could be another's: the host, and all that AWS acts upon.
	must := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && lower != "x-amz-user-agent" {
			must = append(must, lower)
		}
	}
	for _, name := range must {
		if !slices.Contains(signed, name) {
			return "InvalidSignatureException"
		}
	}
	hash := hexHash(body)
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" && given != hash {
		return "InvalidSignatureException"
	}
	canonical := strings.Join([]string{r.Method, canonicalPath(r.URL), canonicalQuery(r.URL), canonicalHeaders(r, signed), strings.Join(signed, ";"), hash}, "\n")
	toSign := strings.Join([]string{scheme, r.Header.Get("X-Amz-Date"), strings.Join(scope[1:], "/"), hexHash([]byte(canonical))}, "\n")
	mac := []byte("AWS4" + key.Secret)
	for _, step := range append(scope[1:], toSign) {
		mac = sum(mac, step)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(mac)), []byte(fields["Signature"])) {
		return "InvalidSignatureException"
	}
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return "ExpiredTokenException"
	}
	return ""
}

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func sum(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

// canonicalPath is the path as it was sent, each segment escaped once more.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	return strings.Join(segments, "/")
}

func canonicalQuery(u *url.URL) string {
	var all []string
	for name, values := range u.Query() {
		for _, v := range values {
			all = append(all, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "&")
}

func canonicalHeaders(r *http.Request, signed []string) string {
	var b strings.Builder
	for _, name := range signed {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		clean := make([]string, len(values))
		for i, v := range values {
			clean[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(clean, ",") + "\n")
	}
	return b.String()
}

// escape is UriEncode of the specification: all but the unreserved characters, in capitals.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
