// Package client asks an agent or a server of tacit for secrets, and holds the shapes in which tacit talks to programs: what --json
// prints and what the API sends.
//
// [Connect] finds the other side as the command line does. [Client.Get] returns a [Value], which cannot be printed by accident;
// [Client.Invoke] uses a sealed secret without having it. Failures are [Error], with a stable [Code].
//
// Rules that every shape keeps: one object at the top; a list stands under its plural noun beside "total"; every field is
// always there, an absent scalar as null and an absent list as []; times are RFC 3339 in UTC; enumerations are lower case and
// may grow; fields are added, never renamed. No shape but the few that say so holds a secret's value.
package client

import "time"

// Secret is everything about a secret but its value.
type Secret struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Provider    string     `json:"provider"`
	Scope       string     `json:"scope"`
	Version     int        `json:"version"`  // the current one
	Versions    int        `json:"versions"` // how many are kept
	State       string     `json:"state"`    // active, expiring (within 14 days), expired
	Exposure    string     `json:"exposure"` // readable, sealed
	Pin         *string    `json:"pin"`      // "builtin/openai", "own/acme"
	Tags        []string   `json:"tags"`
	Aliases     []string   `json:"aliases"`
	Groups      []string   `json:"groups"` // "W/G"
	Owner       *string    `json:"owner"`
	Note        *string    `json:"note"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	ExpiresAt   *time.Time `json:"expires_at"`
	RotateEvery *string    `json:"rotate_every"` // "30d"

	// StoreVersion is the version by the name that another store than the vault gives it. Where versions matter, history shows it.
	StoreVersion *string `json:"-"`
}

// Readiness says whether a service can be used.
type Readiness struct {
	Service      string   `json:"service"`
	Credential   string   `json:"credential"`
	State        string   `json:"state"` // ready, waiting, available
	Capabilities int      `json:"capabilities"`
	Missing      []string `json:"missing"`
}

// Changed is the answer to set, edit, generate, update, mv and rollback.
type Changed struct {
	Secret    Secret      `json:"secret"`
	Created   bool        `json:"created"`
	Changed   []string    `json:"changed"` // field names; "value" for a new version
	Readiness []Readiness `json:"readiness"`
	Shadows   *string     `json:"shadows"` // the wider scope in which the same name is hidden by this one
}

// Rotated is the answer to rotate.
type Rotated struct {
	Secret        Secret      `json:"secret"`
	OldVersion    int         `json:"old_version"`
	OldValidUntil *time.Time  `json:"old_valid_until"` // null: expired at once
	Readiness     []Readiness `json:"readiness"`
}

// List is the answer to list.
type List struct {
	Secrets       []Secret `json:"secrets"`
	Total         int      `json:"total"`
	HiddenExpired int      `json:"hidden_expired"`
}

// Removed is the answer to rm.
type Removed struct {
	Removed            []RemovedSecret `json:"removed"`
	CredentialsRemoved []string        `json:"credentials_removed"`
	Total              int             `json:"total"`
}

// RemovedSecret is one secret that rm removed.
type RemovedSecret struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	Scope    string `json:"scope"`
	Versions int    `json:"versions"`
}

// History is the answer to history, newest version first.
type History struct {
	Name     string    `json:"name"`
	Versions []Version `json:"versions"`
	Total    int       `json:"total"`
}

// Version is one version of a secret.
type Version struct {
	Version     int        `json:"version"`
	State       string     `json:"state"` // current, overlap, expired
	Via         string     `json:"via"`   // set, rotate, generate, edit, rollback, import
	Principal   string     `json:"principal"`
	CreatedAt   time.Time  `json:"created_at"`
	ValidUntil  *time.Time `json:"valid_until"` // of a version that was rotated away
	ExpiresAt   *time.Time `json:"expires_at"`
	FromVersion *int       `json:"from_version"` // of a rollback

	StoreVersion *string `json:"store_version"` // what another store than the vault calls it
}

// Diff is the answer to diff.
type Diff struct {
	Name      string      `json:"name"`
	A         int         `json:"a"`
	B         int         `json:"b"`
	SameValue bool        `json:"same_value"`
	Fields    []FieldDiff `json:"fields"`
}

// FieldDiff is one metadata field that differs between two versions.
type FieldDiff struct {
	Field string `json:"field"`
	A     any    `json:"a"`
	B     any    `json:"b"`
}

// Purged is the answer to purge.
type Purged struct {
	Name   string `json:"name"`
	Purged []int  `json:"purged"`
	Total  int    `json:"total"`
}

// Due is the answer to due, most urgent first.
type Due struct {
	Secrets []DueSecret `json:"secrets"`
	Overdue int         `json:"overdue"`
	Total   int         `json:"total"`
}

// DueSecret is one secret that expires or should be rotated.
type DueSecret struct {
	Name     string    `json:"name"`
	Scope    string    `json:"scope"`
	Provider string    `json:"provider"`
	Version  int       `json:"version"`
	Owner    *string   `json:"owner"`
	Reason   string    `json:"reason"` // expires, rotation
	DueAt    time.Time `json:"due_at"`
	Overdue  bool      `json:"overdue"`
}

// Status is the answer to status.
type Status struct {
	Version   string        `json:"version"`
	Principal string        `json:"principal"`
	Vault     StatusVault   `json:"vault"`
	Slots     []Slot        `json:"slots"`
	Sealing   *string       `json:"sealing"` // "protects", "advisory (slot 2, key file)"; null without a vault
	Agent     StatusAgent   `json:"agent"`
	Audit     StatusAudit   `json:"audit"`
	Backup    StatusBackup  `json:"backup"`
	Project   StatusProject `json:"project"`
	Enforced  *bool         `json:"enforced"` // false: what policy denies is recorded and not refused; null for a token
}

// StatusVault is the vault's part of Status.
type StatusVault struct {
	Exists    bool       `json:"exists"`
	ID        *string    `json:"id"`
	Path      string     `json:"path"`
	Engine    string     `json:"engine"`
	Format    *int       `json:"format"`
	Locked    bool       `json:"locked"` // nothing here opens it without asking
	Secrets   *int       `json:"secrets"`
	CreatedAt *time.Time `json:"created_at"`
}

// StatusAgent is the agent's part of Status.
type StatusAgent struct {
	Running     bool       `json:"running"`
	PID         *int       `json:"pid"`
	Version     *string    `json:"version"`
	Socket      *string    `json:"socket"`
	LocksAt     *time.Time `json:"locks_at"`
	IdleLocksAt *time.Time `json:"idle_locks_at"`
}

// AgentStatus is the answer to agent status.
type AgentStatus struct {
	Running     bool       `json:"running"`
	PID         *int       `json:"pid"`
	Version     *string    `json:"version"`
	Socket      string     `json:"socket"`
	Locked      bool       `json:"locked"`
	LocksAt     *time.Time `json:"locks_at"`      // at the latest; null while locked
	IdleLocksAt *time.Time `json:"idle_locks_at"` // if nobody uses it; null while locked
	Callers     int        `json:"callers"`       // connections
	Proxy       *string    `json:"proxy"`         // root of the base URLs, http://127.0.0.1:40123; null while it does not listen there

	Enforced *bool `json:"enforced"` // false: what policy denies is recorded and not refused; null without an agent

	ConfigReadAt *time.Time `json:"config_read_at"` // when the configuration that is in force was read
	ConfigError  *string    `json:"config_error"`   // why it could not be read when somebody last tried; then the one before stays
}

// AgentReloaded is the answer to agent reload.
type AgentReloaded struct {
	ReadAt       *time.Time `json:"read_at"`       // the configuration that is in force; null without an agent
	Changed      []string   `json:"changed"`       // settings that are different now
	NeedsRestart []string   `json:"needs_restart"` // settings that are different and count when the agent is started again
}

// StatusAudit is the log's part of Status.
type StatusAudit struct {
	Records      int        `json:"records"`
	Head         *string    `json:"head"`
	PublicKey    *string    `json:"public_key"`
	CheckpointAt *time.Time `json:"checkpoint_at"`
}

// StatusBackup says when the last backup was made.
type StatusBackup struct {
	LastAt    *time.Time `json:"last_at"`
	DrilledAt *time.Time `json:"drilled_at"`
}

// StatusProject is the project file that applies here.
type StatusProject struct {
	Path    *string `json:"path"`
	Trusted *bool   `json:"trusted"`
}

// Slot is one way to unlock the vault.
type Slot struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	Label       *string    `json:"label"`
	PostQuantum bool       `json:"post_quantum"`
	Path        *string    `json:"path"`
	CreatedAt   time.Time  `json:"created_at"`
	LastUsedAt  *time.Time `json:"last_used_at"`
}

// Slots is the answer to slot list.
type Slots struct {
	Slots []Slot `json:"slots"`
	Total int    `json:"total"`
}

// SlotTest is the answer to slot test.
type SlotTest struct {
	Slots []SlotResult `json:"slots"`
	OK    bool         `json:"ok"`
}

// SlotResult says whether one slot opens.
type SlotResult struct {
	ID     string  `json:"id"`
	OK     bool    `json:"ok"`
	Detail *string `json:"detail"`

	Untried bool `json:"-"` // nothing here is for it: the slot may be whole
}

// SlotAdded is the answer to init (one a slot) and slot add.
type SlotAdded struct {
	Slot   Slot    `json:"slot"`
	Phrase *string `json:"phrase"` // the words of a recovery slot, or the identity that was made for an env slot; shown this once
	Notice *string `json:"notice"` // what the user should know about the slot
}

// AuditRecord is one decision of the audit log.
type AuditRecord struct {
	Seq        uint64        `json:"seq"`
	Time       time.Time     `json:"time"`
	Principal  string        `json:"principal"`
	Door       string        `json:"door"`
	UID        int           `json:"uid"`
	PID        int           `json:"pid"`
	Executable *string       `json:"executable"`
	Action     string        `json:"action"`
	Object     AuditObject   `json:"object"`
	Provider   *string       `json:"provider"`
	Result     string        `json:"result"` // allowed, denied, failed
	Reason     *string       `json:"reason"`
	Policy     *string       `json:"policy"`
	Request    *AuditRequest `json:"request"`
}

// AuditObject is what a record is about.
type AuditObject struct {
	Kind    string  `json:"kind"`
	Name    *string `json:"name"`
	Version *int    `json:"version"`
	Scope   *string `json:"scope"`
}

// AuditRequest is what the broker adds about one upstream call.
type AuditRequest struct {
	Method     string `json:"method"`
	Path       string `json:"path"`
	Status     int    `json:"status"`
	BytesUp    int64  `json:"bytes_up"`
	BytesDown  int64  `json:"bytes_down"`
	Redactions int    `json:"redactions"`
	DurationMS int64  `json:"duration_ms"`
	Credential string `json:"credential"`
}

// Audit is the answer to audit, oldest record first.
type Audit struct {
	Records []AuditRecord `json:"records"`
	Total   int           `json:"total"`
	Summary AuditSummary  `json:"summary"`
}

// AuditSummary is about all records that match, also those beyond the limit.
type AuditSummary struct {
	Failed                int        `json:"failed"` // denied or failed
	MostFrequentPrincipal *string    `json:"most_frequent_principal"`
	MostFrequentCount     int        `json:"most_frequent_count"`
	LastRotationAt        *time.Time `json:"last_rotation_at"`
}

// AuditVerify is the answer to audit verify.
type AuditVerify struct {
	OK      bool      `json:"ok"`
	Records int       `json:"records"`
	Head    *string   `json:"head"` // hex
	Bad     *AuditBad `json:"bad"`
}

// AuditBad is the first bad record of a log.
type AuditBad struct {
	Seq  uint64 `json:"seq"`
	Kind string `json:"kind"` // edited, missing, inserted, reordered, truncated, rolled_back
	File string `json:"file"`
}

// AuditCheckpoint is the answer to audit checkpoint: a place in the log, signed.
type AuditCheckpoint struct {
	Seq        uint64    `json:"seq"`
	Head       string    `json:"head"` // hex: the hash of the record seq
	At         time.Time `json:"at"`
	PublicKey  string    `json:"public_key"` // what verifies it
	Checkpoint string    `json:"checkpoint"` // the signed note
}

// AuditPruned is the answer to audit prune.
type AuditPruned struct {
	Records int       `json:"records"`  // removed
	Before  time.Time `json:"before"`   // none of that time or later was
	LastSeq *uint64   `json:"last_seq"` // of the records that are gone, now and before; null: none is
}

// AuditWho is the answer to audit who.
type AuditWho struct {
	Name     string            `json:"name"`
	Versions []AuditWhoVersion `json:"versions"`
}

// AuditWhoVersion is everyone who saw one version.
type AuditWhoVersion struct {
	Version    int                 `json:"version"`
	Principals []AuditWhoPrincipal `json:"principals"`
}

// AuditWhoPrincipal is one who saw a version, and how often.
type AuditWhoPrincipal struct {
	Principal string    `json:"principal"`
	FirstAt   time.Time `json:"first_at"`
	LastAt    time.Time `json:"last_at"`
	Count     int       `json:"count"`
	Action    string    `json:"action"`
}

// Doctor is the answer to doctor.
type Doctor struct {
	OK     bool          `json:"ok"`
	Checks []DoctorCheck `json:"checks"`
	Counts DoctorCounts  `json:"counts"`
}

// DoctorCheck is one finding.
type DoctorCheck struct {
	Check  string  `json:"check"`
	Status string  `json:"status"` // ok, note, warn, fail, skip
	Object *string `json:"object"`
	Detail string  `json:"detail"`
	Fix    *string `json:"fix"`
}

// DoctorCounts counts the findings by status.
type DoctorCounts struct {
	OK   int `json:"ok"`
	Note int `json:"note"`
	Warn int `json:"warn"`
	Fail int `json:"fail"`
	Skip int `json:"skip"`
}

// Imported is the answer to import.
type Imported struct {
	Format        string          `json:"format"`
	DryRun        bool            `json:"dry_run"`
	Entries       []ImportedEntry `json:"entries"` // at most 10,000; counts and total are of all
	Counts        ImportCounts    `json:"counts"`
	Warnings      []ImportWarning `json:"warnings"`
	Readiness     []Readiness     `json:"readiness"`
	PlainTextLeft []string        `json:"plain_text_left"`
	Total         int             `json:"total"`
}

// ImportedEntry is one entry of an import and what became of it.
type ImportedEntry struct {
	Name        string   `json:"name"`
	From        string   `json:"from"`   // "line 3"
	Action      string   `json:"action"` // create, version, skip, conflict, invalid
	Pin         *string  `json:"pin"`
	RenamedFrom *string  `json:"renamed_from"`
	Lost        []string `json:"lost"`
	Reason      *string  `json:"reason"`
}

// ImportCounts counts the entries by action.
type ImportCounts struct {
	Create   int `json:"create"`
	Version  int `json:"version"`
	Skip     int `json:"skip"`
	Conflict int `json:"conflict"`
	Invalid  int `json:"invalid"`
}

// ImportWarning is something that was accepted but should be known.
type ImportWarning struct {
	Line int    `json:"line"`
	Code string `json:"code"` // duplicate_name, …
	Text string `json:"text"`
}

// Whoami is the answer to whoami.
type Whoami struct {
	Principal string     `json:"principal"`
	Token     *string    `json:"token"`
	Rules     []string   `json:"rules"`
	ExpiresAt *time.Time `json:"expires_at"`
	UsesLeft  *int       `json:"uses_left"`
	Workspace *string    `json:"workspace"`
	Group     *string    `json:"group"`
	Door      string     `json:"door"` // direct, socket, https
}

// Problem is what --json prints on stderr for any failure.
type Problem struct {
	Error ProblemDetail `json:"error"`
}

// ProblemDetail is one failure: its class, the exit status, the line a person reads and the way out.
type ProblemDetail struct {
	Code    string  `json:"code"`
	Exit    int     `json:"exit"`
	Origin  string  `json:"origin"` // tacit, provider, broker, upstream
	Message string  `json:"message"`
	Fix     *string `json:"fix"`
	Object  *string `json:"object"`
}

// Initialized is the answer to init.
type Initialized struct {
	Path  string      `json:"path"`
	Slots []SlotAdded `json:"slots"`
	Total int         `json:"total"`
}

// Build is the answer to version.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// SlotRemoved is the answer to slot rm.
type SlotRemoved struct {
	Slot Slot `json:"slot"`
}

// BackedUp is the answer to backup.
type BackedUp struct {
	Path     string   `json:"path"`
	Secrets  int      `json:"secrets"`
	Versions int      `json:"versions"`
	OpensBy  string   `json:"opens_by"`  // "the passphrase of slot 1"
	Command  string   `json:"command"`   // how stock age opens it
	OnlyHere bool     `json:"only_here"` // the key that opens it is only on this machine
	Removed  []string `json:"removed"`   // older backups that --keep made room for
}
