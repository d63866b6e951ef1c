package server

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tacit/internal/fault"
)

// admit refuses what a web page in the user's browser could send: this API is for programs. No answer has a CORS header.
func (s *server) admit(x *exchange) error {
	h := x.r.Header
	if _, ok := h["Origin"]; ok {
		return x.refuse(http.StatusForbidden, "requests of web pages are not answered")
	}
	if site, ok := h["Sec-Fetch-Site"]; ok && !slices.Equal(site, []string{"none"}) {
		return x.refuse(http.StatusForbidden, "requests of web pages are not answered")
	}
	if len(s.Hosts) > 0 && !slices.Contains(s.Hosts, strings.ToLower(x.r.Host)) {
		return x.refuse(http.StatusMisdirectedRequest, "this server is not addressed by that name")
	}
	if x.r.URL.IsAbs() || x.r.URL.Host != "" {
		return x.refuse(http.StatusBadRequest, "this is not a proxy")
	}
	return nil
}

// isType reports whether a request's media type is want, in UTF-8.
func isType(header []string, want string) bool {
	if len(header) != 1 {
		return false
	}
	if header[0] == want {
		return true
	}
	got, params, err := mime.ParseMediaType(header[0])
	if err != nil || got != want {
		return false
	}
	for k, v := range params {
		if k != "charset" || !strings.EqualFold(v, "utf-8") {
			return false
		}
	}
	return true
}

// claim returns what a header of names says; empty without it.
func claim(h http.Header, name string) (string, error) {
	v := h[name]
	if len(v) == 0 {
		return "", nil
	}
	s, err := url.PathUnescape(v[0])
	if len(v) > 1 || err != nil {
		return "", fault.New(fault.Usage, "request: the header %s must be there once, percent-encoded", name)
	}
	return s, nil
}
