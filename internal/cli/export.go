package cli

import (
	"bytes"
	"context"
	"io"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
	"tacit/internal/transfer"
)

// exportFlags say what export writes, and where.
type exportFlags struct {
	format     string
	values     bool
	output     string
	prefix     string
	export     bool
	slot       string
	recipients []string
	force      bool
}

func (a *app) exportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use: "export", Short: "Write secrets to a file or to standard output",
		Long: `Write secrets to a file or to standard output.

age (the default) is an encrypted backup of everything, sealed secrets and old versions too; stock age opens it, and
tacit import --replace puts it back. json, yaml and csv hold what is known about the secrets, without their values.

--values adds the values, in plain text, but never those of sealed secrets; env is nothing but values.`,
		Example: "tacit export -o backup.age\ntacit export --format csv\ntacit export --format env --values --force -o backup.env",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.export(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "`F`: age, json, yaml, csv, env (default age)")
	fl.BoolVar(&f.values, "values", false, "with values, in plain text")
	fl.StringVarP(&f.output, "output", "o", "", "write to `FILE`, which only you can read")
	fl.StringVar(&f.prefix, "prefix", "", "only names that begin with `P`")
	fl.BoolVar(&f.export, "export", false, "env: put export before each line")
	fl.StringVar(&f.slot, "slot", "", "age: encrypt to the slot `ID`")
	fl.StringArrayVar(&f.recipients, "recipient", nil, "age: encrypt to the recipient `R` instead of a slot (may be repeated)")
	fl.BoolVarP(&f.force, "force", "f", false, "do not ask before --values")
	return c
}

func (a *app) export(ctx context.Context, f exportFlags) error {
	if f.format == "" {
		f.format = "age"
		if a.flags.json {
			f.format = "json"
		}
	}
	if err := f.check(a.flags.scope); err != nil {
		return err
	}
	if a.otherNamed {
		return fault.New(fault.Usage, "export: it writes what is in the vault, and provider %s is not", a.flags.provider).
			WithFix("tacit provider copy %s local, or leave --provider out", a.flags.provider)
	}
	if f.format == "age" {
		return a.exportBackup(ctx, f)
	}
	k, err := a.owner()
	if err != nil {
		return err
	}
	if f.values {
		if err := a.confirmValues(ctx, k, f); err != nil {
			return err
		}
	}
	var summary keeper.ExportSummary
	err = a.writeOut(f.output, func(w io.Writer) error {
		summary, err = a.exportTo(ctx, k, w, f)
		return err
	})
	if err != nil {
		return err
	}
	if summary.SealedOut > 0 {
		a.out.Notice("%s left out: a sealed value is only in a backup (--format age)", plural(summary.SealedOut, "sealed secret"))
	}
	if f.output != "" {
		a.out.Notice("wrote %s: %s", f.output, plural(summary.Total-summary.SealedOut, "secret"))
	}
	if f.values {
		a.out.Warning("these values are in plain text now")
	}
	return nil
}

func (f *exportFlags) check(scope string) error {
	switch {
	case f.format == "age" && scope != "":
		return fault.New(fault.Usage, "export: a backup holds everything; --scope is for the other formats").WithFix("--format json, yaml, csv or env")
	case f.format == "age" && f.prefix != "":
		return fault.New(fault.Usage, "export: a backup holds everything; --prefix is for the other formats").WithFix("--format json, yaml, csv or env")
	case f.format != "age" && (f.slot != "" || len(f.recipients) > 0):
		return fault.New(fault.Usage, "export: --slot and --recipient are for --format age")
	case f.slot != "" && len(f.recipients) > 0:
		return fault.New(fault.Usage, "export: --slot and --recipient exclude each other")
	case f.format != "env" && f.export:
		return fault.New(fault.Usage, "export: --export is for --format env")
	}
	return nil
}

// confirmValues asks before values are written in plain text; who cannot be asked says --force.
func (a *app) confirmValues(ctx context.Context, k Vault, f exportFlags) error {
	if !f.force {
		s, err := k.Status(ctx, a.caller())
		if err != nil {
			return err
		}
		if !s.Vault.Exists {
			return fault.New(fault.NoVault, "there is no vault at %s", s.Vault.Path).About(s.Vault.Path).WithFix("tacit init")
		}
	}
	where := "to standard output"
	if f.output != "" {
		where = "to " + f.output
	}
	return a.confirm(f.force, "write values in plain text "+where+"?")
}

// exportTo writes what keeper exports in a format of package transfer.
func (a *app) exportTo(ctx context.Context, k Vault, w io.Writer, f exportFlags) (keeper.ExportSummary, error) {
	writer, err := transfer.NewWriter(f.format, w, transfer.WriteOptions{Values: f.values, Export: f.export, Now: a.now()})
	if err != nil {
		return keeper.ExportSummary{}, err
	}
	summary, err := k.Export(ctx, a.caller(), keeper.ExportRequest{Values: f.values, Prefix: f.prefix, Scope: a.flags.scope}, func(e keeper.Exported) error {
		// Keeper wipes a value when this returns; a writer may keep it until it has seen the next name.
		e.Value = secret.New(bytes.Clone(e.Value.Reveal()))
		return writer.Write(e)
	})
	if err != nil {
		return summary, err
	}
	if summary.Total == 0 {
		return summary, nothingToExport(f.prefix)
	}
	return summary, writer.Close()
}

func nothingToExport(prefix string) error {
	if prefix != "" {
		return fault.New(fault.Failed, "export: no secret begins with %s", prefix).WithFix("tacit list")
	}
	return fault.New(fault.Failed, "export: the vault is empty").WithFix("tacit set NAME")
}

// exportBackup writes a backup and says what opens it.
func (a *app) exportBackup(ctx context.Context, f exportFlags) error {
	if f.output == "" && a.out.toTerminal {
		return fault.New(fault.Usage, "export: a backup is binary, and this is a terminal").WithFix("tacit export -o backup.age")
	}
	k, err := a.owner()
	if err != nil {
		return err
	}
	progress, done := a.progress("Exporting")
	var summary keeper.BackupSummary
	err = a.writeOut(f.output, func(w io.Writer) error {
		summary, err = k.Backup(ctx, a.caller(), keeper.BackupRequest{Slot: f.slot, Recipients: f.recipients, Progress: progress}, w)
		if err == nil && summary.Secrets == 0 {
			err = nothingToExport("")
		}
		return err
	})
	done()
	if err != nil {
		return err
	}
	a.out.Notice("%s, %s; %s opens it: %s", plural(summary.Secrets, "secret"), plural(summary.Versions, "version"), summary.OpensBy, summary.Command)
	if summary.OnlyHere {
		a.out.Warning("the key that opens this backup is only on this machine; keep a copy elsewhere, or use --recipient")
	}
	return nil
}

// writeOut gives fn the place that the user named: a file, which is there whole or not at all, or standard output.
func (a *app) writeOut(file string, fn func(io.Writer) error) error {
	if file == "" || file == "-" {
		return fn(a.out.stdout)
	}
	p, err := paths.Create(file)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	if err := fn(p); err != nil {
		return err
	}
	return p.Commit()
}
