package paths

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayout(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		env  map[string]string
		want Layout
	}{
		{
			"nothing set: the defaults of the XDG specification", nil,
			Layout{
				Vault: "/home/ana/.local/share/tacit/vault.db", Config: "/home/ana/.config/tacit/config.yaml",
				Identity: "/home/ana/.config/tacit/identity.txt", Audit: "/home/ana/.local/state/tacit/audit",
				Known: "/home/ana/.local/state/tacit/known_vaults", State: "/home/ana/.local/state/tacit",
				Socket: "/home/ana/.local/state/tacit/agent.sock",
			},
		},
		{
			"every XDG variable",
			map[string]string{
				"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r",
			},
			Layout{
				Vault: "/d/tacit/vault.db", Config: "/c/tacit/config.yaml", Identity: "/c/tacit/identity.txt",
				Audit: "/s/tacit/audit", Known: "/s/tacit/known_vaults", State: "/s/tacit", Socket: "/r/tacit/agent.sock",
			},
		},
		{
			"relative XDG values are ignored",
			map[string]string{
				"XDG_DATA_HOME": "d", "XDG_CONFIG_HOME": "./c", "XDG_STATE_HOME": "../s", "XDG_RUNTIME_DIR": "r",
			},
			Layout{
				Vault: "/home/ana/.local/share/tacit/vault.db", Config: "/home/ana/.config/tacit/config.yaml",
				Identity: "/home/ana/.config/tacit/identity.txt", Audit: "/home/ana/.local/state/tacit/audit",
				Known: "/home/ana/.local/state/tacit/known_vaults", State: "/home/ana/.local/state/tacit",
				Socket: "/home/ana/.local/state/tacit/agent.sock",
			},
		},
		{
			"the socket follows the state directory without a runtime directory",
			map[string]string{"XDG_STATE_HOME": "/s"},
			Layout{
				Vault: "/home/ana/.local/share/tacit/vault.db", Config: "/home/ana/.config/tacit/config.yaml",
				Identity: "/home/ana/.config/tacit/identity.txt", Audit: "/s/tacit/audit", Known: "/s/tacit/known_vaults",
				State: "/s/tacit", Socket: "/s/tacit/agent.sock",
			},
		},
		{
			"TACIT_DIR wins over all",
			map[string]string{"TACIT_DIR": "/t/../u", "XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": "/r"},
			Layout{
				Vault: "/u/vault.db", Config: "/u/config.yaml", Identity: "/u/identity.txt", Audit: "/u/audit",
				Known: "/u/known_vaults", State: "/u", Socket: "/u/agent.sock", Custom: true,
			},
		},
		{
			"a relative TACIT_DIR is made absolute",
			map[string]string{"TACIT_DIR": "x"},
			Layout{
				Vault: here + "/x/vault.db", Config: here + "/x/config.yaml", Identity: here + "/x/identity.txt", Audit: here + "/x/audit",
				Known: here + "/x/known_vaults", State: here + "/x", Socket: here + "/x/agent.sock", Custom: true,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := New(func(k string) string { return tt.env[k] }, "/home/ana")
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			for _, p := range []string{got.Vault, got.Config, got.Identity, got.Audit, got.Known, got.State, got.Socket} {
				if !filepath.IsAbs(p) {
					t.Errorf("%s is not absolute", p)
				}
			}
		})
	}
}
