package agent

import (
	"path/filepath"
	"slices"
	"strings"
)

// Environ is the environment that an agent runs with: what says where its files are and who the user is, and nothing else (I09).
// So GODEBUG cannot make it print headers, SSL_CERT_FILE cannot make it trust, a proxy cannot get between, and no passphrase,
// identity or token lies in its memory. Of two equal names the first counts. A relative TACIT_DIR is made absolute, since the
// agent works in the root directory. Environ(Environ(e)) is Environ(e).
func Environ(environ []string) []string {
	out := []string{}
	var seen []string
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !needed(name) || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		if name == "TACIT_DIR" && value != "" {
			if absolute, err := filepath.Abs(value); err == nil {
				value = absolute
			}
		}
		out = append(out, name+"="+value)
	}
	return out
}

func needed(name string) bool {
	switch name {
	case "HOME", "USER", "LOGNAME", // os/user asks them where the user is in no file
		"TACIT_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
		"USERPROFILE", "USERNAME", "SYSTEMROOT", "SystemRoot": // Windows opens no socket without the last
		return true
	}
	return false
}
