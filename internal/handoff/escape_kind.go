package handoff

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Kind is a language that files are written in, and so how a value is written in them.
type Kind string

// The kinds.
const (
	None   Kind = "none"   // values as they are, whatever they hold
	Plain  Kind = "plain"  // no language is known: values as they are, of one line of visible characters
	JSON   Kind = "json"   // and JSON with comments
	YAML   Kind = "yaml"   //
	TOML   Kind = "toml"   //
	Shell  Kind = "shell"  // of POSIX, and what bash and zsh add to it
	URL    Kind = "url"    // values are percent-encoded for the part of a URL in which they stand
	Dotenv Kind = "dotenv" // env files, as Docker Compose, python-dotenv and shells read them
)

// Kinds are those that can be asked for by name.
func Kinds() []string {
	return []string{string(JSON), string(YAML), string(TOML), string(Shell), string(URL), string(Dotenv), string(None)}
}

// KindOf returns the kind of a file by its name, else by how its text begins; [Plain] when neither says. Endings that templates have are left
// out: config.yaml.tmpl is YAML.
func KindOf(file, text string) Kind {
	base := strings.ToLower(filepath.Base(file))
	for _, ending := range []string{".tmpl", ".tpl", ".template", ".in", ".example", ".sample", ".dist"} {
		base = strings.TrimSuffix(base, ending)
	}
	if base == ".env" || strings.HasPrefix(base, ".env.") {
		return Dotenv
	}
	switch filepath.Ext(base) {
	case ".json", ".jsonc", ".webmanifest":
		return JSON
	case ".yaml", ".yml":
		return YAML
	case ".toml":
		return TOML
	case ".sh", ".bash", ".zsh", ".ksh", ".envrc", ".bashrc", ".zshrc", ".profile":
		return Shell
	case ".env":
		return Dotenv
	}
	return kindOfText(text)
}

// kindOfText tells what cannot be anything else.
func kindOfText(text string) Kind {
	first, _, _ := strings.Cut(text, "\n")
	if interpreter, ok := strings.CutPrefix(first, "#!"); ok {
		for _, word := range strings.FieldsFunc(interpreter, func(r rune) bool { return r == '/' || r == ' ' || r == '\r' }) {
			switch word {
			case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh":
				return Shell
			}
		}
		return Plain
	}
	body := strings.TrimSpace(text)
	inside := strings.TrimSpace(strings.TrimPrefix(body, "{"))
	switch {
	case strings.TrimRight(first, "\r ") == "---":
		return YAML
	case inside != body && strings.HasSuffix(body, "}") && strings.HasPrefix(inside, `"`):
		return JSON
	}
	return Plain
}

// scan finds where the holes of a text land.
func (k Kind) scan(text string) (all []span, c check, err error) {
	switch k {
	case JSON:
		all, err = scanJSON(text)
	case YAML:
		return scanYAML(text)
	case TOML:
		all, err = scanTOML(text)
	case Shell:
		all, err = scanShell(text)
	case Dotenv:
		all, err = scanDotenv(text)
	case Plain:
		all = scanEach(text, each(oneLine))
	default: // None, and URL, for which encoding is all
		all = scanEach(text, raw)
	}
	return all, nil, err
}

// scanEach makes each hole a span of its own, part of its line.
func scanEach(text string, w writer) []span {
	var all []span
	start := 0
	for line := range strings.Lines(text) {
		for i := range len(line) {
			if line[i] == hole {
				all = append(all, span{start: start + i, end: start + i + 1, write: w, from: start, to: start + len(line)})
			}
		}
		start += len(line)
	}
	return all
}

// oneLine refuses what could begin something new in most languages. It is a net for files of unknown languages, no promise.
func oneLine(v string) (string, error) {
	if !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &misfit{
			"is not one line of visible text, and what kind of file this is is not known",
			"say what the file is, such as --escape json, or --escape none to have the value as it is",
		}
	}
	return v, nil
}
