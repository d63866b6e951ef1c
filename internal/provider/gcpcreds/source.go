package gcpcreds

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

const (
	// early is how long before its end a token is fetched anew.
	early = 5 * time.Minute
	// pause is how long nobody is asked again after that failed, while the old token is still good.
	pause = 15 * time.Second
	// scope is what a token is asked for.
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// maxAnswer bounds what gives out credentials, in bytes: an answer or a file.
	maxAnswer = 256 << 10
)

// A Token is what a request shows.
type Token struct {
	Bearer  secret.Value
	Quota   string // the project that the request is counted for, which Google wants of users; empty: the resource's
	Expires time.Time
}

// Config says what of the process may be looked at.
type Config struct {
	Name     string // of the provider, for errors
	Audience string // what a service account signs its tokens for: "https://secretmanager.googleapis.com/"
	World    provider.World
	// TokenURL is where refresh tokens are exchanged; empty: Google's address.
	TokenURL string
	// Dial makes all connections; nil: a net.Dialer does.
	Dial rest.Dialer
}

// A Source finds tokens and keeps them until they end. Several goroutines may use it.
type Source struct {
	c Config

	turn  provider.Turn // whoever has it may look at what follows
	have  Token
	again time.Time // when to fetch another that could not be fetched; zero: when it is time
	file  *file     // nil: not looked for yet
}

// New returns a source that has looked at nothing yet.
func New(c Config) *Source {
	return &Source{c: c, turn: provider.NewTurn()}
}

// Get returns a token that is good now. Errors: fault.Usage when none is configured or what is configured cannot be, fault.Denied when
// it has ended or is refused, fault.Unavailable when whoever gives it out does not answer.
func (s *Source) Get(ctx context.Context) (Token, error) {
	if err := s.turn.ForCredentials(ctx, s.c.Name); err != nil {
		return Token{}, err
	}
	defer s.turn.Give()
	now := s.c.World.Now()
	good := s.have.Bearer.Len() > 0 && now.Before(s.have.Expires)
	if good && (now.Before(s.have.Expires.Add(-early)) || now.Before(s.again)) {
		return s.have, nil
	}
	t, err := s.find(ctx)
	switch {
	case err != nil && good:
		s.c.World.Debug("found no other Google credentials, and keep those of before", "provider", s.c.Name, "expires", s.have.Expires)
		s.again = now.Add(pause)
		return s.have, nil
	case err != nil:
		return Token{}, err
	}
	s.c.World.Debug("found Google credentials", "provider", s.c.Name, "from", s.file.from(), "expires", t.Expires)
	s.have, s.again = t, time.Time{}
	return t, nil
}

// find gets a token that can stand in a header.
func (s *Source) find(ctx context.Context) (Token, error) {
	if err := s.look(); err != nil {
		return Token{}, err
	}
	t, err := s.fetch(ctx)
	if err == nil && unfit(t.Bearer.Reveal()) {
		err = s.misconfigured("what was given out is no token")
	}
	return t, err
}

// unfit reports whether b cannot stand in a header.
func unfit(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return true
		}
	}
	return len(b) == 0
}

// Forget is told that Google does not take this token any more; the next Get fetches another.
func (s *Source) Forget(old Token) {
	_ = s.turn.Take(context.Background())
	defer s.turn.Give()
	if string(s.have.Bearer.Reveal()) == string(old.Bearer.Reveal()) {
		s.have, s.file = Token{}, nil
	}
}

// Project returns the project that environment, credentials or machine name; empty: none does.
func (s *Source) Project(ctx context.Context) (string, error) {
	for _, variable := range []string{"GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"} {
		if p := s.c.World.Getenv(variable); p != "" {
			return p, nil
		}
	}
	if err := s.turn.ForCredentials(ctx, s.c.Name); err != nil {
		return "", err
	}
	defer s.turn.Give()
	if err := s.look(); err != nil {
		return "", err
	}
	if s.file.Type != "" {
		return s.file.ProjectID, nil
	}
	b, err := s.metadata(ctx, "/project/project-id", "ask the machine for its project")
	return strings.TrimSpace(string(b)), err
}

// fetch gets a token by what was found.
func (s *Source) fetch(ctx context.Context) (Token, error) {
	switch f := s.file; f.Type {
	case "":
		return s.machineToken(ctx)
	case "service_account":
		return s.signedToken(f)
	case "authorized_user":
		return s.userToken(ctx, f)
	case "external_account":
		return s.externalToken(ctx, f)
	case "impersonated_service_account":
		return s.impersonatedToken(ctx, f)
	default:
		return Token{}, s.misconfigured("%s holds credentials of a type that is not known here", s.file.path)
	}
}

// misconfigured returns an error of what the environment or Google's files say.
func (s *Source) misconfigured(format string, args ...any) *fault.Error {
	return provider.Errorf(fault.Usage, s.c.Name, format, args...).WithFix("docs/providers says where Google credentials are looked for")
}

// ask sends one request to whoever gives out tokens, at an address that may come from a file.
func (s *Source) ask(ctx context.Context, address string, r rest.Request) (*rest.Client, *rest.Answer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, nil, s.misconfigured("the credentials name an address that is none")
	}
	client, err := rest.New(rest.Config{
		Name: s.c.Name, Base: u.Scheme + "://" + u.Host, Plain: u.Host == metadataIP, Direct: u.Scheme == "http", MaxAnswer: maxAnswer,
		Debug: s.c.World.Debug, Getenv: s.c.World.Getenv, Now: s.c.World.Now, Dial: s.c.Dial,
	})
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	r.Path, r.Query = u.EscapedPath(), u.Query()
	a, err := client.Do(ctx, r)
	return client, a, err
}

// expiry is when a token ends that lasts so many seconds from now.
func (s *Source) expiry(seconds int64) time.Time {
	return s.c.World.Now().Add(time.Duration(max(0, min(seconds, 86400))) * time.Second)
}

// form is the header of a form.
func form() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }
