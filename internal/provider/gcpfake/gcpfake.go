// Package gcpfake is a small Google Cloud for tests: Secret Manager over REST v1 with its checksums, and what gives out tokens (OAuth 2.0,
// the Security Token Service, impersonation, a machine's metadata).
//
// It answers as the API references say, and verifies signed tokens itself. That it is like Google is shown in integration/clouds, where
// the official SDK drives it.
package gcpfake

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Project is the id of the project, and Number the number that answers have in its place.
const (
	Project = "acme-test"
	Number  = "123456789012"
)

// What the token endpoints take.
const (
	ClientSecret = "test-client-secret-2nB7" //nolint:gosec // of a test
	RefreshToken = "test-refresh-token-2nB7" //nolint:gosec // of a test
	SubjectToken = "test.subject.token-2nB7" //nolint:gosec // of a test
	Audience     = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x"
)

// A Server is Google Cloud on a port of this machine.
type Server struct {
	URL string

	// Before is asked first about every request to Secret Manager; action is "access", "addVersion", "create", "list", "versions", "delete";
	// true: it has answered.
	Before func(w http.ResponseWriter, r *http.Request, action string) bool
	// Signer is the key of the service account whose own tokens are taken, for the audience that follows; nil: none are.
	Signer         *rsa.PublicKey
	SignedAudience string
	// Delegates are those through whom the service account has to be impersonated.
	Delegates []string

	http *httptest.Server
	now  func() time.Time
	page int

	mu      sync.Mutex
	tokens  map[string]time.Time // their end
	lasts   time.Duration
	asked   []string
	secrets map[string]*kept
	made    int
	email   string // of the machine's service account; empty: it has none
	failing int    // the status that the machine's metadata answers with; 0: it answers
}

// New starts a server that takes one token and gives out pages of that many; now is its clock. What it gives out lasts so long.
func New(token string, page int, now func() time.Time, lasts time.Duration) *Server {
	s := &Server{now: now, page: page, lasts: lasts, tokens: map[string]time.Time{}, secrets: map[string]*kept{}, email: "machine"}
	if token != "" {
		s.tokens[token] = now().Add(1000 * time.Hour)
	}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	return s
}

// Close ends it.
func (s *Server) Close() { s.http.CloseClientConnections(); s.http.Close() }

// WithoutAccount takes the machine's service account away.
func (s *Server) WithoutAccount() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.email = ""
}

// FailMetadata makes the metadata of the machine answer with that status, until it is told 0.
func (s *Server) FailMetadata(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = status
}

// Asked returns the actions that were asked for, and forgets them.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.asked
	s.asked = nil
	return all
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/v1/projects/"+Project+"/secrets") || strings.HasPrefix(r.URL.Path, "/v1/projects/"+Number+"/secrets") {
		s.serveSecrets(w, r, body)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	form, _ := url.ParseQuery(string(body))
	switch path := r.URL.Path; {
	case path == "/token" && form.Get("grant_type") == "refresh_token":
		s.grant(w, form.Get("refresh_token") == RefreshToken && form.Get("client_secret") == ClientSecret && form.Get("client_id") != "", "invalid_grant")
	case path == "/sts" && form.Get("grant_type") == "urn:ietf:params:oauth:grant-type:token-exchange":
		s.grant(w, form.Get("subject_token") == SubjectToken && form.Get("audience") == Audience && form.Get("scope") != "", "invalid_target")
	case path == "/subject" && r.Header.Get("X-Subject") == "yes":
		_, _ = fmt.Fprintf(w, `{"value":%q}`, SubjectToken)
	case strings.HasSuffix(path, ":generateAccessToken") && strings.Contains(string(body), "cloud-platform"):
		var in struct{ Delegates []string }
		switch {
		case !s.bears(r):
			refuse(w, 401, "UNAUTHENTICATED", "no")
			return
		case json.Unmarshal(body, &in) != nil || !slices.Equal(in.Delegates, s.Delegates):
			refuse(w, 403, "PERMISSION_DENIED", "not through these")
			return
		}
		token := s.mint()
		_, _ = fmt.Fprintf(w, `{"accessToken":%q,"expireTime":%q}`, token, s.tokens[token].UTC().Format(time.RFC3339))
	case strings.HasPrefix(path, "/computeMetadata/v1/"):
		s.serveMetadata(w, r)
	default:
		http.NotFound(w, r)
	}
}

// grant answers as a token endpoint.
func (s *Server) grant(w http.ResponseWriter, good bool, code string) {
	w.Header().Set("Content-Type", "application/json")
	if !good {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":"%s %s"}`, code, RefreshToken, SubjectToken) // a careless service repeats what it was sent
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":%d,"token_type":"Bearer"}`, s.mint(), int(s.lasts.Seconds()))
}

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	switch path := strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/"); {
	case r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "":
		http.Error(w, "no", http.StatusForbidden)
	case s.failing != 0:
		http.Error(w, "a bad time", s.failing)
	case path == "project/project-id":
		_, _ = w.Write([]byte(Project))
	case path == "instance/service-accounts/default/token" && s.email != "":
		s.grant(w, true, "")
	default:
		http.NotFound(w, r)
	}
}

// mint makes a token that is taken from now on.
func (s *Server) mint() string {
	s.made++
	token := fmt.Sprintf("ya29.test-minted-%04d", s.made)
	s.tokens[token] = s.now().Add(s.lasts)
	return token
}

// bears reports whether a request shows a token that is good.
func (s *Server) bears(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	end, known := s.tokens[token]
	return ok && (known && s.now().Before(end) || s.signed(token))
}

// signed verifies a token that a service account signed itself (AIP-4111).
func (s *Server) signed(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || s.Signer == nil {
		return false
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return false
		}
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	now := s.now().Unix()
	return json.Unmarshal(raw[0], &head) == nil && head.Alg == "RS256" && head.Typ == "JWT" && json.Unmarshal(raw[1], &claims) == nil &&
		rsa.VerifyPKCS1v15(s.Signer, crypto.SHA256, sum[:], raw[2]) == nil &&
		claims.Iss != "" && claims.Iss == claims.Sub && claims.Aud == s.SignedAudience && claims.Iat <= now+60 && now < claims.Exp && claims.Exp-claims.Iat <= 3600
}

// refuse answers with an error as Google's APIs have it (https://google.aip.dev/193).
func refuse(w http.ResponseWriter, code int, status, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "message": message, "status": status}})
}

// Refuse answers with an error.
func Refuse(w http.ResponseWriter, code int, status, message string) {
	refuse(w, code, status, message)
}
