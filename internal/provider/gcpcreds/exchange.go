package gcpcreds

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// accessToken is what Google's token endpoints answer (RFC 6749, section 5.1).
type accessToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// exchange sends a form to a token endpoint.
func (s *Source) exchange(ctx context.Context, address, what, fix string, in url.Values) (Token, error) {
	r := rest.Request{What: what, Method: http.MethodPost, Header: form(), Body: []byte(in.Encode())}
	client, a, err := s.ask(ctx, address, r)
	if err != nil {
		return Token{}, err
	}
	if !a.OK() {
		return Token{}, refused(client, r, a, fix)
	}
	var got accessToken
	if err := client.JSON(r, a, &got); err != nil {
		return Token{}, err
	}
	return Token{Bearer: secret.New([]byte(got.AccessToken)), Expires: s.expiry(got.ExpiresIn)}, nil
}

// refused is the error of a token endpoint (RFC 6749, section 5.2): what it says by its code is about who we are.
func refused(client *rest.Client, r rest.Request, a *rest.Answer, fix string) error {
	var said struct {
		Error any `json:"error"` // a text by the RFC, an object where Google's APIs answer
	}
	_ = json.Unmarshal(a.Body, &said) // another body has no code
	switch code, _ := said.Error.(string); code {
	case "invalid_grant", "invalid_client", "unauthorized_client", "invalid_target", "invalid_rapt":
		err := client.Error(fault.Denied, r, a, code)
		return withFix(err, fix)
	case "invalid_request", "invalid_scope", "unsupported_grant_type":
		return withFix(client.Error(fault.Usage, r, a, code), fix)
	}
	return client.Refused(r, a, "")
}

func withFix(err error, fix string) error {
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // one with a Retry-After keeps its own way out
		return e.WithFix("%s", fix)
	}
	return err
}

const login = "run `gcloud auth application-default login`"

// userToken exchanges the refresh token of a person.
func (s *Source) userToken(ctx context.Context, f *file) (Token, error) {
	address := s.c.TokenURL
	if address == "" {
		address = "https://oauth2.googleapis.com/token"
	}
	if f.RefreshToken == "" || f.ClientID == "" {
		return Token{}, s.misconfigured("%s holds no refresh token", f.path).WithFix(login)
	}
	t, err := s.exchange(ctx, address, "refresh the token of the user", login, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {f.ClientID}, "client_secret": {f.ClientSecret}, "refresh_token": {f.RefreshToken},
	})
	t.Quota = f.QuotaProject
	return t, err
}

// externalToken exchanges the token of another identity provider (RFC 8693), and that for a service account's where the file says so.
func (s *Source) externalToken(ctx context.Context, f *file) (Token, error) {
	subject, err := s.subject(ctx, f)
	if err != nil {
		return Token{}, err
	}
	t, err := s.exchange(ctx, f.TokenURL, "exchange the token of the workload", "check the workload identity pool and what it accepts", url.Values{
		"grant_type":           {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"audience":             {f.Audience},
		"scope":                {scope},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token":        {subject},
		"subject_token_type":   {f.SubjectTokenType},
	})
	if err == nil && f.ImpersonationURL != "" {
		t, err = s.impersonate(ctx, f, t)
	}
	t.Quota = f.QuotaProject
	return t, err
}

// subject reads the token that another identity provider gave us, from a file or an address.
func (s *Source) subject(ctx context.Context, f *file) (string, error) {
	source := f.CredentialSource
	var text []byte
	switch {
	case source.EnvironmentID != "" || source.Executable != nil:
		return "", s.misconfigured("%s takes its token from AWS or a program, which is not done here", f.path).
			WithFix("use a credential_source with a file or a url")
	case source.File != "":
		var err error
		if text, err = readFile(source.File); err != nil {
			return "", s.misconfigured("the token of the workload in %s cannot be read: %s", source.File, reason(err))
		}
	case source.URL != "":
		r := rest.Request{What: "get the token of the workload", Header: http.Header{}}
		for name, value := range source.Headers {
			r.Header.Set(name, value)
		}
		client, a, err := s.ask(ctx, source.URL, r)
		if err != nil {
			return "", err
		}
		if !a.OK() {
			return "", client.Refused(r, a, "")
		}
		text = a.Body
	}
	token := strings.TrimSpace(string(text))
	if source.Format.Type == "json" {
		var members map[string]any
		_ = json.Unmarshal(text, &members) // what is none has no such member
		token, _ = members[source.Format.Field].(string)
	}
	if token == "" {
		return "", s.misconfigured("%s leads to no token of the workload", f.path)
	}
	return token, nil
}

// impersonatedToken gets the token of a user, and for it that of a service account.
func (s *Source) impersonatedToken(ctx context.Context, f *file) (Token, error) {
	if f.SourceFile == nil || f.ImpersonationURL == "" {
		return Token{}, s.misconfigured("%s does not say whom it impersonates, or as who", f.path).WithFix(login)
	}
	source := *f.SourceFile
	source.path = f.path
	var t Token
	var err error
	switch source.Type {
	case "authorized_user":
		t, err = s.userToken(ctx, &source)
	case "external_account":
		t, err = s.externalToken(ctx, &source)
	default: // a service account's own tokens are for one audience only
		return Token{}, s.misconfigured("%s impersonates from credentials of a type that is not known here", f.path)
	}
	if err == nil {
		t, err = s.impersonate(ctx, f, t)
	}
	t.Quota = f.QuotaProject
	return t, err
}

// impersonate exchanges t for a token of the service account of f (generateAccessToken of the IAM Service Account Credentials API).
func (s *Source) impersonate(ctx context.Context, f *file, t Token) (Token, error) {
	body, err := json.Marshal(struct {
		Delegates []string `json:"delegates,omitempty"`
		Scope     []string `json:"scope"`
		Lifetime  string   `json:"lifetime"`
	}{f.Delegates, []string{scope}, "3600s"})
	if err != nil {
		return Token{}, s.misconfigured("the delegates in %s are no text", f.path)
	}
	r := rest.Request{
		What: "impersonate the service account", Method: http.MethodPost, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + string(t.Bearer.Reveal())}},
	}
	client, a, err := s.ask(ctx, f.ImpersonationURL, r)
	if err != nil {
		return Token{}, err
	}
	if !a.OK() {
		return Token{}, withFix(client.Refused(r, a, ""), "the role roles/iam.serviceAccountTokenCreator lets us impersonate the service account")
	}
	var got struct {
		AccessToken string `json:"accessToken"`
		ExpireTime  string `json:"expireTime"`
	}
	if err := client.JSON(r, a, &got); err != nil {
		return Token{}, err
	}
	expires, err := time.Parse(time.RFC3339, got.ExpireTime)
	if err != nil {
		return Token{}, provider.Errorf(fault.Invalid, s.c.Name, "%s: the answer is not what Google answers", r.What).WithFix("check the address in the credentials")
	}
	return Token{Bearer: secret.New([]byte(got.AccessToken)), Expires: expires}, nil
}
