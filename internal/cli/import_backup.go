package cli

import (
	"context"
	"io"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// importBackup puts a backup in the place of everything in the vault.
func (a *app) importBackup(ctx context.Context, r io.Reader, f importFlags) error {
	switch {
	case !f.replace:
		return fault.New(fault.Usage, "import: a backup replaces what is in the vault").WithFix("add --replace, or --replace --dry-run to see what it holds")
	case f.format != "age":
		return fault.New(fault.Usage, "import: only a backup can replace what is in the vault").WithFix("tacit import FILE.age --replace")
	case f.stripPrefix != "" || f.onConflict != "fail":
		return fault.New(fault.Usage, "import: --replace goes with neither --strip-prefix nor --on-conflict")
	}
	if !f.dryRun {
		k, err := a.keeper()
		if err != nil {
			return err
		}
		s, err := k.Status(ctx, a.caller())
		if err != nil {
			return err
		}
		if s.Vault.Exists {
			if err := a.confirm(f.force, "replace every secret in the vault by the backup?"); err != nil {
				return err
			}
		}
	}
	progress, done := a.progress("Restoring")
	var out client.Imported
	err := a.withVault(ctx, func(k Vault) (err error) {
		out, err = k.Restore(ctx, a.caller(), keeper.RestoreRequest{Backup: r, DryRun: f.dryRun, Progress: progress})
		return err
	})
	done()
	if err != nil {
		return err
	}
	return a.printImported(out)
}
