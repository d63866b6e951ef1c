package golden

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// The client and tokens of the services with OAuth, which the credential of a test has.
const (
	ClientID     = "client-of-the-goldens"
	ClientSecret = "client+secret/of-the-goldens" //nolint:gosec // of no service
	RefreshToken = "refresh-token-of-the-goldens"
	AccessToken  = "access-token-of-the-goldens"
)

// A Verdict is what the handler answers: the capability that the documented operation belongs to, or what is wrong with the request.
type Verdict struct {
	Capability string `json:"capability"`
	Host       string `json:"host"` // where it is, according to the documentation
	Problem    string `json:"problem"`
}

// Handler returns an upstream that accepts what is documented. secrets are the values of the credential, by the names of the secrets.
func (s *Service) Handler(secrets map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if path := s.TokenURL(); path != nil && r.URL.Path == path.Path && r.Method == http.MethodPost {
			s.giveToken(w, r)
			return
		}
		var v Verdict
		o, err := s.judge(r, secrets)
		if err != nil {
			v.Problem = fmt.Sprintf("%s %s: %v", r.Method, r.URL.EscapedPath(), err)
			w.WriteHeader(http.StatusBadRequest)
		} else {
			v.Capability, v.Host = o.Capability, o.Host
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = json.NewEncoder(w).Encode(v)
	})
}

// TokenURL returns the address that gives tokens; nil if there is none.
func (s *Service) TokenURL() *url.URL {
	for _, k := range s.Keys {
		if k.Kind == "oauth" {
			if u, err := url.Parse(k.Value); err == nil {
				return u
			}
		}
	}
	return nil
}

// giveToken is a token endpoint (RFC 6749, section 6).
func (s *Service) giveToken(w http.ResponseWriter, r *http.Request) {
	id, password, basic := r.BasicAuth()
	if basic { // section 2.3.1: both are encoded as in a form
		id, _ = url.QueryUnescape(id)
		password, _ = url.QueryUnescape(password)
	} else {
		id, password = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != ClientID || password != ClientSecret || r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("refresh_token") != RefreshToken {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	_, _ = io.WriteString(w, `{"access_token":"`+AccessToken+`","token_type":"Bearer","expires_in":3600}`)
}

// judge returns the documented operation that a request is.
func (s *Service) judge(r *http.Request, secrets map[string]string) (*Operation, error) {
	path, err := s.authenticated(r, secrets)
	if err != nil {
		return nil, err
	}
	for _, name := range s.Needs {
		if r.Header.Get(name) == "" {
			return nil, fmt.Errorf("the header %s is required", name)
		}
	}
	var best *Operation
	for i := range s.Operations {
		o := &s.Operations[i]
		if o.Method == r.Method && o.pattern.MatchString(path) && (best == nil || o.literal > best.literal) {
			best = o
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no such operation is documented")
	}
	query := r.URL.Query()
	for _, name := range best.Parameters {
		if !query.Has(name) {
			return nil, fmt.Errorf("the parameter %s is required", name)
		}
	}
	content, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if content != best.Content && best.Content != "*" {
		return nil, fmt.Errorf("the content is %q, not %q", content, best.Content)
	}
	if content == "multipart/form-data" && parameters["boundary"] == "" {
		return nil, fmt.Errorf("the form has no boundary")
	}
	return best, nil
}

// authenticated checks that each key is in its place, and nowhere else. It returns the path without what authenticates.
func (s *Service) authenticated(r *http.Request, secrets map[string]string) (path string, err error) {
	path = r.URL.EscapedPath()
	header, query := r.Header.Clone(), r.URL.Query()
	take := func(place, got, want string) {
		if got != want && err == nil {
			err = fmt.Errorf("%s is %q, not %q", place, got, want)
		}
	}
	for _, k := range s.Keys {
		want := expand(k.Value, secrets)
		if want == k.Value && strings.HasPrefix(want, "$") {
			want = "" // a session token, of credentials that have none
		}
		switch k.Kind {
		case "header":
			take("the header "+k.Name, strings.Join(header.Values(k.Name), ", "), want)
			header.Del(k.Name)
		case "query":
			take("the parameter "+k.Name, strings.Join(query[k.Name], ", "), want)
			query.Del(k.Name)
		case "path":
			rest, found := strings.CutPrefix(path, want)
			if !found {
				return "", fmt.Errorf("the path does not begin with %q", want)
			}
			path = rest
		case "basic":
			user, password, _ := r.BasicAuth()
			take("the user", user+":"+password, want)
			header.Del("Authorization")
		case "oauth":
			take("authorization", header.Get("Authorization"), "Bearer "+AccessToken)
			header.Del("Authorization")
		case "sigv4":
			if why := signed(r, k.Value, secrets); why != "" {
				return "", fmt.Errorf("the signature: %s", why)
			}
			header.Del("Authorization")
		default:
			return "", fmt.Errorf("no such kind of key: %s", k.Kind)
		}
	}
	if err != nil {
		return "", err
	}
	if header.Get("Authorization") != "" || header.Get("Cookie") != "" {
		return "", fmt.Errorf("more authenticates than is documented")
	}
	everywhere := fmt.Sprint(path, query, header)
	for name, value := range secrets {
		if strings.Contains(everywhere, value) {
			return "", fmt.Errorf("%s is in another place too", name)
		}
	}
	return path, nil
}

// expand replaces $NAME by the secret of that name.
func expand(template string, secrets map[string]string) string {
	for name, value := range secrets {
		template = regexp.MustCompile(`\$`+name+`\b`).ReplaceAllLiteralString(template, value)
	}
	return template
}

// signed says what is wrong with the form of a signature of AWS. That it is right is checked in package broker, with AWS's own vectors.
func signed(r *http.Request, service string, secrets map[string]string) string {
	pattern := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)
	m := pattern.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return "it is not of the form of AWS4-HMAC-SHA256"
	}
	names := ";" + m[5] + ";"
	switch {
	case m[1] != secrets[accessKeyName(secrets)]:
		return "it is made with another key"
	case !strings.HasPrefix(r.Header.Get("X-Amz-Date"), m[2]+"T"):
		return "X-Amz-Date is of another day"
	case m[4] != service:
		return "it is for " + m[4]
	case !strings.Contains(names, ";host;") || !strings.Contains(names, ";x-amz-date;"):
		return "host and x-amz-date must be signed"
	case service == "s3" && !strings.Contains(names, ";x-amz-content-sha256;"):
		return "S3 wants x-amz-content-sha256 to be signed"
	}
	return ""
}

// accessKeyName returns the name of the secret that is the id of the key.
func accessKeyName(secrets map[string]string) string {
	for name := range secrets {
		if strings.HasSuffix(name, "_ACCESS_KEY_ID") {
			return name
		}
	}
	return ""
}
