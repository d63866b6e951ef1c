package awscreds

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A profile is the keys of one section.
type profile map[string]string

// identifies reports whether a profile says how to get credentials.
func (p profile) identifies() bool {
	for _, key := range []string{"aws_access_key_id", "role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file"} {
		if p[key] != "" {
			return true
		}
	}
	return false
}

// files are AWS's two files, read as one: what the credentials file says of a profile counts over the other.
type files struct {
	profiles map[string]profile
	sessions map[string]profile // [sso-session NAME]
	read     []string           // their paths
}

// where names the files in an error.
func (f *files) where() string {
	if len(f.read) == 0 {
		return "~/.aws (there is no home directory)"
	}
	return strings.Join(f.read, " or ")
}

// read reads the files once. One that is not there is empty.
func (s *Source) read() error {
	if s.files != nil {
		return nil
	}
	all := &files{profiles: map[string]profile{}, sessions: map[string]profile{}}
	for _, f := range []struct{ variable, file string }{{"AWS_CONFIG_FILE", "config"}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials"}} {
		path := s.env(f.variable)
		if path == "" && s.c.World.Home != "" {
			path = filepath.Join(s.c.World.Home, ".aws", f.file)
		}
		if path == "" {
			continue
		}
		all.read = append(all.read, path)
		text, err := readFile(s.expand(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return s.misconfigured("%s cannot be read: %s", path, reason(err))
		}
		all.add(text, f.file == "credentials")
	}
	s.files = all
	return nil
}

// expand replaces a leading ~ by the home directory.
func (s *Source) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && s.c.World.Home != "" && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
		return filepath.Join(s.c.World.Home, rest)
	}
	return path
}

// add takes the sections of one file. Its lines are "key = value" below "[section]"; "#" and ";" begin comments, also after white
// space behind a value; indented lines belong to nested settings, which have nothing of ours. See "Format of the config file" in
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html.
func (f *files) add(text string, credentials bool) {
	var at profile
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "", trimmed[0] == '#', trimmed[0] == ';', line[0] == ' ', line[0] == '\t':
			continue
		case trimmed[0] == '[':
			at = f.section(trimmed, credentials)
		case at != nil:
			if key, value, ok := strings.Cut(trimmed, "="); ok {
				at[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(uncommented(value))
			}
		}
	}
}

// section returns where the keys below a header go; nil: nowhere.
func (f *files) section(header string, credentials bool) profile {
	name, _, ok := strings.Cut(header[1:], "]")
	if !ok {
		return nil
	}
	kind, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(name, "\t", " ")), " ")
	rest = strings.Trim(strings.TrimSpace(rest), `"'`)
	in := f.profiles
	switch {
	case credentials, kind == "default" && rest == "":
		rest = strings.TrimSpace(name)
	case kind == "sso-session" && rest != "":
		in = f.sessions
	case kind != "profile" || rest == "":
		return nil
	}
	if in[rest] == nil {
		in[rest] = profile{}
	}
	return in[rest]
}

func uncommented(value string) string {
	for i := 1; i < len(value); i++ {
		if (value[i] == '#' || value[i] == ';') && (value[i-1] == ' ' || value[i-1] == '\t') {
			return value[:i]
		}
	}
	return value
}

var errLong = errors.New("it is too long")

// readFile reads a small file.
func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAnswer+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxAnswer:
		return "", errLong
	}
	return string(b), nil
}

// reason is the cause in an error about a file, without its path, which the message has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
