package gcpcreds

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-json-experiment/json"
)

// A file is the members of all types of credential files that are known here.
type file struct {
	path string // empty: there is no file

	Type         string `json:"type"` // empty: there is no file, and the machine is asked
	ProjectID    string `json:"project_id"`
	QuotaProject string `json:"quota_project_id"`
	Universe     string `json:"universe_domain"` // empty: Google's own

	// service_account
	ClientEmail  string `json:"client_email"`
	PrivateKey   string `json:"private_key"`
	PrivateKeyID string `json:"private_key_id"`

	// authorized_user
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`

	// external_account
	Audience         string `json:"audience"`
	SubjectTokenType string `json:"subject_token_type"`
	TokenURL         string `json:"token_url"`
	CredentialSource struct {
		File          string            `json:"file"`
		URL           string            `json:"url"`
		Headers       map[string]string `json:"headers"`
		EnvironmentID string            `json:"environment_id"`
		Executable    any               `json:"executable"`
		Format        struct {
			Type  string `json:"type"`
			Field string `json:"subject_token_field_name"`
		} `json:"format"`
	} `json:"credential_source"`

	// external_account and impersonated_service_account
	ImpersonationURL string   `json:"service_account_impersonation_url"`
	Delegates        []string `json:"delegates"` // through whom
	SourceFile       *file    `json:"source_credentials"`
}

// from says in words where a token came from.
func (f *file) from() string {
	if f.Type == "" {
		return "the machine"
	}
	return f.Type + " in " + f.path
}

// look finds the file once.
func (s *Source) look() error {
	if s.file != nil {
		return nil
	}
	if err := s.universe(s.c.World.Getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN"), "GOOGLE_CLOUD_UNIVERSE_DOMAIN"); err != nil {
		return err
	}
	path, must := s.c.World.Getenv("GOOGLE_APPLICATION_CREDENTIALS"), true
	if path == "" {
		path, must = s.gcloudFile(), false
	}
	found := &file{path: path}
	if path == "" {
		s.file = found
		return nil
	}
	text, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !must:
		s.file = &file{}
		return nil
	case err != nil:
		return s.misconfigured("the credentials in %s cannot be read: %s", path, reason(err))
	}
	// What the text was is not said: it holds a key.
	if json.Unmarshal(text, found) != nil || found.Type == "" {
		return s.misconfigured("%s is no file of Google credentials", path).WithFix("run `gcloud auth application-default login`")
	}
	for f := found; f != nil; f = f.SourceFile {
		if err := s.universe(f.Universe, path); err != nil {
			return err
		}
	}
	s.file = found
	return nil
}

// universe refuses credentials of another cloud than Google's own ("universe_domain"), which has all its addresses elsewhere.
func (s *Source) universe(domain, where string) error {
	if domain == "" || domain == "googleapis.com" {
		return nil
	}
	return s.misconfigured("%s names a universe_domain other than googleapis.com, which is not done here", where).
		WithFix("use credentials of Google's own cloud")
}

// gcloudFile is where gcloud leaves application default credentials; empty: there is no home.
func (s *Source) gcloudFile() string {
	const name = "application_default_credentials.json"
	if dir := s.c.World.Getenv("CLOUDSDK_CONFIG"); dir != "" {
		return filepath.Join(dir, name)
	}
	if dir := s.c.World.Getenv("APPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "gcloud", name)
	}
	if s.c.World.Home == "" {
		return ""
	}
	return filepath.Join(s.c.World.Home, ".config", "gcloud", name)
}

var errLong = errors.New("it is too long")

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxAnswer:
		return nil, errLong
	}
	return b, nil
}

// reason is the cause in an error about a file, without its path, which the message has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
