package handoff

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tacit/internal/fault"
)

// envGitHub writes a variable as GitHub's environment files hold values of any number of lines: between two lines with a delimiter. It is
// random, so that no value can have it and go on with variables of its own.
func envGitHub(name, value string, random io.Reader) (string, error) {
	switch {
	case !utf8.ValidString(value):
		return "", errNotUTF8("an environment file of GitHub")
	case strings.Contains(value, "\r"):
		return "", &misfit{"holds a carriage return, which the runner of GitHub may take for the end of a line", keepAsBase64}
	}
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fault.Wrap(fault.Failed, err, "make a delimiter")
	}
	delimiter := "tacit_" + hex.EncodeToString(b[:])
	if strings.Contains(value, delimiter) { // as good as never
		return "", fault.New(fault.Failed, "happens to hold the delimiter")
	}
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter), nil
}

// minMasked is how long, in bytes, a line of a secret is at least for GitHub to hide it: shorter ones would make a log unreadable.
const minMasked = 4

// GitHubMasks returns the workflow commands that make GitHub hide the secrets in the variables in its logs: one for each line, since a log
// is hidden line by line. They are read from the output of a step.
func GitHubMasks(variables []Variable) []byte {
	var out strings.Builder
	seen := map[string]bool{}
	for _, v := range variables {
		for _, s := range v.Holds {
			for line := range strings.SplitSeq(string(s.Value.Reveal()), "\n") {
				line = strings.TrimSpace(line)
				if len(line) < minMasked || seen[line] {
					continue
				}
				seen[line] = true
				out.WriteString("::add-mask::" + strings.NewReplacer("%", "%25", "\r", "%0D").Replace(line) + "\n")
			}
		}
	}
	return []byte(out.String())
}
