package wire

import (
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/when"
)

// Every request has two functions: FromX makes the shape of it, ToX what keeper takes. What holds a value is in values.go,
// and the shape of a get, which must be quick, is written by AppendGet.

// FromRef returns the shape of r.
func FromRef(r keeper.Ref) client.SecretRef {
	return client.SecretRef{Name: r.Name, Version: r.Version, Scope: r.Scope, Provider: r.Provider}
}

// ToRef returns what r asks for.
func ToRef(r client.SecretRef) keeper.Ref {
	return keeper.Ref{Name: r.Name, Version: r.Version, Scope: r.Scope, Provider: r.Provider}
}

// ToGet returns what r asks for.
func ToGet(r client.GetRequest) keeper.GetRequest {
	return keeper.GetRequest{Ref: ToRef(r.SecretRef), Field: r.Field, IncludeExpired: r.IncludeExpired, Door: r.Purpose}
}

// FromList returns the shape of r.
func FromList(r keeper.ListRequest) client.ListRequest {
	return client.ListRequest{
		Pattern: r.Pattern, Tags: r.Tags, Scope: r.Scope, AllScopes: r.AllScopes, Provider: r.Provider, IncludeExpired: r.IncludeExpired,
	}
}

// ToList returns what r asks for.
func ToList(r client.ListRequest) keeper.ListRequest {
	return keeper.ListRequest{
		Pattern: r.Pattern, Tags: r.Tags, Scope: r.Scope, AllScopes: r.AllScopes, Provider: r.Provider, IncludeExpired: r.IncludeExpired,
	}
}

// FromUpdate returns the shape of r.
func FromUpdate(r keeper.UpdateRequest) client.UpdateRequest {
	return client.UpdateRequest{
		SecretRef: FromRef(r.Ref), AddAliases: r.AddAliases, ClearAliases: r.ClearAliases, AddTags: r.AddTags, RemoveTags: r.RemoveTags,
		ExpiresAt: r.ExpiresAt, NoExpiry: r.NoExpiry, RotateEvery: optionalDuration(r.RotateEvery), NoRotation: r.NoRotation,
		Note: r.Note, Owner: r.OwnedBy, Seal: r.Seal, Service: r.Service, AttachGroups: r.AttachGroups, DetachGroups: r.DetachGroups,
	}
}

// ToUpdate returns what r asks for.
func ToUpdate(r client.UpdateRequest) (keeper.UpdateRequest, error) {
	every, err := parseOptionalDuration("rotate_every", r.RotateEvery)
	return keeper.UpdateRequest{
		Ref: ToRef(r.SecretRef), AddAliases: r.AddAliases, ClearAliases: r.ClearAliases, AddTags: r.AddTags, RemoveTags: r.RemoveTags,
		ExpiresAt: utc(r.ExpiresAt), NoExpiry: r.NoExpiry, RotateEvery: every, NoRotation: r.NoRotation,
		Note: r.Note, OwnedBy: r.Owner, Seal: r.Seal, Service: r.Service, AttachGroups: r.AttachGroups, DetachGroups: r.DetachGroups,
	}, err
}

// FromRemove returns the shape of r.
func FromRemove(r keeper.RemoveRequest) client.RemoveRequest {
	return client.RemoveRequest{Names: r.Names, Scope: r.Scope, Provider: r.Provider}
}

// ToRemove returns what r asks for.
func ToRemove(r client.RemoveRequest) keeper.RemoveRequest {
	return keeper.RemoveRequest{Names: r.Names, Scope: r.Scope, Provider: r.Provider}
}

// FromAudit returns the shape of r.
func FromAudit(r keeper.AuditRequest) client.AuditQuery {
	q := client.AuditQuery{Secret: r.Secret, Limit: r.Limit, Failed: r.Failed, Principal: r.Principal}
	if !r.Since.IsZero() {
		since := r.Since.UTC()
		q.Since = &since
	}
	return q
}

// ToAudit returns what q asks for.
func ToAudit(q client.AuditQuery) keeper.AuditRequest {
	r := keeper.AuditRequest{Secret: q.Secret, Limit: q.Limit, Failed: q.Failed, Principal: q.Principal}
	if q.Since != nil {
		r.Since = q.Since.UTC()
	}
	return r
}

// FromVerify returns the shape of r.
func FromVerify(r keeper.AuditVerifyRequest) client.AuditVerifyRequest {
	return client.AuditVerifyRequest{Checkpoint: string(r.Checkpoint), VerifierKey: r.VerifierKey}
}

// ToVerify returns what r asks for.
func ToVerify(r client.AuditVerifyRequest) keeper.AuditVerifyRequest {
	return keeper.AuditVerifyRequest{Checkpoint: []byte(r.Checkpoint), VerifierKey: r.VerifierKey}
}

// FromDue returns the shape of a request for what is due within d.
func FromDue(within time.Duration) client.DueRequest {
	return client.DueRequest{Within: duration(within)}
}

// ToDue returns the time that r asks for.
func ToDue(r client.DueRequest) (time.Duration, error) { return parseDuration("within", r.Within) }

// duration writes d, in whole seconds, as the command line does; nothing for none.
func duration(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return when.Format(d.Truncate(time.Second))
}

// parseDuration reads a duration; member names it for the error. Nothing is none.
func parseDuration(member, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := when.Duration(s)
	if err != nil {
		return 0, fault.Wrap(fault.Usage, err, "request: %s", member)
	}
	return d, nil
}

func optionalDuration(d *time.Duration) *string {
	if d == nil {
		return nil
	}
	s := duration(*d)
	return &s
}

func parseOptionalDuration(member string, s *string) (*time.Duration, error) {
	if s == nil {
		return nil, nil
	}
	d, err := parseDuration(member, *s)
	return &d, err
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
