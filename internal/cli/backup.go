package cli

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
)

// backupFlags say what backup makes and what it keeps.
type backupFlags struct {
	keep       int
	slot       string
	recipients []string
}

func (a *app) backupCommand() *cobra.Command {
	var f backupFlags
	c := &cobra.Command{
		Use: "backup DIR", Short: "Write a dated, encrypted backup and remove old ones",
		Long: `Write an encrypted backup of everything into the directory, under a name with the date, read it back and check it, and
then remove the oldest ones that are too many. It is a file for stock age; tacit import --replace puts it back.`,
		Example: "tacit backup backups --keep 30",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			return a.backup(c.Context(), args[0], f)
		},
	}
	c.Flags().IntVar(&f.keep, "keep", 7, "how many backups stay in the directory, `N`; 0 for all")
	c.Flags().StringVar(&f.slot, "slot", "", "encrypt to the slot `ID`")
	c.Flags().StringArrayVar(&f.recipients, "recipient", nil, "encrypt to the recipient `R` instead of a slot (may be repeated)")
	return c
}

func (a *app) backup(ctx context.Context, dir string, f backupFlags) error {
	if f.keep < 0 {
		return fault.New(fault.Usage, "backup: --keep is negative")
	}
	k, err := a.owner()
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return paths.Explain(err, dir, "make the directory %s", dir)
	}
	file := filepath.Join(dir, backupName(a.now()))
	summary, err := a.writeBackup(ctx, k, file, f)
	if err != nil {
		return err
	}
	removed, err := removeOldBackups(dir, f.keep)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(client.BackedUp{
			Path: file, Secrets: summary.Secrets, Versions: summary.Versions, OpensBy: summary.OpensBy, Command: summary.Command,
			OnlyHere: summary.OnlyHere, Removed: removed,
		})
	}
	a.out.Line("%s", visible(file))
	a.out.Notice("%s, %s, checked; %s opens it: %s", plural(summary.Secrets, "secret"), plural(summary.Versions, "version"), summary.OpensBy, summary.Command)
	if summary.OnlyHere {
		a.out.Warning("the key that opens this backup is only on this machine; keep a copy elsewhere, or use --recipient")
	}
	if len(removed) > 0 {
		a.out.Notice("removed %s", plural(len(removed), "older backup"))
	}
	return nil
}

// writeBackup writes the backup to file, all or nothing, and proves that what is on the disk is what was written, and that it
// can be restored where the key is here.
func (a *app) writeBackup(ctx context.Context, k Vault, file string, f backupFlags) (keeper.BackupSummary, error) {
	progress, done := a.progress("Backing up")
	defer done()
	out, err := paths.Create(file)
	if err != nil {
		return keeper.BackupSummary{}, err
	}
	defer func() { _ = out.Close() }()
	written := sha256.New()
	summary, err := k.Backup(ctx, a.caller(),
		keeper.BackupRequest{Slot: f.slot, Recipients: f.recipients, Progress: progress}, io.MultiWriter(out, written))
	if err != nil {
		return summary, err
	}
	if err := out.Commit(); err != nil {
		return summary, err
	}
	if err := checkBackup(file, written.Sum(nil)); err != nil {
		return summary, err
	}
	if len(f.recipients) > 0 {
		return summary, nil // its key is elsewhere
	}
	in, err := os.Open(file)
	if err != nil {
		return summary, paths.Explain(err, file, "read %s back", file)
	}
	defer func() { _ = in.Close() }()
	_, err = k.Restore(ctx, a.caller(), keeper.RestoreRequest{Backup: in, DryRun: true})
	return summary, err
}

// checkBackup reads a backup back from the disk and compares it with the hash of what was written.
func checkBackup(file string, want []byte) error {
	f, err := os.Open(file)
	if err != nil {
		return paths.Explain(err, file, "read %s back", file)
	}
	defer func() { _ = f.Close() }()
	got := sha256.New()
	if _, err := io.Copy(got, f); err != nil {
		return paths.Explain(err, file, "read %s back", file)
	}
	if string(got.Sum(nil)) != string(want) {
		return fault.New(fault.Corrupted, "the backup %s is not what was written", file).About(file).WithFix("the disk may be failing: back up to another one")
	}
	return nil
}

// backupName is the name of a backup made at t. Names sort by time.
func backupName(t time.Time) string {
	return "tacit-" + t.UTC().Format("20060102T150405.000Z") + ".age"
}

// removeOldBackups removes the oldest backups in dir beyond keep, and returns them. It touches only names that backup gives.
func removeOldBackups(dir string, keep int) (removed []string, err error) {
	if keep == 0 {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, paths.Explain(err, dir, "list %s", dir)
	}
	ours := regexp.MustCompile(`^tacit-\d{8}T\d{6}\.\d{3}Z\.age$`)
	var all []string
	for _, e := range entries {
		if e.Type().IsRegular() && ours.MatchString(e.Name()) {
			all = append(all, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(all)
	for _, old := range all[:max(0, len(all)-keep)] {
		if err := os.Remove(old); err != nil {
			return removed, paths.Explain(err, old, "remove %s", old)
		}
		removed = append(removed, old)
	}
	return removed, nil
}
