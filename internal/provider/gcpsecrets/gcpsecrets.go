// Package gcpsecrets is the provider of kind gcp-secretmanager: Google Cloud's Secret Manager, asked over REST v1
// (https://cloud.google.com/secret-manager/docs/reference/rest).
//
// A name of tacit is the id of a secret there. An id has letters, digits, "-" and "_" and 255 characters at most, so that a name with "."
// or "/" is refused, not bent: two names must never mean one secret.
//
// Values carry their CRC-32C both ways, and one that does not match is an error. Versions are Google's numbers, the highest is the
// current one. A version that is disabled or destroyed is not "not found": somebody switched it off, and another provider's value must
// not take its place unnoticed (I19).
package gcpsecrets

import (
	"context"
	"hash/crc32"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
	"tacit/internal/settings"
)

const (
	maxName    = 255 // characters of an id
	healthName = "tacit-health"
)

type store struct {
	name string // of the provider
	api  *api
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Make makes a provider of kind gcp-secretmanager. Settings: project, endpoint.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	return open(spec, w, nil)
}

func open(spec provider.Spec, w provider.World, dial dialer) (provider.Provider, error) {
	t := spec.Settings
	a, err := newAPI(spec.Name, t, w, dial)
	if wrong := t.Done(); wrong != nil {
		return nil, wrong
	}
	if err != nil {
		return nil, err
	}
	return &store{spec.Name, a}, nil
}

// project takes the project of the settings.
func project(t *settings.Table) string {
	p := t.Text("project", "")
	if p != "" && !isProject(p) {
		t.Wrong("project", "project is the id of a project of Google Cloud, such as acme-prod")
	}
	return p
}

// isProject reports whether p may be a project's id or number; "example.com:acme" is an old form.
func isProject(p string) bool {
	return p != "" && len(p) <= 128 && strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789-.:") == "" && p[0] != '.'
}

// holds reports whether an id can be that name.
func holds(name string) bool {
	return len(name) <= maxName && !strings.ContainsAny(name, "./")
}

// Traits implements [provider.Provider].
func (s *store) Traits() provider.Traits {
	return provider.Traits{Writable: true, Versions: true, Remote: true}
}

// Close implements [provider.Provider].
func (s *store) Close() error {
	s.api.close()
	return nil
}

// Read implements [provider.Provider].
func (s *store) Read(ctx context.Context, name, version string) (provider.Item, error) {
	switch err := provider.CheckName(s.name, name); {
	case err != nil:
		return provider.Item{}, err
	case !holds(name):
		return provider.Item{}, provider.NotFound(s.name, name)
	case version == provider.Previous:
		current, err := s.access(ctx, name, "latest")
		if err != nil {
			return provider.Item{}, err
		}
		current.Value.Wipe()
		n, _ := strconv.ParseInt(current.Version, 10, 64) // access has checked it
		if n <= 1 {
			return provider.Item{}, s.missing(name, version)
		}
		version = strconv.FormatInt(n-1, 10) // numbers are never left out, nor used again
	case version == "":
		version = "latest"
	case !isNumber(version):
		return provider.Item{}, s.missing(name, version[:min(len(version), 40)])
	}
	return s.access(ctx, name, version)
}

func isNumber(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

// access asks for the value of one version: a number, or "latest".
func (s *store) access(ctx context.Context, name, version string) (provider.Item, error) {
	var out struct {
		Name    string `json:"name"`
		Payload struct {
			Data   []byte `json:"data"`
			Crc32c string `json:"dataCrc32c"`
		} `json:"payload"`
	}
	c := call{what: "read " + name, path: "/" + name + "/versions/" + version + ":access"}
	if err := s.api.do(ctx, c, &out); err != nil {
		pinned := version
		if version == "latest" {
			pinned = ""
		}
		return provider.Item{}, s.because(err, name, pinned)
	}
	number, ok := versionOf(out.Name, name)
	switch {
	case !ok, version != "latest" && version != number:
		return provider.Item{}, s.lie(name)
	case out.Payload.Crc32c != checksum(out.Payload.Data):
		return provider.Item{}, provider.Errorf(fault.Invalid, s.name, "read %s: the value does not match its checksum", name).About(name).
			WithFix("try again: it was damaged on the way, or where it is kept")
	}
	if err := provider.CheckRead(s.name, name, out.Payload.Data); err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: name, Version: number, Value: secret.New(out.Payload.Data)}, nil
}

// checksum is the CRC-32C of a value, as JSON has an int64: a decimal text.
func checksum(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}

// versionOf takes the number from "projects/123/secrets/NAME/versions/3". The project is its number there, whatever we called it.
func versionOf(full, name string) (string, bool) {
	parts := strings.Split(full, "/")
	if len(parts) != 6 || parts[0] != "projects" || parts[2] != "secrets" || parts[3] != name || parts[4] != "versions" || !isNumber(parts[5]) {
		return "", false
	}
	return parts[5], true
}

// Write implements [provider.Provider]: a version, and a secret for it where there is none, replicated as Google chooses.
func (s *store) Write(ctx context.Context, name string, v secret.Value) (provider.Item, error) {
	if err := provider.CheckWrite(s.name, name, v); err != nil {
		return provider.Item{}, err
	}
	if !holds(name) {
		return provider.Item{}, provider.Errorf(fault.Invalid, s.name, "it cannot hold %s: an id has letters, digits, '-' and '_', 255 at most", name).
			About(name).WithFix("choose a name without '.' and '/'")
	}
	it, err := s.add(ctx, name, v)
	if !isNotFound(err) {
		return it, s.because(err, name, "")
	}
	create := call{
		what: "create " + name, method: http.MethodPost, query: url.Values{"secretId": {name}},
		in: map[string]any{"replication": map[string]any{"automatic": struct{}{}}},
	}
	if err := s.api.do(ctx, create, &struct{}{}); err != nil && wordOf(err) != "ALREADY_EXISTS" { // by somebody else meanwhile
		return provider.Item{}, err
	}
	it, err = s.add(ctx, name, v)
	return it, s.because(err, name, "")
}

// add adds a version with its checksum, and sees that Google looked at that.
func (s *store) add(ctx context.Context, name string, v secret.Value) (provider.Item, error) {
	type payload struct {
		Data   []byte `json:"data"`
		Crc32c string `json:"dataCrc32c"`
	}
	var out struct {
		Name    string    `json:"name"`
		Created time.Time `json:"createTime"`
		Checked bool      `json:"clientSpecifiedPayloadChecksum"`
	}
	c := call{
		what: "write " + name, method: http.MethodPost, path: "/" + name + ":addVersion",
		in: map[string]payload{"payload": {v.Reveal(), checksum(v.Reveal())}},
	}
	if err := s.api.do(ctx, c, &out); err != nil {
		return provider.Item{}, err
	}
	number, ok := versionOf(out.Name, name)
	if !ok || !out.Checked {
		return provider.Item{}, s.lie(name)
	}
	return provider.Item{Name: name, Version: number, CreatedAt: out.Created}, nil
}

// Delete implements [provider.Provider]. Google keeps nothing of it, and does not say how many versions there were.
func (s *store) Delete(ctx context.Context, name string) (int, error) {
	if err := provider.CheckName(s.name, name); err != nil {
		return 0, err
	}
	if !holds(name) {
		return 0, provider.NotFound(s.name, name)
	}
	c := call{what: "delete " + name, method: http.MethodDelete, path: "/" + name}
	return 0, s.because(s.api.do(ctx, c, &struct{}{}), name, "")
}

// Health implements [provider.Provider]: it asks for a secret that need not be there, with the permission that reading takes.
func (s *store) Health(ctx context.Context) error {
	err := s.api.do(ctx, call{what: "ask for health", path: "/" + healthName + "/versions/latest:access"}, &struct{}{})
	if isNotFound(err) {
		return nil
	}
	return err
}

// because turns the errors of Google that mean something about one secret into ours.
func (s *store) because(err error, name, version string) error {
	switch {
	case err == nil:
		return nil
	case isNotFound(err):
		return s.missing(name, version)
	case isOff(err):
		return provider.Errorf(fault.Expired, s.name, "the version of %s is disabled or destroyed", name).About(name).
			WithFix("enable it with `gcloud secrets versions enable`, add a new one, or ask for another version")
	}
	return err
}

// missing is the error for what Google says is not there.
func (s *store) missing(name, version string) error {
	if version == "" {
		return provider.NotFound(s.name, name)
	}
	return provider.Errorf(fault.NotFound, s.name, "no version %q of %s", version, name).About(name)
}

// lie is the error for an answer about something else, or about nothing.
func (s *store) lie(name string) error {
	return provider.Errorf(fault.Invalid, s.name, "%s: the answer is about something else, or its checksum was not looked at", name).About(name).
		WithFix("check the endpoint: is it Google's?")
}
