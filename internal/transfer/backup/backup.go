// Package backup reads and writes what is inside an age backup: one JSON document that a person can read with jq and that
// holds all of a vault but its slots and its log. docs/format.md describes it.
//
//	{"tacit_backup":1,"exported_at":"…","vault_id":"v_…",
//	"secrets":[
//	{"id":"s_…","name":"db.password","scope":"global","exposure":"readable","pin":null,"tags":[],"aliases":[],"groups":[],"owner":null,
//	 "note":null,"created_at":"…","updated_at":"…","rotate_every":null,"versions":[
//	 {"version":1,"via":"set","principal":"user/ana","created_at":"…","valid_until":null,"expires_at":null,"from_version":null,"value":"…"}]}
//	],
//	"services":[],"credentials":[],"bindings":[],"limits":[],"policies":[{"cedar":"…"},{"id":"grant-4","principal":"agent/claude","rule":"read ci/*"}],"total":1}
//
// Times are RFC 3339 in UTC. A value that is not UTF-8 stands as value_base64 instead of value. Versions ascend. The total at the end
// is the number of secrets: a document without it, or with another, was cut.
//
// Both directions take constant memory, but for eight to sixteen bytes a name when reading. The [Reader] is strict: unknown, missing and
// repeated fields are errors, so that nothing is dropped in silence; what a later tacit adds comes with a later format number.
//
// The package knows no vault and no keeper: they know it.
package backup

import (
	"time"

	"tacit/internal/secret"
)

// Format is the number under "tacit_backup" that this package writes, and the only one it reads.
const Format = 1

// maxSecret bounds what one secret with all its versions takes in the document, in bytes. The Writer holds to it too, so
// that whatever was written can be read.
const maxSecret = 256 << 20

// Header is what a backup says about itself.
type Header struct {
	ExportedAt time.Time
	VaultID    string // of the vault it was taken from
}

// Secret is one secret with every version that is kept.
type Secret struct {
	ID          string
	Name        string
	Scope       string
	Exposure    string // readable, sealed
	Pin         *string
	Tags        []string
	Aliases     []string
	Groups      []string // "W/G"
	Owner       *string
	Note        *string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	RotateEvery time.Duration // whole seconds; 0: never
	Versions    []Version     // ascending, at least one; the last is the current one
}

// Version is one version of a secret.
type Version struct {
	Version     int // from 1
	Via         string
	Principal   string
	CreatedAt   time.Time
	ValidUntil  *time.Time
	ExpiresAt   *time.Time
	FromVersion *int
	Value       secret.Value
}
