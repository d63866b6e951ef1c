package transfer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/keeper"
)

// envWriter writes what envReader reads, byte for byte. A POSIX shell reads the same values from it (". ./file", eval), but
// for those that no environment can hold or that are not UTF-8: they stand as base64, with a line before that says so.
type envWriter struct {
	w      *bufio.Writer
	prefix string            // "export " or nothing
	taken  map[string]string // variable → the secret that has it
}

// Write implements [Writer].
func (e *envWriter) Write(x keeper.Exported) error {
	v, ok, err := value(x)
	if err != nil || !ok {
		return err
	}
	name := x.Secret.Name
	variable := envVariable(name)
	if other, ok := e.taken[variable]; ok {
		return conflict(variable, other, x.Secret).About(name)
	}
	e.taken[variable] = described(x.Secret)
	if variable != name {
		_, _ = e.w.WriteString("# tacit:name=" + name + "\n")
	}
	quoted := ""
	if !utf8.Valid(v) || bytes.IndexByte(v, 0) >= 0 {
		_, _ = e.w.WriteString("# tacit:base64\n")
		quoted = base64.StdEncoding.EncodeToString(v)
	} else {
		quoted = handoff.DotenvQuote(string(v))
	}
	_, err = e.w.WriteString(e.prefix + variable + "=" + quoted + "\n")
	return err
}

// Close implements [Writer].
func (e *envWriter) Close() error { return e.w.Flush() }

// envVariable returns the variable of a secret: upper case, with '_' for '-', '.' and '/'. A name begins with a letter, so
// the variable is one in every shell.
func envVariable(name string) string {
	return strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(strings.ToUpper(name))
}

// described returns a secret's name, and its scope if that is not the usual one.
func described(s client.Secret) string {
	if s.Scope == "global" || s.Scope == "" {
		return s.Name
	}
	return s.Name + " (" + s.Scope + ")"
}

func conflict(variable, a string, b client.Secret) *fault.Error {
	return fault.New(fault.Conflict, "%s and %s would both be the variable %s", a, described(b), variable).
		WithFix("rename one, or use --format json")
}
