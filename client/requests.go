package client

import "time"

// The shapes of this file are the bodies of requests to the API. What is left out is as if it were empty; a member that is not
// here is an error. docs/openapi.yaml says which operation takes which, and is what other languages generate their client from.
//
// A duration is a whole number and a unit, "30m", "24h", "30d", as on the command line. A value that is not UTF-8 goes into
// ValueBase64; Value and ValueBase64 exclude each other.

// SecretRef names a secret. It is the whole request of show, history, rollback and audit who.
type SecretRef struct {
	Name     string `json:"name"`               // or an alias
	Version  int    `json:"version,omitzero"`   // 0: the current one, -1: the one before it
	Scope    string `json:"scope,omitempty"`    // empty: the most specific that the caller is in
	Provider string `json:"provider,omitempty"` // empty: "local"
}

// GetRequest asks for a value.
type GetRequest struct {
	SecretRef
	Field          string `json:"field,omitempty"` // of a JSON or YAML value; empty for all of it
	IncludeExpired bool   `json:"include_expired,omitzero"`
	Purpose        string `json:"purpose,omitempty"` // what it is for: get, show --reveal, run, render, edit
}

// GetManyRequest asks for several values. Each is decided and recorded on its own.
type GetManyRequest struct {
	Requests []GetRequest `json:"requests"` // from 1 to 256
}

// ListRequest selects secrets, for list and names.
type ListRequest struct {
	Pattern        string   `json:"pattern,omitempty"` // glob over names; empty for all
	Tags           []string `json:"tags,omitempty"`
	Scope          string   `json:"scope,omitempty"` // exactly this one
	AllScopes      bool     `json:"all_scopes,omitzero"`
	Provider       string   `json:"provider,omitempty"`
	IncludeExpired bool     `json:"include_expired,omitzero"`
}

// DiffRequest asks what differs between the versions A and B, which are numbers as in [SecretRef].
type DiffRequest struct {
	SecretRef
	A int `json:"a,omitzero"`
	B int `json:"b,omitzero"`
}

// DueRequest asks what expires or should be rotated within a time.
type DueRequest struct {
	Within string `json:"within,omitempty"` // a duration; empty for what is overdue
}

// Generate says how to make a value.
type Generate struct {
	Length int    `json:"length,omitzero"` // characters; words for kind words
	Kind   string `json:"kind,omitempty"`  // alnum, symbols, hex, base64, words, uuid
}

// SetRequest creates a secret or adds a version to it. A field that is left out leaves that metadata as it is.
type SetRequest struct {
	SecretRef
	Value       *string    `json:"value,omitzero"`
	ValueBase64 *string    `json:"value_base64,omitzero"`
	Generate    *Generate  `json:"generate,omitzero"` // instead of a value
	Reveal      bool       `json:"reveal,omitzero"`   // with generate: answer with the value
	Via         string     `json:"via,omitempty"`     // set (the default), generate, edit, import
	MustBeNew   bool       `json:"must_be_new,omitzero"`
	Tags        []string   `json:"tags,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitzero"`
	RotateEvery *string    `json:"rotate_every,omitzero"` // a duration
	Note        *string    `json:"note,omitzero"`
	Owner       *string    `json:"owner,omitzero"`
	Aliases     []string   `json:"aliases,omitempty"`
	Sealed      *bool      `json:"sealed,omitzero"`
	Service     string     `json:"service,omitempty"` // the pin of a sealed secret
}

// RotateRequest adds a version and lets the old one live on for the overlap.
type RotateRequest struct {
	SecretRef
	Value       *string   `json:"value,omitzero"`
	ValueBase64 *string   `json:"value_base64,omitzero"`
	Generate    *Generate `json:"generate,omitzero"`
	Overlap     string    `json:"overlap,omitempty"` // a duration
	ExpireOld   bool      `json:"expire_old,omitzero"`
}

// UpdateRequest changes metadata. A field that is left out, or an empty list, leaves things as they are.
type UpdateRequest struct {
	SecretRef
	AddAliases   []string   `json:"add_aliases,omitempty"`
	ClearAliases bool       `json:"clear_aliases,omitzero"`
	AddTags      []string   `json:"add_tags,omitempty"`
	RemoveTags   []string   `json:"remove_tags,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitzero"`
	NoExpiry     bool       `json:"no_expiry,omitzero"`
	RotateEvery  *string    `json:"rotate_every,omitzero"` // a duration
	NoRotation   bool       `json:"no_rotation,omitzero"`
	Note         *string    `json:"note,omitzero"` // empty: none
	Owner        *string    `json:"owner,omitzero"`
	Seal         bool       `json:"seal,omitzero"` // readable to sealed; service names the pin
	Service      string     `json:"service,omitempty"`
	AttachGroups []string   `json:"attach_groups,omitempty"`
	DetachGroups []string   `json:"detach_groups,omitempty"`
}

// MoveRequest renames a secret within its scope.
type MoveRequest struct {
	SecretRef
	To string `json:"to"`
}

// RemoveRequest removes secrets with all their versions, all or none.
type RemoveRequest struct {
	Names    []string `json:"names"`
	Scope    string   `json:"scope,omitempty"`
	Provider string   `json:"provider,omitempty"`
}

// PurgeRequest destroys old versions.
type PurgeRequest struct {
	SecretRef
	Versions []int `json:"versions"`
}

// ImportRequest is the first line of an import; [ImportEntry] are the others. The import is complete with the end of the
// request's body: one that breaks off changes nothing.
type ImportRequest struct {
	Format     string `json:"format,omitempty"`      // as reported in the answer
	OnConflict string `json:"on_conflict,omitempty"` // fail (the default), skip, version
	DryRun     bool   `json:"dry_run,omitzero"`
}

// ImportEntry is one secret of an import.
type ImportEntry struct {
	Name        string     `json:"name"`
	RenamedFrom string     `json:"renamed_from,omitempty"`
	From        string     `json:"from,omitempty"` // where it stood: "line 3"
	Value       *string    `json:"value,omitzero"`
	ValueBase64 *string    `json:"value_base64,omitzero"`
	Scope       string     `json:"scope,omitempty"`
	Tags        []string   `json:"tags,omitempty"`
	Aliases     []string   `json:"aliases,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitzero"`
	RotateEvery *string    `json:"rotate_every,omitzero"` // a duration
	Note        *string    `json:"note,omitzero"`
	Owner       *string    `json:"owner,omitzero"`
	Sealed      *bool      `json:"sealed,omitzero"`
	Service     string     `json:"service,omitempty"`
	Invalid     string     `json:"invalid,omitempty"` // not empty: why this entry cannot be imported
	Abandon     string     `json:"abandon,omitempty"` // instead of an entry: the import ends here and changes nothing; a code, for the record
}

// AuditQuery selects records of the audit log, for audit list, follow and export.
type AuditQuery struct {
	Secret    string     `json:"secret,omitempty"` // name or alias
	Limit     int        `json:"limit,omitzero"`   // the newest so many; 0 for all
	Failed    bool       `json:"failed,omitzero"`
	Since     *time.Time `json:"since,omitzero"`
	Principal string     `json:"principal,omitempty"`
}

// AuditVerifyRequest says what else the log must agree with.
type AuditVerifyRequest struct {
	Checkpoint  string `json:"checkpoint,omitempty"`   // of this vault, as the answer to audit checkpoint has it; empty: none
	VerifierKey string `json:"verifier_key,omitempty"` // that must have signed it; empty: the vault's own
}

// TokenRequest makes a token.
type TokenRequest struct {
	Principal string     `json:"principal"`
	Allow     []string   `json:"allow"`               // rules: "read ci/*"
	ExpiresAt *time.Time `json:"expires_at,omitzero"` // left out: never
	Uses      int        `json:"uses,omitzero"`       // 0: not limited
	Workspace string     `json:"workspace,omitempty"` // that its bearer is in
	Group     string     `json:"group,omitempty"`
}

// TokenRevokeRequest revokes a token, or all of a principal.
type TokenRevokeRequest struct {
	Which string `json:"which"` // "t_…" or "agent/claude"
}

// GrantRequest gives a principal a rule.
type GrantRequest struct {
	Principal string `json:"principal"`
	Rule      string `json:"rule"` // "read ci/*"
}

// GrantRemoveRequest takes a rule back.
type GrantRemoveRequest struct {
	ID string `json:"id"` // "grant-4"
}

// PolicySetRequest replaces the owner's own policies.
type PolicySetRequest struct {
	Text string `json:"text"` // Cedar
}

// PolicyTestRequest decides the cases of a file.
type PolicyTestRequest struct {
	File string `json:"file"` // YAML
}

// ExplainRequest asks how a request would be decided, and why.
type ExplainRequest struct {
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Object    string `json:"object"`
	Scope     string `json:"scope,omitempty"`     // of the object; empty: where the principal would find it
	Workspace string `json:"workspace,omitempty"` // that the principal is in
	Group     string `json:"group,omitempty"`
}
