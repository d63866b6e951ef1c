// Package keeper is the one way in: the only package that reads or changes a secret on somebody's behalf.
//
// Every method takes the caller, decides, writes the decision to the audit log, and only then acts (I15, I16). A door parses
// what came in, calls keeper and prints the answer; it holds no rule of its own. So a reviewer reads this package to know what
// can happen to a secret.
//
// [API] is what doors may offer, near or far. [Owner] is the presence operations (I31): they exist in-process only, on a vault
// that was opened by a slot for this one command.
package keeper

import (
	"context"
	"io"
	"time"

	"tacit/client"
	"tacit/internal/secret"
)

// Caller is who asks, and from where.
type Caller struct {
	Principal  string // "user/ana"
	Owner      bool   // not subject to policy
	Door       string // cli, socket, api, …
	UID, PID   int
	Executable string
	Workspace  string // which scopes the caller is in; empty for none
	Group      string

	// Token, when there is one, says who the caller is, whatever else is here: its principal, workspace and group, not the owner.
	Token secret.Value
}

// API is what every door may offer. Errors are of the classes of package fault.
type API interface {
	Status(ctx context.Context, c Caller) (client.Status, error)
	Whoami(ctx context.Context, c Caller) (client.Whoami, error)

	Get(ctx context.Context, c Caller, r GetRequest) (Read, error)
	Show(ctx context.Context, c Caller, r Ref) (Shown, error)
	List(ctx context.Context, c Caller, r ListRequest) (client.List, error)
	// Names calls each with the names that r matches, sorted; the shortest way to them, for scripts and completion.
	Names(ctx context.Context, c Caller, r ListRequest, each func(name string) error) error
	History(ctx context.Context, c Caller, r Ref) (client.History, error)
	Diff(ctx context.Context, c Caller, r Ref, a, b int) (client.Diff, error)
	Due(ctx context.Context, c Caller, within time.Duration) (client.Due, error)

	Set(ctx context.Context, c Caller, r SetRequest) (Written, error)
	Rotate(ctx context.Context, c Caller, r RotateRequest) (client.Rotated, error)
	Update(ctx context.Context, c Caller, r UpdateRequest) (client.Changed, error)
	Move(ctx context.Context, c Caller, r Ref, to string) (client.Changed, error)
	Rollback(ctx context.Context, c Caller, r Ref) (client.Changed, error)
	Remove(ctx context.Context, c Caller, r RemoveRequest) (client.Removed, error)
	Purge(ctx context.Context, c Caller, r Ref, versions []int) (client.Purged, error)
	// Import creates or adds versions, all or nothing. next returns io.EOF after the last entry; any other error from it
	// abandons the import and is returned as it is.
	Import(ctx context.Context, c Caller, r ImportRequest, next func() (ImportEntry, error)) (client.Imported, error)

	Audit(ctx context.Context, c Caller, r AuditRequest) (client.Audit, error)
	// AuditFollow calls each with the records that match, then with new ones as they come, until ctx ends.
	AuditFollow(ctx context.Context, c Caller, r AuditRequest, each func(client.AuditRecord) error) error
	AuditWho(ctx context.Context, c Caller, r Ref) (client.AuditWho, error)
	// AuditExport calls each with every record that matches, oldest first, in memory that does not grow with their number.
	AuditExport(ctx context.Context, c Caller, r AuditRequest, each func(client.AuditRecord) error) error
	AuditVerify(ctx context.Context, c Caller, r AuditVerifyRequest) (client.AuditVerify, error)
	AuditCheckpoint(ctx context.Context, c Caller) (client.AuditCheckpoint, error)

	External // secrets that the caller asks another provider for
	Access   // who else may do what
	Services // what may be used without being seen

	Close() error
}

// Owner is what only the owner may do, in the process that opened a slot for it (I31).
type Owner interface {
	SlotList(ctx context.Context, c Caller) (client.Slots, error)
	SlotTest(ctx context.Context, c Caller) (client.SlotTest, error)
	SlotAdd(ctx context.Context, c Caller, s NewSlot) (client.SlotAdded, error)
	SlotRemove(ctx context.Context, c Caller, id string) error
	// SlotVariables returns the environment variables that open a slot: no process that tacit starts gets them (I12).
	SlotVariables(ctx context.Context) ([]string, error)
	RotateRoot(ctx context.Context, c Caller, r RotateRootRequest) (Rotation, error)
	Doctor(ctx context.Context, c Caller, r DoctorRequest) (client.Doctor, error)

	// Export calls each with every secret that r selects, values and older versions as r asks.
	Export(ctx context.Context, c Caller, r ExportRequest, each func(Exported) error) (ExportSummary, error)
	// Backup writes an age file with everything but slots and log to w; docs/format.md describes what is inside.
	Backup(ctx context.Context, c Caller, r BackupRequest, w io.Writer) (BackupSummary, error)
	// Restore replaces everything but vault id, slots and audit chain by the backup's content, after checking all of it.
	Restore(ctx context.Context, c Caller, r RestoreRequest) (client.Imported, error)
	// ImportBackup takes the current versions of a backup in beside what is there, as API.Import does with any other file.
	ImportBackup(ctx context.Context, c Caller, r ImportRequest, backup io.Reader) (client.Imported, error)
	// AuditPrune removes old records from the log, whole segments of them.
	AuditPrune(ctx context.Context, c Caller, before time.Time) (client.AuditPruned, error)
	ServicesOwner
	// Unseal makes a sealed secret readable: every version is encrypted anew.
	Unseal(ctx context.Context, c Caller, r Ref) (client.Changed, error)
}

// Ref names a secret. Version 0 is the current one, [Previous] the one before it.
type Ref struct {
	Name     string // or an alias
	Version  int
	Scope    string // empty: the most specific that the caller is in
	Provider string // empty: the chain of the caller, of which this vault is one
	// StoreVersion is a version by the name that its store gives it, instead of Version: of a secret that is not in this vault.
	StoreVersion string
}

// Previous is the version "@previous".
const Previous = -1

// GetRequest asks for a value.
type GetRequest struct {
	Ref
	Field          string // of a JSON or YAML value; empty for all of it
	IncludeExpired bool
	Door           string // what it is for, in the record: get, show --reveal, run, render, edit
}

// Read is a value and what it belongs to.
type Read struct {
	Secret  client.Secret
	Version int
	Field   string
	Value   secret.Value
}

// Shown is what a card shows.
type Shown struct {
	Secret client.Secret
	Masked *string // eight stars and the last 3 characters of a readable value of 16 bytes or more; else nil
}

// ListRequest selects secrets.
type ListRequest struct {
	Pattern        string // glob over names; empty for all
	Tags           []string
	Scope          string // exactly this one
	AllScopes      bool
	Provider       string
	IncludeExpired bool
}

// Generate says how to make a value.
type Generate struct {
	Length int    // characters; words for kind words
	Kind   string // alnum, symbols, hex, base64, words, uuid
}

// SetRequest creates a secret or adds a version to it. A nil field leaves that metadata as it is.
type SetRequest struct {
	Ref
	Value       secret.Value // or
	Generate    *Generate    // a value that keeper makes
	Reveal      bool         // with Generate: return the value
	Via         string       // set, generate, edit; import
	MustBeNew   bool         // fault.Exists when there is one
	Tags        []string
	ExpiresAt   *time.Time
	RotateEvery *time.Duration
	Note        *string
	OwnedBy     *string
	Aliases     []string
	Sealed      *bool
	Service     string // the pin of a sealed secret
}

// Written is the answer to Set; Value only if Reveal was asked for.
type Written struct {
	client.Changed
	Value secret.Value
}

// RotateRequest adds a version and lets the old one live on for the overlap.
type RotateRequest struct {
	Ref
	Value     secret.Value
	Generate  *Generate
	Overlap   time.Duration
	ExpireOld bool
}

// UpdateRequest changes metadata. A nil field, or an empty list, leaves things as they are.
type UpdateRequest struct {
	Ref
	AddAliases   []string
	ClearAliases bool
	AddTags      []string
	RemoveTags   []string
	ExpiresAt    *time.Time
	NoExpiry     bool
	RotateEvery  *time.Duration
	NoRotation   bool
	Note         *string // empty: none
	OwnedBy      *string
	Seal         bool // readable → sealed; Service names the pin
	Service      string
	AttachGroups []string // names of groups of the secret's own workspace
	DetachGroups []string
}

// RemoveRequest removes secrets with all their versions. All or none are removed.
type RemoveRequest struct {
	Names    []string
	Scope    string
	Provider string
}

// ImportRequest says how an import treats what is there.
type ImportRequest struct {
	Format     string // as reported
	OnConflict string // fail, skip, version
	DryRun     bool
	Progress   Progress
}

// ImportEntry is one secret of an import.
type ImportEntry struct {
	Name        string
	RenamedFrom string
	From        string // "line 3"
	Value       secret.Value
	Scope       string
	Tags        []string
	Aliases     []string
	ExpiresAt   *time.Time
	RotateEvery *time.Duration
	Note        *string
	OwnedBy     *string
	Sealed      *bool
	Service     string
	pin         string // of a backup: exactly this one
	Invalid     string // not empty: why this entry cannot be imported
}

// AuditRequest selects records.
type AuditRequest struct {
	Secret    string // name or alias
	Limit     int    // newest so many; 0 for all
	Failed    bool
	Since     time.Time
	Principal string
}

// AuditVerifyRequest says what else the log must agree with.
type AuditVerifyRequest struct {
	Checkpoint  []byte // of this vault, as AuditCheckpoint returned it; empty: none
	VerifierKey string // that must have signed it; empty: the vault's own
}

// Progress is told how far long work has come. total is 0 while it is not known. nil is allowed.
type Progress func(done, total int)

// NewSlot says what slot to add.
type NewSlot struct {
	Kind       string // passphrase, recovery, key-file, keyring, env, recipient
	Label      string
	Passphrase secret.Value // passphrase
	Path       string       // key-file: made when it is missing
	Env        string       // env: name of the variable; it must hold an identity
	Recipient  string
}

// RotateRootRequest asks for a new root key.
type RotateRootRequest struct {
	Resume   bool
	Progress Progress
}

// Rotation is the answer to RotateRoot. Phrase is the new recovery phrase, if there is a recovery slot.
type Rotation struct {
	Epoch   int     `json:"epoch"`
	Records int     `json:"records"`
	Resumed bool    `json:"resumed"`
	Phrase  *string `json:"phrase"`
}

// DoctorRequest says how thorough to be.
type DoctorRequest struct {
	Fix      bool
	Strict   bool                 // notes count as warnings
	Also     []client.DoctorCheck // what the caller found itself
	Progress Progress
}

// ExportRequest selects what to export.
type ExportRequest struct {
	Values bool   // with values of readable secrets
	Prefix string // names that start with it
	Scope  string // exactly this one; empty: the caller's, or all for the owner who is in no workspace
}

// Exported is one secret of an export; Value is empty unless values were asked for and it is readable. It is wiped when the callback
// that got it returns: who needs it longer copies it.
type Exported struct {
	Secret client.Secret
	Value  secret.Value
}

// ExportSummary says what was left out.
type ExportSummary struct {
	Total     int
	SealedOut int
}

// BackupRequest says whom the backup is for. Without recipients it is a slot.
type BackupRequest struct {
	Slot       string   // its ID; empty: the passphrase slot, else the one that opened the vault
	Recipients []string // instead of a slot
	Progress   Progress
}

// BackupSummary says what is in a backup and what opens it.
type BackupSummary struct {
	Secrets  int
	Versions int
	OpensBy  string // "the passphrase of slot 1"
	Command  string // "age -d -i identity.txt FILE"
	OnlyHere bool   // the key that opens it is only on this machine
}

// RestoreRequest is a backup to restore.
type RestoreRequest struct {
	Backup   io.Reader
	DryRun   bool
	Progress Progress
}
