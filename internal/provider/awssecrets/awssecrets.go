// Package awssecrets is the provider of kind aws-secretsmanager: AWS Secrets Manager, asked over its JSON protocol.
//
// A name of tacit is the name of a secret there behind the prefix of the settings; all letters that tacit allows are allowed there. Text
// is kept as SecretString, what is no UTF-8 as SecretBinary, and both are read.
//
// Versions are known by AWS's ids, 32 characters at least; a shorter version is a staging label, and "previous" is AWSPREVIOUS. Deleting
// leaves AWS's recovery window of 30 days. What is in it is not "not found": it is there, somebody deleted it, perhaps by mistake, and
// another provider's value must not take its place unnoticed (I19). Writing brings it back with the new value.
package awssecrets

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awsapi"
	"tacit/internal/secret"
)

const (
	maxName    = 512 // characters of a name in the store
	minID      = 32  // characters of a version's id
	maxStage   = 256 // characters of a staging label
	healthName = "tacit-health"
	undoTime   = 3 * time.Second // for deleting again what was restored in vain
)

type store struct {
	name   string // of the provider
	prefix string
	api    *awsapi.Client
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Make makes a provider of kind aws-secretsmanager. Settings: region, profile, prefix, endpoint.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	return open(spec, w, nil)
}

func open(spec provider.Spec, w provider.World, dial dialer) (provider.Provider, error) {
	t := spec.Settings
	s := &store{name: spec.Name, prefix: t.Text("prefix", "")}
	s.api = awsapi.Open(awsapi.Service{ID: "secretsmanager", Target: "secretsmanager", Variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER"}, spec, t, w, dial)
	if !allowed(s.prefix) {
		t.Wrong("prefix", "prefix may hold letters, digits and /_+=.@- and have %d characters at most", maxName/2)
	}
	if err := t.Done(); err != nil {
		return nil, err
	}
	if err := s.api.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// allowed reports whether a secret's name may begin with s.
func allowed(s string) bool {
	const other = "/_+=.@-"
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || 'z' < c|0x20) && (c < '0' || '9' < c) && strings.IndexByte(other, c) < 0 {
			return false
		}
	}
	return len(s) <= maxName/2 // the longest name of tacit fits behind it
}

// Traits implements [provider.Provider].
func (s *store) Traits() provider.Traits {
	return provider.Traits{Writable: true, Versions: true, Remote: true}
}

// Close implements [provider.Provider].
func (s *store) Close() error { return s.api.Close() }

// value is what GetSecretValue answers, and BatchGetSecretValue for each.
type value struct {
	Name         string       `json:"Name"`
	VersionID    string       `json:"VersionId"`
	SecretString *string      `json:"SecretString"`
	SecretBinary []byte       `json:"SecretBinary"`
	CreatedDate  awsapi.Epoch `json:"CreatedDate"`
}

// Read implements [provider.Provider].
func (s *store) Read(ctx context.Context, name, version string) (provider.Item, error) {
	if err := provider.CheckName(s.name, name); err != nil {
		return provider.Item{}, err
	}
	in := struct {
		SecretID     string `json:"SecretId"`
		VersionID    string `json:"VersionId,omitzero"`
		VersionStage string `json:"VersionStage,omitzero"`
	}{SecretID: s.prefix + name}
	switch {
	case version == "":
		in.VersionStage = "AWSCURRENT" // what AWS takes anyway; a policy with a condition on the stage wants it said
	case version == provider.Previous:
		in.VersionStage = "AWSPREVIOUS"
	case len(version) >= minID:
		in.VersionID = version
	default:
		in.VersionStage = version
	}
	if len(version) > maxStage || !utf8.ValidString(version) {
		return provider.Item{}, s.missing(name, version[:min(len(version), 40)])
	}
	var out value
	if err := s.api.Call(ctx, "read "+name, "GetSecretValue", in, &out); err != nil {
		return provider.Item{}, s.because(err, name, version)
	}
	if in.VersionID != "" && out.VersionID != in.VersionID {
		return provider.Item{}, s.lie(name)
	}
	return s.item(name, out)
}

// item checks an answer and makes an item of it.
func (s *store) item(name string, v value) (provider.Item, error) {
	if v.Name != s.prefix+name || (v.SecretString != nil) == (v.SecretBinary != nil) {
		return provider.Item{}, s.lie(name)
	}
	b := v.SecretBinary
	if v.SecretString != nil {
		b = []byte(*v.SecretString)
	}
	if err := provider.CheckRead(s.name, name, b); err != nil {
		return provider.Item{}, err
	}
	return provider.Item{Name: name, Version: v.VersionID, Value: secret.New(b), CreatedAt: v.CreatedDate.Time()}, nil
}

// written is what CreateSecret and PutSecretValue answer.
type written struct {
	Name      string `json:"Name"`
	VersionID string `json:"VersionId"`
}

// Write implements [provider.Provider]: a new version, or a new secret, or one that comes back from deletion.
func (s *store) Write(ctx context.Context, name string, v secret.Value) (provider.Item, error) {
	if err := provider.CheckWrite(s.name, name, v); err != nil {
		return provider.Item{}, err
	}
	out, err := s.put(ctx, name, v)
	switch {
	case awsapi.CodeOf(err) == "ResourceNotFoundException":
		if out, err = s.create(ctx, name, v); awsapi.CodeOf(err) == "ResourceExistsException" { // by somebody else meanwhile
			out, err = s.put(ctx, name, v)
		}
	case awsapi.Deleted(err):
		out, err = s.revive(ctx, name, v)
	}
	if err != nil {
		return provider.Item{}, s.because(err, name, "")
	}
	if out.Name != s.prefix+name {
		return provider.Item{}, s.lie(name)
	}
	return provider.Item{Name: name, Version: out.VersionID}, nil
}

// revive brings a secret back from deletion with a new value. In between it has its old one, which somebody deleted: when the new one
// is not written, or nobody knows whether it is, the secret is deleted again, also when the caller has gone.
func (s *store) revive(ctx context.Context, name string, v secret.Value) (written, error) {
	what, in := "write "+name, map[string]string{"SecretId": s.prefix + name}
	err := s.api.Call(ctx, what, "RestoreSecret", in, &struct{}{})
	if err == nil {
		var out written
		if out, err = s.put(ctx, name, v); err == nil {
			return out, nil
		}
	} else if !errors.Is(err, fault.Unavailable) && awsapi.CodeOf(err) != "" { // AWS says no: nothing was restored
		return written{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	undo := s.api.Call(ctx, what, "DeleteSecret", in, &struct{}{})
	var e *fault.Error
	if undo != nil && !awsapi.Deleted(undo) && errors.As(err, &e) {
		e.Message += "; it was deleted, may be back with its old value now, and could not be deleted again"
		_ = e.About(name).WithFix("see which value it has; set it anew, or delete it")
	}
	return written{}, err
}

func (s *store) put(ctx context.Context, name string, v secret.Value) (out written, err error) {
	return s.send(ctx, name, "PutSecretValue", map[string]any{"SecretId": s.prefix + name}, v)
}

func (s *store) create(ctx context.Context, name string, v secret.Value) (out written, err error) {
	return s.send(ctx, name, "CreateSecret", map[string]any{"Name": s.prefix + name}, v)
}

// send sends a value under a fresh id, which becomes that of the version.
func (s *store) send(ctx context.Context, name, action string, in map[string]any, v secret.Value) (out written, err error) {
	id := make([]byte, minID/2)
	_, _ = rand.Read(id) // it never fails (crypto/rand)
	in["ClientRequestToken"] = hex.EncodeToString(id)
	if b := v.Reveal(); utf8.Valid(b) {
		in["SecretString"] = string(b)
	} else {
		in["SecretBinary"] = b
	}
	return out, s.api.Call(ctx, "write "+name, action, in, &out)
}

// Delete implements [provider.Provider]. The secret can be restored for 30 days; AWS does not say how many versions there were.
func (s *store) Delete(ctx context.Context, name string) (int, error) {
	if err := provider.CheckName(s.name, name); err != nil {
		return 0, err
	}
	in := map[string]string{"SecretId": s.prefix + name}
	return 0, s.because(s.api.Call(ctx, "delete "+name, "DeleteSecret", in, &struct{}{}), name, "")
}

// Health implements [provider.Provider]: it asks about a secret that need not be there, so that a policy for the prefix alone will do.
func (s *store) Health(ctx context.Context) error {
	in := map[string]string{"SecretId": s.prefix + healthName}
	err := s.api.Call(ctx, "ask for health", "DescribeSecret", in, &struct{}{})
	if awsapi.CodeOf(err) == "ResourceNotFoundException" {
		return nil
	}
	return err
}

// because turns the errors of AWS that mean something about one secret into ours.
func (s *store) because(err error, name, version string) error {
	switch {
	case err == nil:
		return nil
	case awsapi.CodeOf(err) == "ResourceNotFoundException":
		return s.missing(name, version)
	case awsapi.Deleted(err):
		return s.marked(name)
	}
	return err
}

// missing is the error for what AWS says is not there.
func (s *store) missing(name, version string) error {
	if version == "" {
		return provider.NotFound(s.name, name)
	}
	return provider.Errorf(fault.NotFound, s.name, "no version %q of %s", version, name).About(name)
}

// marked is the error for a secret in its recovery window.
func (s *store) marked(name string) error {
	return provider.Errorf(fault.Expired, s.name, "%s was deleted, and can still be restored", name).About(name).
		WithFix("`aws secretsmanager restore-secret --secret-id %s` brings it back, and so does setting it anew", s.prefix+name)
}

// lie is the error for an answer about something else, or about nothing.
func (s *store) lie(name string) error {
	return provider.Errorf(fault.Invalid, s.name, "read %s: the answer is about something else", name).About(name).
		WithFix("check the endpoint: is it AWS?")
}
