package transfer

import (
	"errors"
	"io"

	"tacit/internal/dotenv"
	"tacit/internal/fault"
)

// An EnvLine is one assignment of an env file that variables are read from, not secrets (run --env-file).
type EnvLine struct {
	Line  int
	Name  string // the variable; a directive that names a secret does not change it
	Value []byte // empty: the variable is set, to nothing
	// Literal says that nothing in Value is a reference: it stood between single quotes, or as base64.
	Literal bool
	// Dollars are the offsets in Value of the dollar signs that were written as \$ between double quotes: they begin no reference.
	Dollars []int
}

// EachEnvLine calls each with the assignments of an env file, in the dialect that package dotenv describes, in their order and with
// every one of those that set the same name. Errors have class fault.Invalid and name the line; an error of each ends it.
func EachEnvLine(r io.Reader, each func(EnvLine) error) error {
	s := dotenv.New(io.LimitReader(r, maxEnvInMemory))
	s.SkipMark()
	for n := 0; ; n++ {
		err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == maxEntries {
			return fault.New(fault.Invalid, "line %d: there are more than %d entries", s.At, maxEntries)
		}
		value, err := s.CopyValue()
		if err != nil {
			return err
		}
		line := EnvLine{Line: s.At, Name: string(s.Key), Value: value, Literal: s.Quote == '\'' || s.Base64, Dollars: append([]int(nil), s.Dollars...)}
		if err := each(line); err != nil {
			return err
		}
	}
}

// EnvName returns the variable of a secret, as `export --format env` names it: upper case, with '_' for '-', '.' and '/'.
func EnvName(secret string) string { return envVariable(secret) }

// EnvConflict is the error for two secrets that would be the same variable.
func EnvConflict(variable, one, other string) error {
	return fault.New(fault.Conflict, "%s and %s would both be the variable %s", one, other, variable).About(one).
		WithFix("rename one, or name what you want: -e NAME=REF")
}
