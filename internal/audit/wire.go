package audit

import (
	"encoding/hex"

	"tacit/client"
)

// Wire returns the record as programs see it.
func (r *Record) Wire() client.AuditRecord {
	out := client.AuditRecord{
		Seq: r.Seq, Time: r.Time.UTC(), Principal: r.Principal, Door: r.Door, UID: r.UID, PID: r.PID, Executable: optional(r.Executable),
		Action:   r.Action,
		Object:   client.AuditObject{Kind: r.Object.Kind, Name: optional(r.Object.Name), Version: optional(r.Object.Version), Scope: optional(r.Object.Scope)},
		Provider: optional(r.Provider), Result: string(r.Result), Reason: optional(r.Reason), Policy: optional(r.Policy),
	}
	if r.Request != nil {
		q := client.AuditRequest(*r.Request)
		out.Request = &q
	}
	return out
}

// Wire returns the answer to a query as programs see it.
func (f *Found) Wire() client.Audit {
	out := client.Audit{Records: make([]client.AuditRecord, len(f.Lines)), Total: len(f.Lines), Summary: f.Summary}
	for i := range f.Lines {
		out.Records[i] = f.Lines[i].Wire()
	}
	return out
}

// Wire returns the report as programs see it.
func (r *Report) Wire() client.AuditVerify {
	out := client.AuditVerify{OK: r.Bad == nil, Records: int(r.Records)}
	if r.Head.Seq > 0 {
		h := r.Head.String()
		out.Head = &h
	}
	if r.Bad != nil {
		out.Bad = &client.AuditBad{Seq: r.Bad.Seq, Kind: string(r.Bad.Kind), File: r.Bad.File}
	}
	return out
}

// String returns the hash in hex.
func (h Head) String() string { return hex.EncodeToString(h.Hash[:]) }

// optional returns nil for what is absent.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
