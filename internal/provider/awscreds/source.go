package awscreds

import (
	"context"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// early is how long before their end credentials are fetched anew.
const early = 5 * time.Minute

// pause is how long nobody is asked again after that failed, while the old credentials are still good.
const pause = 15 * time.Second

// Credentials are what requests are signed with.
type Credentials struct {
	KeyID   string
	Key     secret.Value
	Session string    // the token of temporary ones; empty: these are for long
	Expires time.Time // zero: never
	From    string    // in words, for errors: "profile prod"
}

// same reports whether two credentials are the same ones.
func (c Credentials) same(other Credentials) bool {
	return c.KeyID == other.KeyID && c.Session == other.Session
}

// Config says whose credentials are wanted, and what of the process may be looked at.
type Config struct {
	Name    string // of the provider, for errors
	Profile string // from the settings; empty: as AWS's tools choose
	Region  string // from the settings; empty: as AWS's tools choose
	World   provider.World
	Dial    rest.Dialer // makes all connections; nil: a net.Dialer does
}

// A Source finds credentials and keeps them until they end. Several goroutines may use it.
type Source struct {
	c Config

	turn  provider.Turn // whoever has it may look at what follows
	have  Credentials
	again time.Time // when to fetch others that could not be fetched; zero: when it is time
	files *files    // nil: not read yet
}

// New returns a source that has looked at nothing yet.
func New(c Config) *Source {
	return &Source{c: c, turn: provider.NewTurn()}
}

// Get returns credentials that are good now. Errors: fault.Usage when none are configured or what is configured cannot be, fault.Denied
// when they have ended or are refused, fault.Unavailable when whoever gives them out does not answer.
func (s *Source) Get(ctx context.Context) (Credentials, error) {
	if err := s.turn.ForCredentials(ctx, s.c.Name); err != nil {
		return Credentials{}, err
	}
	defer s.turn.Give()
	now := s.c.World.Now()
	good := s.have.KeyID != "" && (s.have.Expires.IsZero() || now.Before(s.have.Expires))
	if good && (s.have.Expires.IsZero() || now.Before(s.have.Expires.Add(-early)) || now.Before(s.again)) {
		return s.have, nil
	}
	got, err := s.find(ctx)
	if err == nil && (got.KeyID == "" || got.Key.Len() == 0) {
		err = s.misconfigured("%s holds no whole pair of keys", got.From)
	}
	switch {
	case err != nil && good:
		s.c.World.Debug("found no other AWS credentials, and keep those of before", "provider", s.c.Name, "from", s.have.From, "expires", s.have.Expires)
		s.again = now.Add(pause)
		return s.have, nil
	case err != nil:
		return Credentials{}, err
	}
	s.c.World.Debug("found AWS credentials", "provider", s.c.Name, "from", got.From, "expires", got.Expires)
	s.have, s.again = got, time.Time{}
	return got, nil
}

// Forget is told that AWS does not take these any more, whatever they say of their end; the next Get fetches others.
func (s *Source) Forget(old Credentials) {
	_ = s.turn.Take(context.Background())
	defer s.turn.Give()
	if s.have.same(old) {
		s.have, s.files = Credentials{}, nil
	}
}

// Region returns the region that settings, environment or profile name; empty: none does.
func (s *Source) Region(ctx context.Context) (string, error) {
	if r := firstOf(s.c.Region, s.env("AWS_REGION"), s.env("AWS_DEFAULT_REGION")); r != "" {
		return r, nil
	}
	if err := s.turn.ForCredentials(ctx, s.c.Name); err != nil {
		return "", err
	}
	defer s.turn.Give()
	if err := s.read(); err != nil {
		return "", err
	}
	return s.files.profiles[s.profileName()]["region"], nil
}

// find asks the places in their order.
func (s *Source) find(ctx context.Context) (Credentials, error) {
	if s.c.Profile == "" {
		if s.env("AWS_ACCESS_KEY_ID") != "" || s.env("AWS_SECRET_ACCESS_KEY") != "" {
			return s.environment()
		}
		if file, role := s.env("AWS_WEB_IDENTITY_TOKEN_FILE"), s.env("AWS_ROLE_ARN"); file != "" && role != "" {
			return s.webIdentity(ctx, file, role, s.env("AWS_ROLE_SESSION_NAME"), "the web identity of the environment")
		}
	}
	if err := s.read(); err != nil {
		return Credentials{}, err
	}
	name := s.profileName()
	p, ok := s.files.profiles[name]
	switch {
	case !ok && (s.c.Profile != "" || s.env("AWS_PROFILE") != ""):
		return Credentials{}, s.misconfigured("there is no profile %q in %s", name, s.files.where()).
			WithFix("see `aws configure list-profiles`, and name one of these")
	case ok && p.identifies():
		return s.profile(ctx, name, nil)
	case s.c.Profile != "":
		return Credentials{}, s.misconfigured("the profile %q says nothing of credentials", name).WithFix("run `aws configure --profile %s`", name)
	}
	if uri, err := s.containerURI(); err != nil {
		return Credentials{}, err
	} else if uri != "" {
		return s.container(ctx, uri)
	}
	if strings.EqualFold(s.env("AWS_EC2_METADATA_DISABLED"), "true") {
		return Credentials{}, s.nothing(name, "the instance's metadata (AWS_EC2_METADATA_DISABLED is set)")
	}
	got, there, err := s.instance(ctx)
	switch {
	case err != nil && (there || s.have.KeyID != "" || ctx.Err() != nil): // it was there before, or is
		return got, err
	case err != nil:
		return got, s.nothing(name, "the instance's metadata (there was no answer, or there is no role)")
	}
	return got, nil
}

// nothing is the error of having tried everything.
func (s *Source) nothing(profile, last string) error {
	return s.misconfigured("there are no AWS credentials: tried the environment (AWS_ACCESS_KEY_ID is not set), a web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set), the profile %q (no credentials in %s), the container (AWS_CONTAINER_CREDENTIALS_FULL_URI is not set) and %s",
		profile, s.files.where(), last).
		WithFix("name a profile in the settings or in AWS_PROFILE, or run `aws configure` or `aws sso login`")
}

func (s *Source) environment() (Credentials, error) {
	c := Credentials{
		KeyID: s.env("AWS_ACCESS_KEY_ID"), Key: secret.New([]byte(s.env("AWS_SECRET_ACCESS_KEY"))), Session: s.env("AWS_SESSION_TOKEN"),
		From: "the environment",
	}
	if c.KeyID == "" || c.Key.Len() == 0 {
		return c, s.misconfigured("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set and one is not").WithFix("set both or none")
	}
	return c, nil
}

// profileName is the profile that counts.
func (s *Source) profileName() string {
	return firstOf(s.c.Profile, s.env("AWS_PROFILE"), "default")
}

func (s *Source) env(name string) string { return s.c.World.Getenv(name) }

// misconfigured returns an error of what the settings, the environment or AWS's files say.
func (s *Source) misconfigured(format string, args ...any) *fault.Error {
	return provider.Errorf(fault.Usage, s.c.Name, format, args...).WithFix("docs/providers says where AWS credentials are looked for")
}

// client returns a client of whoever gives out credentials.
func (s *Source) client(base string, plain bool) (*rest.Client, error) {
	return s.clientOver(base, plain, s.c.Dial)
}

func (s *Source) clientOver(base string, plain bool, dial rest.Dialer) (*rest.Client, error) {
	return rest.New(rest.Config{
		Name: s.c.Name, Base: base, Plain: plain, Direct: plain, MaxAnswer: maxAnswer,
		Debug: s.c.World.Debug, Getenv: s.c.World.Getenv, Now: s.c.World.Now, Dial: dial,
	})
}

// maxAnswer bounds what gives out credentials, in bytes: an answer, a file with a token, a program's output.
const maxAnswer = 256 << 10

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
