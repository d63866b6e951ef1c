// Package paths knows where tacit keeps its files and what modes they must have (I07).
package paths

import (
	"path/filepath"
)

// Layout is where everything of one installation is. All paths are absolute.
type Layout struct {
	Vault    string // vault.db; its lock is vault.lock beside it
	Config   string // config.yaml
	Identity string // identity.txt, the default key file
	Audit    string // directory of the audit log
	Known    string // known_vaults: fingerprints of the vaults used here before
	State    string // directory for what may be lost
	Socket   string // agent.sock
	Custom   bool   // TACIT_DIR was set
}

// New returns the layout for an environment: everything below TACIT_DIR when that is set, else the XDG directories.
// Relative XDG values are ignored, as their specification says.
func New(getenv func(string) string, home string) Layout {
	if d := getenv("TACIT_DIR"); d != "" {
		if a, err := filepath.Abs(d); err == nil {
			d = a
		}
		return Layout{
			Vault: filepath.Join(d, "vault.db"), Config: filepath.Join(d, "config.yaml"), Identity: filepath.Join(d, "identity.txt"),
			Audit: filepath.Join(d, "audit"), Known: filepath.Join(d, "known_vaults"), State: d, Socket: filepath.Join(d, "agent.sock"), Custom: true,
		}
	}
	dir := func(variable string, fallback ...string) string {
		if v := getenv(variable); filepath.IsAbs(v) {
			return filepath.Join(v, "tacit")
		}
		return filepath.Join(append(append([]string{home}, fallback...), "tacit")...)
	}
	data, config, state := dir("XDG_DATA_HOME", ".local", "share"), dir("XDG_CONFIG_HOME", ".config"), dir("XDG_STATE_HOME", ".local", "state")
	run := state
	if v := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(v) {
		run = filepath.Join(v, "tacit")
	}
	return Layout{
		Vault: filepath.Join(data, "vault.db"), Config: filepath.Join(config, "config.yaml"), Identity: filepath.Join(config, "identity.txt"),
		Audit: filepath.Join(state, "audit"), Known: filepath.Join(state, "known_vaults"), State: state, Socket: filepath.Join(run, "agent.sock"),
	}
}
