package handoff

import (
	"bytes"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// Variable is one variable that was asked for.
type Variable struct {
	Name  string
	Value secret.Value
	Of    string   // the secret that it comes from, for errors
	Holds []Secret // every secret that Value has in it: what masking hides
	File  bool     // the program gets the path of a file that holds Value: see [MakeFiles]
}

// Secret is a secret that a variable has in it.
type Secret struct {
	Name  string
	Value secret.Value
}

// Strip returns env without everything that opens or stands for the vault: TACIT_PASSPHRASE*, TACIT_IDENTITY*, TACIT_TOKEN
// and the variables of environment slots (I12). Every process that tacit starts gets at most this.
func Strip(env []string, slotVariables ...string) []string {
	return keep(env, func(name string) bool {
		if name == "TACIT_TOKEN" || strings.HasPrefix(name, "TACIT_PASSPHRASE") || strings.HasPrefix(name, "TACIT_IDENTITY") {
			return false
		}
		for _, slot := range slotVariables {
			if sameName(name, slot) {
				return false
			}
		}
		return true
	})
}

// Pristine returns what is left of env for a child that should see next to nothing of the caller's surroundings: where programs
// and the user's files are, who the user is, and how the terminal and the language are set.
func Pristine(env []string) []string {
	return keep(env, func(name string) bool {
		switch strings.ToUpper(name) {
		case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "NO_COLOR", "LANG", "LANGUAGE", "TZ", "TMPDIR",
			"SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME", "TEMP", "TMP": // Windows programs do not start without some of these
			return true
		}
		return strings.HasPrefix(name, "LC_")
	})
}

func keep(env []string, wanted func(name string) bool) []string {
	out := make([]string, 0, len(env))
	for _, e := range env {
		if name, _, ok := cut(e); ok && wanted(name) {
			out = append(out, e)
		}
	}
	return out
}

// Add returns env with the variables, each in place of one of the same name; of two equal names the last counts.
// The error has class fault.Invalid and names the secret when a value holds a NUL byte, which no environment can carry.
func Add(env []string, variables []Variable) ([]string, error) {
	for _, v := range variables {
		if bytes.IndexByte(v.Value.Reveal(), 0) >= 0 {
			return nil, fault.New(fault.Invalid, "%s holds a NUL byte, which no environment variable can", v.Of).About(v.Of).
				WithFix("keep it as base64 text and decode it in the program, or pipe it: tacit get %s | …", v.Of)
		}
	}
	out := keep(env, func(name string) bool {
		for _, v := range variables {
			if sameName(name, v.Name) {
				return false
			}
		}
		return true
	})
	for i, v := range variables {
		last := true
		for _, later := range variables[i+1:] {
			last = last && !sameName(later.Name, v.Name)
		}
		if last {
			out = append(out, v.Name+"="+string(v.Value.Reveal()))
		}
	}
	return out, nil
}

// CheckName returns an error of class fault.Usage unless s can be the name of a variable in every shell.
func CheckName(s string) error {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || i > 0 && '0' <= c && c <= '9' {
			continue
		}
		return fault.New(fault.Usage, "not the name of a variable: %q", s[:min(len(s), 64)]).
			WithFix("letters, digits and '_', not a digit first: -e DB_PASSWORD=db.password")
	}
	if s == "" {
		return fault.New(fault.Usage, "the name of the variable is missing").WithFix("-e DB_PASSWORD=db.password")
	}
	return nil
}

// cut splits NAME=value. Windows keeps the directory of each drive in names that begin with '=', such as "=C:".
func cut(e string) (name, value string, ok bool) {
	if len(e) > 0 && e[0] == '=' {
		name, value, ok = strings.Cut(e[1:], "=")
		return "=" + name, value, ok
	}
	return strings.Cut(e, "=")
}
