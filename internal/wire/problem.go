package wire

import (
	"cmp"
	"errors"
	"strings"

	"tacit/client"
	"tacit/internal/fault"
)

// problemType is what the type of a problem begins with; its code follows.
const problemType = "urn:tacit:problem:"

// ProblemOf returns err as an answer of its class. status 0 is that of err.
func ProblemOf(err error, status int) client.HTTPProblem {
	code := fault.CodeOf(err)
	if status == 0 {
		status = fault.StatusOf(err)
	}
	p := client.HTTPProblem{
		Type: problemType + string(code), Title: strings.ReplaceAll(string(code), "_", " "), Status: status,
		Detail: err.Error(), Code: string(code), Exit: code.Exit(), Origin: "tacit",
	}
	var e *fault.Error
	if errors.As(err, &e) {
		p.Fix, p.Object = optional(e.Fix), optional(e.Object)
		p.Origin = cmp.Or(e.Origin, p.Origin)
	}
	return p
}

// ErrorOf returns the failure that p tells of, as it was before it was sent: a command prints the same bytes for both.
func ErrorOf(p client.HTTPProblem) *fault.Error {
	code := fault.Code(p.Code)
	if p.Origin == "tacit" {
		p.Origin = ""
	}
	return &fault.Error{
		Code: code, Message: p.Detail, Fix: orEmpty(p.Fix), Object: orEmpty(p.Object), Origin: p.Origin,
		Unproven: code == fault.Denied && p.Status == 401,
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
