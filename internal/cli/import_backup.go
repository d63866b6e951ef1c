package cli

import (
	"context"
	"io"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// importBackup takes a backup in: beside what is in the vault or, with --replace, in its place.
func (a *app) importBackup(ctx context.Context, r io.Reader, f importFlags) error {
	switch {
	case f.format != "age":
		return fault.New(fault.Usage, "import: only a backup can replace what is in the vault").WithFix("tacit import FILE.age --replace")
	case f.stripPrefix != "":
		return fault.New(fault.Usage, "import: --strip-prefix is not for backups")
	case f.replace && f.onConflict != "fail":
		return fault.New(fault.Usage, "import: --replace and --on-conflict exclude each other")
	}
	if f.replace && !f.dryRun {
		if err := a.confirmReplace(ctx, f.force); err != nil {
			return err
		}
	}
	progress, done := a.progress("Importing")
	var out client.Imported
	err := a.withOwnVault(ctx, func(k Vault) (err error) {
		if f.replace {
			out, err = k.Restore(ctx, a.caller(), keeper.RestoreRequest{Backup: r, DryRun: f.dryRun, Progress: progress})
		} else {
			out, err = k.ImportBackup(ctx, a.caller(), keeper.ImportRequest{OnConflict: f.onConflict, DryRun: f.dryRun, Progress: progress}, r)
		}
		return err
	})
	done()
	if err != nil {
		return err
	}
	return a.printImported(out)
}

// confirmReplace asks before everything is replaced, unless there is nothing yet.
func (a *app) confirmReplace(ctx context.Context, force bool) error {
	k, err := a.owner()
	if err != nil {
		return err
	}
	s, err := k.Status(ctx, a.caller())
	if err != nil || !s.Vault.Exists {
		return err
	}
	return a.confirm(force, "replace every secret in the vault by the backup?")
}
