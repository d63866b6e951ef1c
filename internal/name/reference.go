package name

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tacit/internal/fault"
)

// Scheme begins a reference inside other text, where a bare name could be mistaken for something else.
const Scheme = "tacit://"

// Previous is the version that "@previous" names: the one before the current.
const Previous = -1

// maxField is the longest field of a reference in bytes.
const maxField = 256

// A Reference points at a value: [PROVIDER:]NAME[@VERSION][#FIELD].
type Reference struct {
	Provider string // empty: whichever of the chain has it
	Name     string
	Version  int    // 0: the current one; [Previous]: the one before it
	Field    string // of a JSON or YAML value; empty: all of it

	// StoreVersion is a version by the name that its store gives it, instead of Version: only of a provider that is named, and never of
	// [Local], whose versions are numbers.
	StoreVersion string
}

// Local is the provider that the vault is.
const Local = "local"

// ParseReference parses a reference, with or without the scheme: tacit://env:db is the name db of the provider env,
// tacit://env/db the name env/db. Without the scheme it is meant for places where only a reference can stand.
// Errors are of class fault.Invalid.
func ParseReference(s string) (Reference, error) {
	return parseReference(s, strings.TrimPrefix(s, Scheme), "")
}

// ParseReferenceOf is [ParseReference] where the provider is said elsewhere, as by --provider: a reference that names none is one of it.
// It is for the caller to see whether the two agree. An empty provider says nothing.
func ParseReferenceOf(provider, s string) (Reference, error) {
	return parseReference(s, strings.TrimPrefix(s, Scheme), provider)
}

// ParseInterpolation parses one whole ${secret:REF}, the form of a reference inside text. REF has no scheme and no '}'.
func ParseInterpolation(s string) (Reference, error) {
	body, ok := strings.CutPrefix(s, "${secret:")
	if ok {
		body, ok = strings.CutSuffix(body, "}")
	}
	if !ok || strings.Contains(body, "}") {
		return Reference{}, badReference(s, "it is not of the form ${secret:NAME}")
	}
	return parseReference(s, body, "")
}

// parseReference parses body, the reference without what surrounds it; whole is for messages.
func parseReference(whole, body, provider string) (Reference, error) {
	r := Reference{Provider: provider}
	rest, field, hasField := strings.Cut(body, "#")
	rest, version, hasVersion := strings.Cut(rest, "@")
	r.Name = rest
	if before, after, ok := strings.Cut(rest, ":"); ok {
		r.Provider, r.Name = before, after
		if !IsProvider(r.Provider) {
			return Reference{}, badReference(whole, "what stands before the colon is not a provider's name")
		}
	}
	if err := Check(r.Name); err != nil {
		return Reference{}, err
	}
	if hasVersion {
		v, ok := parseVersion(version)
		switch {
		case ok:
			r.Version = v
		case r.Provider == "" || r.Provider == Local:
			return Reference{}, badReference(whole, `a version is a positive number or "previous"`)
		case !isStoreVersion(version):
			return Reference{}, badReference(whole, `a version is a number, "previous" or what the store calls it`)
		default:
			r.StoreVersion = version
		}
	}
	if hasField {
		if !isField(field) {
			return Reference{}, badReference(whole, "what stands after '#' is not the name of a field")
		}
		r.Field = field
	}
	return r, nil
}

// parseVersion accepts each version in one spelling only, so that parsing and printing are inverse.
func parseVersion(s string) (int, bool) {
	if s == "previous" {
		return Previous, true
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil && n > 0 && s[0] != '0'
}

// isStoreVersion reports whether s can be what a store calls a version: a letter or digit, then also '.', '_', '-'; at most 128.
func isStoreVersion(s string) bool {
	if s == "" || len(s) > 128 || !isLetter(s[0]) && !isDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// IsProvider reports whether s can name a provider: a letter, then letters, digits, '-', '_'; at most 64.
func IsProvider(s string) bool {
	if s == "" || len(s) > 64 || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isField reports whether s can be a key of a JSON or YAML document that a person writes into a reference.
func isField(s string) bool {
	return s != "" && len(s) <= maxField && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func badReference(s, why string) error {
	return fault.New(fault.Invalid, "invalid reference %q: %s", clip(s), why).About(clip(s)).
		WithFix("write %sNAME, with PROVIDER: before and @VERSION or #FIELD after the name where needed", Scheme)
}

// String returns the reference with its scheme; [ParseReference] reads it back.
func (r Reference) String() string { return Scheme + r.Bare() }

// Bare returns the reference without its scheme.
func (r Reference) Bare() string {
	s := r.Name
	if r.Provider != "" {
		s = r.Provider + ":" + s
	}
	switch {
	case r.Version == Previous:
		s += "@previous"
	case r.Version > 0:
		s += "@" + strconv.Itoa(r.Version)
	case r.StoreVersion != "":
		s += "@" + r.StoreVersion
	}
	if r.Field != "" {
		s += "#" + r.Field
	}
	return s
}
