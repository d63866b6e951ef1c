// Package wire is the one place that knows how the requests and answers of keeper.API look in HTTP: the paths, the headers, and
// the way between the shapes of package client and the types of package keeper. Package server uses it one way, package remote
// the other, so that an operation looks the same near and far.
//
// Requests are read strictly: a member that is not known, a name that occurs twice, text that is not UTF-8 or anything behind
// the end is an error. Answers are read leniently, so that a newer server may add a member.
package wire

// Version is the first part of every path. It changes only when a client that was written for it could not go on.
const Version = "/api/v1"

// The operations of keeper.API. Names of secrets are never part of a path: they stand in bodies.
const (
	Status = Version + "/status" // GET
	Whoami = Version + "/whoami" // GET

	Get      = Version + "/secret/get"
	GetMany  = Version + "/secret/get-many"
	Show     = Version + "/secret/show"
	List     = Version + "/secret/list"
	Names    = Version + "/secret/names"
	History  = Version + "/secret/history"
	Diff     = Version + "/secret/diff"
	Due      = Version + "/secret/due"
	Set      = Version + "/secret/set"
	Rotate   = Version + "/secret/rotate"
	Update   = Version + "/secret/update"
	Move     = Version + "/secret/move"
	Rollback = Version + "/secret/rollback"
	Remove   = Version + "/secret/remove"
	Purge    = Version + "/secret/purge"
	Import   = Version + "/secret/import"

	Decide = Version + "/provider/decide"
	Record = Version + "/provider/record"

	AuditList       = Version + "/audit/list"
	AuditFollow     = Version + "/audit/follow"
	AuditExport     = Version + "/audit/export"
	AuditWho        = Version + "/audit/who"
	AuditVerify     = Version + "/audit/verify"
	AuditCheckpoint = Version + "/audit/checkpoint"

	TokenCreate   = Version + "/token/create"
	TokenList     = Version + "/token/list"
	TokenRevoke   = Version + "/token/revoke"
	GrantAdd      = Version + "/grant/add"
	GrantList     = Version + "/grant/list"
	GrantRemove   = Version + "/grant/remove"
	PolicyShow    = Version + "/policy/show"
	PolicySet     = Version + "/policy/set"
	PolicyTest    = Version + "/policy/test"
	PolicyExplain = Version + "/policy/explain"

	ServiceList        = Version + "/service/list"
	ServiceDescribe    = Version + "/service/describe"
	CapabilityList     = Version + "/capability/list"
	CapabilityDescribe = Version + "/capability/describe"
	CapabilityLimit    = Version + "/capability/limit"
	CapabilityBind     = Version + "/capability/bind"
	CapabilityUnbind   = Version + "/capability/unbind"
	CapabilityBindings = Version + "/capability/bindings"
	CredentialList     = Version + "/credential/list"
	CredentialRemove   = Version + "/credential/remove"
	Invoke             = Version + "/capability/invoke" // JSON both ways
	Use                = Version + "/capability/use"    // the same as a stream
)

// The headers. Workspace and Group hold names with everything but unreserved characters percent-encoded (RFC 3986).
const (
	HeaderWorkspace = "Tacit-Workspace" // which scopes the owner is in
	HeaderGroup     = "Tacit-Group"
	HeaderVersion   = "Tacit-Version" // of the program, in requests and answers
	HeaderEnd       = "Tacit-End"     // the trailer of a streamed use: client.UsedEnd in base64
)

// The media types.
const (
	JSON    = "application/json"
	Lines   = "application/x-ndjson" // one JSON object a line
	Problem = "application/problem+json"
	Stream  = "application/vnd.tacit.use" // one line of JSON, then bytes
)

// MaxLine bounds one line of a stream, in bytes. A value of 64 KiB in its longest spelling, six bytes a byte, fits twice.
const MaxLine = 1 << 20

// MaxHead bounds the line before a stream, in bytes: method, path and headers of a request.
const MaxHead = 128 << 10
