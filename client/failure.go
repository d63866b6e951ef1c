package client

import "strings"

// Error is any failure but the end of a context, which comes as ctx.Err(). Code is stable, and errors.Is finds it: errors.Is(err,
// client.ErrNotFound). No member holds a secret.
type Error struct {
	Code    Code
	Exit    int    // status that the command line has for it
	Message string // what failed and why, in one line
	Fix     string // what to do; empty: nothing is known
	Object  string // the name that it is about; empty: none
	Origin  string // whose failure it is: tacit, provider, broker, upstream
	Status  int    // of the HTTP answer; 0: there was none
	Err     error  // the cause, for errors.Is; nil: none
}

func (e *Error) Error() string {
	if e.Fix == "" {
		return e.Message
	}
	return e.Message + " (" + e.Fix + ")"
}

// Is reports whether target is the failure's code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

func (e *Error) Unwrap() error { return e.Err }

// Code is a class of failure, as docs/api.md lists them. Those that programs mostly ask for have names here.
type Code string

// The codes.
const (
	ErrNotFound    Code = "not_found" // no such secret, version, field or capability; or none that the caller may know of
	ErrExpired     Code = "expired"
	ErrSealed      Code = "sealed" // given to no program: use it with Invoke or Use
	ErrDenied      Code = "denied"
	ErrLocked      Code = "locked" // or no agent runs
	ErrExists      Code = "exists"
	ErrConflict    Code = "conflict"
	ErrLimited     Code = "limited"
	ErrUnavailable Code = "unavailable"

	codeUnavailable      = ErrUnavailable
	codeUsage       Code = "usage"
	codePermissions Code = "permissions"
)

func (c Code) Error() string { return strings.ReplaceAll(string(c), "_", " ") }

// exits are the statuses of failures that the client finds by itself.
func (c Code) exit() int {
	switch c {
	case codeUsage:
		return 2
	case ErrDenied, codePermissions:
		return 5
	case ErrLocked:
		return 6
	case ErrUnavailable:
		return 7
	}
	return 1
}

func failure(c Code, message, fix string) *Error {
	return &Error{Code: c, Exit: c.exit(), Message: message, Fix: fix, Origin: "tacit"}
}

// ofProblem returns the failure that a problem tells of. A sealed secret is given to no program, so its way out is another than at a
// terminal.
func ofProblem(p HTTPProblem) *Error {
	e := &Error{Code: Code(p.Code), Exit: p.Exit, Message: p.Detail, Origin: p.Origin, Status: p.Status}
	if p.Fix != nil {
		e.Fix = *p.Fix
	}
	if p.Object != nil {
		e.Object = *p.Object
	}
	if e.Code == ErrSealed {
		e.Fix = "use it through the broker, with Client.Invoke"
	}
	return e
}
