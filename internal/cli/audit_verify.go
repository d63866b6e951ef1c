package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) auditCheckpointCommand() *cobra.Command {
	output := ""
	c := &cobra.Command{
		Use: "checkpoint", Short: "Sign how far the log has come, to keep elsewhere",
		Long: `Sign how far the log has come, to keep elsewhere.

A checkpoint is a signed note that names a record and its hash. Whoever has it, and the public key that tacit status prints, can
tell later that the log was only appended to since: tacit audit verify --from does, and so can an outsider who has the log's files
but no key of the vault. It is the only thing that shows that vault and log were both put back to an older state, so keep it where
whoever can do that cannot reach it. It holds no secret.`,
		Example: "tacit audit checkpoint\ntacit audit checkpoint -o log.checkpoint",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.auditCheckpoint(c.Context(), output) },
	}
	c.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`")
	return c
}

func (a *app) auditCheckpoint(ctx context.Context, output string) error {
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	made, err := k.AuditCheckpoint(ctx, a.caller())
	if err != nil {
		return err
	}
	toFile := output != "" && output != "-"
	if toFile || !a.flags.json {
		err := a.writeOut(output, func(w io.Writer) error {
			_, err := io.WriteString(w, made.Checkpoint)
			return err
		})
		if err != nil {
			return err
		}
	}
	if a.flags.json {
		return a.out.JSON(made)
	}
	if toFile {
		a.out.Notice("wrote %s: the log up to record %d", output, made.Seq)
	}
	return nil
}

// verifyFlags say what the log is compared with.
type verifyFlags struct {
	from string
	key  string
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: "verify", Short: "Check that nobody edited, removed, reordered or cut the log",
		Long: `Check that nobody edited, removed, reordered or cut the log, and name the first bad record.

With --from it also checks that the log has grown out of the one that a checkpoint was made of: nobody put vault and log back to an
older state and went on from there.`,
		Example: "tacit audit verify\ntacit audit checkpoint | tacit audit verify --from -",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.auditVerify(c.Context(), f) },
	}
	c.Flags().StringVar(&f.from, "from", "", "the checkpoint in `FILE`, or - for standard input")
	c.Flags().StringVar(&f.key, "key", "", "the `VERIFIERKEY` that must have signed it, instead of the vault's own")
	return c
}

func (a *app) auditVerify(ctx context.Context, f verifyFlags) error {
	var r keeper.AuditVerifyRequest
	if f.key != "" && f.from == "" {
		return fault.New(fault.Usage, "audit verify: --key is for --from").WithFix("tacit audit verify --from FILE --key VERIFIERKEY")
	}
	if f.from != "" {
		text, err := a.readSmall(f.from, maxCheckpoint)
		if err == nil && len(text) == 0 {
			err = fault.New(fault.Invalid, "not a checkpoint: %s is empty", f.from).About(f.from).WithFix("tacit audit checkpoint -o FILE makes one")
		}
		if err != nil {
			return err
		}
		r = keeper.AuditVerifyRequest{Checkpoint: text, VerifierKey: f.key}
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	v, err := k.AuditVerify(ctx, a.caller(), r)
	if err != nil {
		return err
	}
	switch {
	case a.flags.json:
		if err := a.out.JSON(v); err != nil {
			return err
		}
	case v.OK:
		grown := ""
		if f.from != "" {
			grown = "; it has grown out of the checkpoint's"
		}
		a.out.Line("The log is whole: %s, head %s%s", plural(v.Records, "record"), orElse(deref(v.Head), "none"), grown)
	}
	return auditVerdict(v)
}

// maxCheckpoint bounds the file that is read as a checkpoint, in bytes.
const maxCheckpoint = 64 << 10

// auditVerdict is the error for a log that is not whole: data that was tampered with, or put back.
func auditVerdict(v client.AuditVerify) error {
	if v.OK {
		return nil
	}
	if v.Bad == nil {
		return fault.New(fault.Tampered, "the audit log is not whole")
	}
	code, fix := fault.Tampered, "compare with a copy of the log; whatever wrote to this file was not tacit"
	switch v.Bad.Kind {
	case "rolled_back":
		return fault.New(fault.RolledBack, "the vault is older than its log: record %d is of a change that the vault does not have", v.Bad.Seq).About(v.Bad.File).
			WithFix("put the newest vault back, or accept this one with: tacit import --replace BACKUP")
	case "truncated":
		code = fault.RolledBack
		fix = "compare with a copy of the log: it was cut, or put back and gone on from, before what the vault or the checkpoint knows of it"
	}
	return fault.New(code, "the audit log is not whole: record %d: %s: %s", v.Bad.Seq, v.Bad.Kind, v.Bad.File).About(v.Bad.File).
		WithFix("%s", fix)
}
