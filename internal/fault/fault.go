// Package fault is the one place where every class of failure has its code, its exit status and its shape.
//
// A room returns a [*Error] (or wraps one with %w); a door prints it. Codes are sentinels too:
// errors.Is(err, fault.NotFound) asks for the class, whatever the message says.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Code is a class of failure. It is stable: scripts and the API's problem details depend on it.
type Code string

// The codes, in the order of their exit status (see [Code.Exit]).
const (
	Failed      Code = "failed"       // 1: anything without a class of its own
	Busy        Code = "busy"         // 1: another process holds the vault or the log
	DiskFull    Code = "disk_full"    // 1: no space left; nothing was changed
	NewerFormat Code = "newer_format" // 1: written by a newer tacit
	Overdue     Code = "overdue"      // 1: `due`, `doctor` or `slot test` found something
	Limited     Code = "limited"      // 1: too many requests, at once or in a minute
	Usage       Code = "usage"        // 2: wrong arguments or configuration
	Invalid     Code = "invalid"      // 2: a name, value or file that cannot be accepted
	NotFound    Code = "not_found"    // 3: no such secret, version, service or capability
	Expired     Code = "expired"      // 3: it exists but is no longer valid
	WrongKey    Code = "wrong_key"    // 4: wrong passphrase or key
	Corrupted   Code = "corrupted"    // 4: damaged data: structure that cannot be read
	Tampered    Code = "tampered"     // 4: well-formed data that fails authentication
	RolledBack  Code = "rolled_back"  // 4: authentic data that is older than what was seen before
	Foreign     Code = "foreign"      // 4: an authentic vault, but not the one used here before
	Denied      Code = "denied"       // 5: policy says no
	Sealed      Code = "sealed"       // 5: only the broker may use this secret
	Untrusted   Code = "untrusted"    // 5: a project file that was not trusted
	Permissions Code = "permissions"  // 5: file modes or ownership are too wide, or access was refused
	Locked      Code = "locked"       // 6: the vault is locked and nothing here opens it
	NoVault     Code = "no_vault"     // 6: there is no vault
	Unavailable Code = "unavailable"  // 7: a provider or upstream cannot be reached
	Exists      Code = "exists"       // 8: it is already there
	Conflict    Code = "conflict"     // 8: changed meanwhile, or two things claim one place
	StaleKeys   Code = "stale_keys"   // 8: another process changed the root key meanwhile
)

// A class is how a code leaves the process: as the exit status of a command, and as the status of an HTTP answer.
type class struct{ exit, status int }

// classes is the one table of both. A code that is missing here is a failure of tacit itself: 1 and 500.
//
// 404 is kept for [NotFound]: it alone lets a reader fall through to the next provider, so nothing else may look like it to a
// program that reads no more than the status.
var classes = map[Code]class{
	Failed: {1, 500}, Busy: {1, 503}, DiskFull: {1, 507}, NewerFormat: {1, 500}, Overdue: {1, 409},
	Limited: {1, 429},
	Usage:   {2, 400}, Invalid: {2, 422},
	NotFound: {3, 404}, Expired: {3, 410},
	WrongKey: {4, 403}, Corrupted: {4, 500}, Tampered: {4, 500}, RolledBack: {4, 500}, Foreign: {4, 500},
	Denied: {5, 403}, Sealed: {5, 403}, Untrusted: {5, 403}, Permissions: {5, 500},
	Locked: {6, 423}, NoVault: {6, 503},
	Unavailable: {7, 502},
	Exists:      {8, 409}, Conflict: {8, 409}, StaleKeys: {8, 409},
}

// StatusOf returns the HTTP status of err: that of its class, or 401 when nothing proves who asks.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) && e.Unproven {
		return 401
	}
	return CodeOf(err).Status()
}

// Error makes a code usable as a sentinel for errors.Is.
func (c Code) Error() string { return string(c) }

// Exit returns the process exit status of the class.
func (c Code) Exit() int {
	if class, ok := classes[c]; ok {
		return class.exit
	}
	return 1
}

// Codes returns all codes, in no order.
func Codes() []Code { return slices.Collect(maps.Keys(classes)) }

// Known reports whether c is one of the codes above.
func (c Code) Known() bool {
	_, ok := classes[c]
	return ok
}

// Status returns the HTTP status of the class (RFC 9110; 423 and 507 are those of RFC 4918).
func (c Code) Status() int {
	if class, ok := classes[c]; ok {
		return class.status
	}
	return 500
}

// Error is one failure as a person sees it: what failed and why in one line, and, where there is one, the way out.
// Neither line ever holds a secret or a passphrase.
type Error struct {
	Code    Code
	Message string // "no such secret: db.pw"
	Fix     string // what to do or the command to run: "tacit list 'db*'"; empty if there is no way out
	Object  string // the name of the secret, slot or file; empty if none
	Err     error  // the cause, if it adds something; printed after the message

	Origin string // who failed: provider, broker or upstream; empty: tacit itself

	Unproven bool // of class Denied: nothing proves who asks, whatever was asked for
}

// New returns an error of the class c.
func New(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Unproven returns an error of class Denied about who asks: a token that is missing or not good. For a person it is one more "not
// permitted"; HTTP tells the two apart (RFC 9110, sections 15.5.2 and 15.5.4).
func Unproven(format string, args ...any) *Error {
	e := New(Denied, format, args...)
	e.Unproven = true
	return e
}

// Wrap returns an error of the class c that says what was being done when err happened.
// A cause that has a class of its own keeps it: the innermost knows best.
func Wrap(c Code, err error, format string, args ...any) *Error {
	e := &Error{Code: c, Message: fmt.Sprintf(format, args...), Err: err}
	var inner *Error
	if errors.As(err, &inner) {
		e.Code, e.Fix, e.Object, e.Origin, e.Unproven = inner.Code, inner.Fix, inner.Object, inner.Origin, inner.Unproven
	}
	return e
}

// From returns e with its origin set.
func (e *Error) From(origin string) *Error {
	e.Origin = origin
	return e
}

// WithFix returns e with the way out set.
func (e *Error) WithFix(format string, args ...any) *Error {
	e.Fix = fmt.Sprintf(format, args...)
	return e
}

// About returns e with the name of the thing it is about.
func (e *Error) About(object string) *Error {
	e.Object = object
	return e
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's class.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// CodeOf returns the class of err: that of the outermost [*Error], a bare [Code], or [Failed].
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return Failed
}
