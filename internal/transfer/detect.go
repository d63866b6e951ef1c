package transfer

import (
	"bytes"
	"strings"
)

// Detect returns the format of a file that begins with head: age, json, yaml or env; empty when it cannot be told.
// Names of files are not asked: they lie.
func Detect(head []byte) string {
	head = bytes.TrimSpace(withoutMark(head))
	switch {
	case bytes.HasPrefix(head, []byte("age-encryption.org/")), bytes.HasPrefix(head, []byte("-----BEGIN AGE ENCRYPTED FILE-----")):
		return "age"
	case bytes.HasPrefix(head, []byte("{")), bytes.HasPrefix(head, []byte("[")):
		return "json"
	}
	for line := range strings.Lines(string(head)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "# tacit:") {
			return "env"
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if line == "---" || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "%YAML") {
			return "yaml"
		}
		return detectLine(line)
	}
	return ""
}

// detectLine tells an assignment from a mapping by which of their signs comes first.
func detectLine(line string) string {
	if line[0] == '"' || line[0] == '\'' || strings.HasPrefix(line, "? ") {
		return "yaml" // a quoted key
	}
	colon := strings.Index(line, ": ")
	if colon < 0 && strings.HasSuffix(line, ":") {
		colon = len(line) - 1
	}
	equals := strings.IndexByte(line, '=')
	switch {
	case equals > 0 && (colon < 0 || equals < colon):
		return "env"
	case colon > 0:
		return "yaml"
	}
	return ""
}
