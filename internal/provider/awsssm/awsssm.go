// Package awsssm is the provider of kind aws-ssm: the Parameter Store of AWS Systems Manager, asked over its JSON protocol.
//
// A secret is a parameter of type SecureString below the prefix of the settings, which is a path: "/" unless it says otherwise. Parameters
// of type String are read too. A value is text of 8 KiB at most (beyond 4 KiB AWS takes it as an advanced parameter, which costs); other
// values are refused before anything is sent. Versions are AWS's numbers; there are at most 100.
package awsssm

import (
	"context"
	"net"
	"strconv"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awsapi"
	"tacit/internal/secret"
)

const (
	maxLevels  = 15   // of a hierarchy
	maxName    = 1011 // characters, without the ARN before it
	healthName = "tacit-health"
)

type store struct {
	name   string // of the provider
	prefix string // begins and ends with a slash
	api    *awsapi.Client
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Make makes a provider of kind aws-ssm. Settings: region, profile, prefix, endpoint.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	return open(spec, w, nil)
}

func open(spec provider.Spec, w provider.World, dial dialer) (provider.Provider, error) {
	t := spec.Settings
	s := &store{name: spec.Name, prefix: t.Text("prefix", "/")}
	s.api = awsapi.Open(awsapi.Service{ID: "ssm", Target: "AmazonSSM", Variable: "AWS_ENDPOINT_URL_SSM"}, spec, t, w, dial)
	if !strings.HasSuffix(s.prefix, "/") {
		s.prefix += "/"
	}
	if !isPath(s.prefix) {
		t.Wrong("prefix", "prefix is a path of the Parameter Store, such as /prod/app")
	}
	if err := t.Done(); err != nil {
		return nil, err
	}
	if err := s.api.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// isPath reports whether s is "/" or "/a/b/", of the letters that a parameter's name may have.
func isPath(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || 'z' < c|0x20) && (c < '0' || '9' < c) && strings.IndexByte("/_.-", c) < 0 {
			return false
		}
	}
	return s[0] == '/' && !strings.Contains(s, "//") && len(s) <= maxName/2
}

// holds says why the store cannot have a parameter for that name; empty: it can.
func (s *store) holds(name string) string {
	full := s.prefix + name
	switch {
	case strings.Count(full, "/") > maxLevels:
		return "a parameter has 15 levels at most"
	case len(full) > maxName:
		return "it is too long"
	}
	return ""
}

// Traits implements [provider.Provider].
func (s *store) Traits() provider.Traits {
	return provider.Traits{Writable: true, Versions: true, Remote: true}
}

// Close implements [provider.Provider].
func (s *store) Close() error { return s.api.Close() }

// parameter is what the store answers for each.
type parameter struct {
	Name     string       `json:"Name"`
	Value    string       `json:"Value"`
	Version  int64        `json:"Version"`
	Modified awsapi.Epoch `json:"LastModifiedDate"`
}

// Read implements [provider.Provider].
func (s *store) Read(ctx context.Context, name, version string) (provider.Item, error) {
	switch err := provider.CheckName(s.name, name); {
	case err != nil:
		return provider.Item{}, err
	case s.holds(name) != "":
		return provider.Item{}, provider.NotFound(s.name, name)
	case version == provider.Previous:
		current, err := s.get(ctx, name, "")
		if err != nil {
			return provider.Item{}, err
		}
		current.Value.Wipe()
		n, _ := strconv.ParseInt(current.Version, 10, 64) // it was written by us
		if version = strconv.FormatInt(n-1, 10); n <= 1 {
			return provider.Item{}, s.noVersion(name, provider.Previous)
		}
	case version != "" && !isNumber(version):
		return provider.Item{}, s.noVersion(name, version[:min(len(version), 40)])
	}
	return s.get(ctx, name, version)
}

func isNumber(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

func (s *store) noVersion(name, version string) error {
	return provider.Errorf(fault.NotFound, s.name, "no version %q of %s", version, name).About(name)
}

// get asks for one parameter; version is a number or empty.
func (s *store) get(ctx context.Context, name, version string) (provider.Item, error) {
	full := s.prefix + name
	if version != "" {
		full += ":" + version
	}
	var out struct {
		Parameter parameter `json:"Parameter"`
	}
	if err := s.api.Call(ctx, "read "+name, "GetParameter", one{full, true}, &out); err != nil {
		return provider.Item{}, s.because(err, name, version)
	}
	return s.item(name, version, out.Parameter)
}

// one asks for one parameter.
type one struct {
	Name           string `json:"Name"`
	WithDecryption bool   `json:"WithDecryption"`
}

// item checks an answer and makes an item of it.
func (s *store) item(name, version string, p parameter) (provider.Item, error) {
	has := strconv.FormatInt(p.Version, 10)
	if p.Name != s.prefix+name || p.Version < 1 || version != "" && version != has {
		return provider.Item{}, s.lie(name)
	}
	b := []byte(p.Value)
	if err := provider.CheckRead(s.name, name, b); err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: name, Version: has, Value: secret.New(b), UpdatedAt: p.Modified.Time()}, nil
}

// Delete implements [provider.Provider]. AWS does not say how many versions there were.
func (s *store) Delete(ctx context.Context, name string) (int, error) {
	if err := provider.CheckName(s.name, name); err != nil {
		return 0, err
	}
	if s.holds(name) != "" {
		return 0, provider.NotFound(s.name, name)
	}
	in := map[string]string{"Name": s.prefix + name}
	return 0, s.because(s.api.Call(ctx, "delete "+name, "DeleteParameter", in, &struct{}{}), name, "")
}

// Health implements [provider.Provider]: it asks for a parameter that need not be there, undecrypted.
func (s *store) Health(ctx context.Context) error {
	err := s.api.Call(ctx, "ask for health", "GetParameter", one{Name: s.prefix + healthName}, &struct{}{})
	if awsapi.CodeOf(err) == "ParameterNotFound" {
		return nil
	}
	return err
}

// because turns the errors of AWS that mean something about one parameter into ours.
func (s *store) because(err error, name, version string) error {
	switch awsapi.CodeOf(err) {
	case "ParameterNotFound":
		return provider.NotFound(s.name, name)
	case "ParameterVersionNotFound":
		return s.noVersion(name, version)
	case "HierarchyTypeMismatchException":
		return s.otherType(name)
	}
	return err
}

// lie is the error for an answer about something else, or about nothing.
func (s *store) lie(name string) error {
	return provider.Errorf(fault.Invalid, s.name, "%s: the answer is about something else", name).About(name).
		WithFix("check the endpoint: is it AWS?")
}
