package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/secret"
	"tacit/internal/transfer"
)

// sniffed is how much of a file decides what its format is.
const sniffed = 64 << 10

// importFlags say what import reads and what it does to what is there.
type importFlags struct {
	format      string
	entries     []string
	onConflict  string
	replace     bool
	dryRun      bool
	stripPrefix string
	force       bool
}

// importMemory is where collecting garbage begins to be worth its time: what an import keeps grows by some 20 bytes an entry, what it
// throws away by a kilobyte.
const importMemory = 144 << 20

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use: "import [FILE|-]", Short: "Take in secrets from a file or from standard input",
		Long: `Take in secrets from a file or from standard input: all of them, or none if one cannot be.

The formats are json, yaml, env and age (a backup); auto tells them apart by content. JSON and YAML hold {"name":"value"} or
{"name":{"value":…, "tags":[…], "expires_at":…, "scope":…}}.

--replace swaps everything in the vault, but its slots and its audit log, for a backup, once all of it was checked.`,
		Example: "tacit import .env --dry-run\ntacit import .env --on-conflict version\ntacit import --entry API_KEY=value",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.onlyVault("import"); err != nil {
				return err
			}
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			debug.SetMemoryLimit(importMemory)
			return a.importFile(c.Context(), file, f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "auto", "`F`: auto, age, json, yaml, env")
	fl.StringArrayVar(&f.entries, "entry", nil, "the secret K with the value V: `K=V` (may be repeated)")
	fl.StringVar(&f.onConflict, "on-conflict", "fail", "if there is one of that name: fail, skip or version")
	fl.BoolVar(&f.replace, "replace", false, "swap everything for the backup")
	fl.BoolVar(&f.dryRun, "dry-run", false, "say what would happen, and change nothing")
	fl.StringVar(&f.stripPrefix, "strip-prefix", "", "take `P` off names that begin with it")
	fl.BoolVarP(&f.force, "force", "f", false, "do not ask before --replace")
	return c
}

func (a *app) importFile(ctx context.Context, file string, f importFlags) error {
	if len(f.entries) > 0 {
		return a.importEntries(ctx, file, f)
	}
	in, closeInput, err := a.importInput(file)
	if err != nil {
		return err
	}
	defer closeInput()
	what := orElse(file, "-")
	if what == "-" {
		what = "standard input"
	}
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Wrap(fault.Failed, err, "read %s", what).About(what)
	}
	if f.format == "auto" && transfer.Detect(head) == "age" {
		f.format = "age"
	}
	if f.replace || f.format == "age" {
		return a.importBackup(ctx, in.Reader(), f)
	}
	if !a.missingVault() {
		return a.importText(ctx, in, what, f, a.withVault)
	}
	return a.importFirst(f, in.rewind, func(f importFlags, with within) (client.Imported, error) {
		return a.readText(ctx, in, what, f, with)
	})
}

// importText imports a file that is no backup, and says what that did.
func (a *app) importText(ctx context.Context, in *input, what string, f importFlags, with within) error {
	out, err := a.readText(ctx, in, what, f, with)
	if err != nil {
		return err
	}
	return a.printImported(out)
}

// readText imports a file that is no backup.
func (a *app) readText(ctx context.Context, in *input, what string, f importFlags, with within) (client.Imported, error) {
	r, err := transfer.NewReader(f.format, in.Reader(), transfer.Options{StripPrefix: f.stripPrefix, Now: a.now()})
	if err != nil {
		return client.Imported{}, fault.Wrap(fault.Invalid, err, "import %s", what)
	}
	next := func() (keeper.ImportEntry, error) {
		e, err := r.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			err = fault.Wrap(fault.Invalid, err, "import %s", what).About(what)
		}
		return e, err
	}
	out, err := a.importFrom(ctx, r.Format(), f, with, next)
	if err != nil {
		return out, nothingImported(err)
	}
	out.Warnings = append(out.Warnings, r.Warnings()...)
	if in.path != "" {
		out.PlainTextLeft = append(out.PlainTextLeft, in.path)
	}
	return out, nil
}

// nothingImported adds the way out to an error about an entry.
func nothingImported(err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Code == fault.Invalid && e.Fix == "" {
		e.Fix = "correct it and import again; nothing was imported"
	}
	return err
}

// input is what import reads: a file, which can be read twice, or standard input.
type input struct {
	path  string // empty for standard input
	file  *os.File
	stdin *bufio.Reader
	all   []byte // of stdin, once it has to be read again
}

// importInput opens what import is to read.
func (a *app) importInput(file string) (*input, func(), error) {
	if file == "-" || file == "" {
		if file == "" && isTerminal(a.world.Stdin) {
			return nil, nil, fault.New(fault.Usage, "import: which file?").WithFix("tacit import FILE, or - for standard input")
		}
		return &input{stdin: bufio.NewReaderSize(a.world.Stdin, sniffed)}, func() {}, nil
	}
	f, err := openInput(file)
	if err != nil {
		return nil, nil, err
	}
	return &input{path: file, file: f}, func() { _ = f.Close() }, nil
}

// Peek returns the first n bytes, or all if there are fewer, then with io.EOF.
func (in *input) Peek(n int) ([]byte, error) {
	if in.file == nil {
		return in.stdin.Peek(n)
	}
	b := make([]byte, n)
	n, err := in.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) { // a pipe has a path too: <(command)
		in.stdin, in.file = bufio.NewReaderSize(in.file, sniffed), nil
		return in.stdin.Peek(cap(b))
	}
	return b[:n], err
}

// Reader returns all of it.
func (in *input) Reader() io.Reader {
	if in.file != nil {
		return in.file
	}
	return in.stdin
}

// importEntries imports what --entry gives.
func (a *app) importEntries(ctx context.Context, file string, f importFlags) error {
	if file != "" || f.replace {
		return fault.New(fault.Usage, "import: --entry goes with neither a file nor --replace")
	}
	var entries []keeper.ImportEntry
	for i, e := range f.entries {
		n, value, ok := strings.Cut(e, "=")
		if !ok {
			return fault.New(fault.Usage, "import: an --entry has no '='").WithFix("--entry NAME=VALUE")
		}
		if err := name.Check(n); err != nil {
			return err
		}
		entries = append(entries, keeper.ImportEntry{Name: n, From: fmt.Sprintf("entry %d", i+1), Value: secret.New([]byte(value))})
	}
	a.argumentNotice()
	read := func(f importFlags, with within) (client.Imported, error) {
		left := entries
		return a.importFrom(ctx, "entry", f, with, func() (keeper.ImportEntry, error) {
			if len(left) == 0 {
				return keeper.ImportEntry{}, io.EOF
			}
			e := left[0]
			e.Value = secret.New(bytes.Clone(e.Value.Reveal()))
			left = left[1:]
			return e, nil
		})
	}
	if a.missingVault() {
		return a.importFirst(f, func() error { return nil }, read)
	}
	out, err := read(f, a.withVault)
	if err != nil {
		return err
	}
	return a.printImported(out)
}

// importFrom imports the entries that next returns into the scope of the global flags, where they name none of their own.
func (a *app) importFrom(ctx context.Context, format string, f importFlags, with within, next func() (keeper.ImportEntry, error)) (out client.Imported, err error) {
	progress, done := a.progress("Importing")
	defer done()
	err = with(ctx, func(k keeper.API) (err error) {
		out, err = k.Import(ctx, a.caller(), keeper.ImportRequest{Format: format, OnConflict: f.onConflict, DryRun: f.dryRun, Progress: progress},
			func() (keeper.ImportEntry, error) {
				e, err := next()
				if e.Scope == "" {
					e.Scope = a.flags.scope
				}
				return e, err
			})
		return err
	})
	return out, err
}

// printImported prints what an import did, or would do.
func (a *app) printImported(out client.Imported) error {
	if a.flags.json {
		return a.out.JSON(out)
	}
	if out.DryRun && len(out.Entries) > 0 {
		rows := make([][]string, 0, len(out.Entries))
		for _, e := range out.Entries {
			rows = append(rows, []string{e.Name, e.From, e.Action, deref(e.RenamedFrom), strings.Join(e.Lost, ", "), deref(e.Reason)})
		}
		a.out.Table([]string{"Name", "From", "Action", "Renamed from", "Lost", "Reason"}, rows)
	}
	for _, w := range out.Warnings {
		where := ""
		if w.Line > 0 {
			where = fmt.Sprintf("line %d: ", w.Line)
		}
		a.out.Notice("%s%s", where, w.Text)
	}
	c := out.Counts
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{c.Create, "created"}, {c.Version, "given a new version"}, {c.Skip, "skipped"}, {c.Conflict, "in conflict"}, {c.Invalid, "invalid"}} {
		if p.n > 0 {
			parts = append(parts, itoa(p.n)+" "+p.what)
		}
	}
	verb := "Imported"
	if out.DryRun {
		verb = "Would import"
	}
	a.out.Line("%s %s: %s", verb, plural(out.Total, "secret"), orElse(strings.Join(parts, ", "), "nothing to do"))
	a.printReadiness(out.Readiness)
	if len(out.PlainTextLeft) > 0 && !out.DryRun {
		a.out.Notice("the values still lie in plain text in %s", strings.Join(out.PlainTextLeft, ", "))
	}
	return nil
}
