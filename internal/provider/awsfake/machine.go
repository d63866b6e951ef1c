package awsfake

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// machine is what gives out credentials besides STS.
type machine struct {
	role     string        // of the instance; empty: it has none
	lasts    time.Duration // how long what is given out lasts
	ssoToken string
	token    string // of the container's endpoint
	denied   bool
	failing  int // the status that the instance's metadata answers with below failsAt; 0: it answers
	failsAt  string
}

// GiveOut lets the server give out credentials which last so long: to who shows the tokens of SSO and of the container, and as the
// instance's role.
func (s *Server) GiveOut(role, ssoToken, containerToken string, lasts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine = machine{role: role, lasts: lasts, ssoToken: ssoToken, token: containerToken}
}

// Deny makes STS refuse every role.
func (s *Server) Deny() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine.denied = true
}

// FailMetadata makes the metadata of the instance answer with that status below a path, until it is told 0.
func (s *Server) FailMetadata(path string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine.failing, s.machine.failsAt = status, path
}

// mint makes temporary credentials that are known from now on.
func (s *Server) mint() (id string, k Key) {
	n := s.next()
	id = fmt.Sprintf("ASIATEST%08d", n)
	k = Key{Secret: fmt.Sprintf("minted-key-%08d", n), Session: fmt.Sprintf("minted/session+%08d==", n), Expires: s.now().Add(s.machine.lasts)}
	s.keys[id] = k
	return id, k
}

const metadataToken = "metadata-token-0001" //nolint:gosec // of a test

// serveMachine answers requests to SSO's portal, a container's endpoint and an instance's metadata.
func (s *Server) serveMachine(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := true
	switch path := r.URL.Path; {
	case s.machine.failing != 0 && strings.HasPrefix(path, s.machine.failsAt):
		http.Error(w, "a bad time", s.machine.failing)
	case path == "/federation/credentials":
		s.serveSSO(w, r)
	case path == "/container":
		if r.Header.Get("Authorization") != s.machine.token {
			http.Error(w, "no", http.StatusForbidden)
			break
		}
		s.giveJSON(w, "")
	case path == "/latest/api/token" && r.Method == http.MethodPut && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		_, _ = w.Write([]byte(metadataToken))
	case strings.HasPrefix(path, "/latest/"):
		s.serveMetadata(w, r)
	default:
		known = false
	}
	if known {
		s.asked = append(s.asked, r.URL.Path)
	}
	return known
}

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	role, ok := strings.CutPrefix(r.URL.Path, "/latest/meta-data/iam/security-credentials/")
	switch {
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != metadataToken: // version 1 is off
		http.Error(w, "no", http.StatusUnauthorized)
	case !ok || s.machine.role == "":
		http.NotFound(w, r)
	case role == "":
		_, _ = w.Write([]byte(s.machine.role))
	case role == s.machine.role:
		s.giveJSON(w, `"Code":"Success","Type":"AWS-HMAC",`)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) giveJSON(w http.ResponseWriter, more string) {
	id, k := s.mint()
	_, _ = fmt.Fprintf(w, `{%s"AccessKeyId":%q,"SecretAccessKey":%q,"Token":%q,"Expiration":%q}`, more, id, k.Secret, k.Session, k.Expires.UTC().Format(time.RFC3339))
}

func (s *Server) serveSSO(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Header.Get("X-Amz-Sso_bearer_token") != s.machine.ssoToken || q.Get("account_id") != Account || q.Get("role_name") == "" {
		http.Error(w, `{"message":"Session token not found or invalid"}`, http.StatusUnauthorized)
		return
	}
	id, k := s.mint()
	_, _ = fmt.Fprintf(w, `{"roleCredentials":{"accessKeyId":%q,"secretAccessKey":%q,"sessionToken":%q,"expiration":%d}}`, id, k.Secret, k.Session, k.Expires.UnixMilli())
}

// serveSTS answers AssumeRole and AssumeRoleWithWebIdentity.
func (s *Server) serveSTS(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	form, err := url.ParseQuery(string(body))
	action := form.Get("Action")
	s.asked = append(s.asked, action)
	code := ""
	switch {
	case err != nil, form.Get("Version") != "2011-06-15", form.Get("RoleSessionName") == "", !strings.HasPrefix(form.Get("RoleArn"), "arn:aws:iam::"):
		code = "ValidationError"
	case s.machine.denied:
		code = "AccessDenied"
	case action == "AssumeRole":
		code = verify(r, body, s.keys, "sts", s.now())
	case action != "AssumeRoleWithWebIdentity":
		code = "InvalidAction"
	case form.Get("WebIdentityToken") != "web.identity.token":
		code = "InvalidIdentityToken"
	}
	w.Header().Set("Content-Type", "text/xml")
	if code != "" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`,
			code, form.Get("WebIdentityToken")) // a careless service repeats what it was sent
		return
	}
	id, k := s.mint()
	_, _ = fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><AssumedRoleUser><Arn>arn:aws:sts::%[2]s:assumed-role/x/y</Arn></AssumedRoleUser>`+
		`<Credentials><AccessKeyId>%[3]s</AccessKeyId><SecretAccessKey>%[4]s</SecretAccessKey><SessionToken>%[5]s</SessionToken><Expiration>%[6]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
		action, Account, id, k.Secret, k.Session, k.Expires.UTC().Format(time.RFC3339))
}
