package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/paths"
)

func (a *app) envCommand() *cobra.Command {
	s := sources{door: "env"}
	var format string
	c := &cobra.Command{
		Use: "env", Short: "Print the variables that run gives to a program",
		Long: `Print the variables that tacit run gives to a program, with their values, for whoever sets variables in another way:

  shell       eval "$(tacit env)", in sh, bash, zsh and ksh
  fish        tacit env --format fish | source
  powershell  tacit env --format powershell | Out-String | Invoke-Expression
  dotenv      tacit env --format dotenv >.env, as Docker Compose and shells read it
  docker      docker run --env-file <(tacit env --format docker); no value of several lines
  json        one object, as tacit import reads it
  github      in a step of GitHub Actions: for the steps after it, and hidden in the log
  gitlab      tacit env --format gitlab >vars.env, for artifacts:reports:dotenv of GitLab; no spaces, no lines

Nothing in a value is run by what reads it; a value that a format cannot hold is an error that names the secret.`,
		Example: "tacit env -e PGPASSWORD=db.password\n" +
			"eval \"$(tacit env -e PGPASSWORD=db.password)\" && test -n \"$PGPASSWORD\"\n" +
			"tacit env -e PGPASSWORD=db.password --format json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.env(c.Context(), s, format) },
	}
	fl := c.Flags()
	fl.StringVar(&format, "format", "shell", "`F`: "+strings.Join(handoff.EnvFormats(), ", "))
	s.flags(fl)
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(handoff.EnvFormats(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) env(ctx context.Context, s sources, format string) error {
	switch {
	case !slices.Contains(handoff.EnvFormats(), format):
		return fault.New(fault.Usage, "env: no such format: %.20q", format).WithFix("use %s", strings.Join(handoff.EnvFormats(), ", "))
	case a.flags.json && format != "json":
		return fault.New(fault.Usage, "env: --json never prints values").WithFix("--format json does")
	}
	variables, err := a.variables(ctx, s)
	if err != nil {
		return err
	}
	b, err := handoff.WriteEnv(format, variables, a.world.Random)
	if err != nil {
		return err
	}
	if format == "github" {
		return a.envForGitHub(b, handoff.GitHubMasks(variables))
	}
	if a.out.toTerminal && len(variables) > 0 {
		a.out.Warning("these values are in plain text on your screen now; tacit run gives them to a program without")
	}
	a.out.Bytes(b)
	return nil
}

// envForGitHub puts the variables into the file of GitHub Actions, and says what its log must hide where its runner reads commands: on
// standard output. Where that is the file itself, or there is none, the commands go to standard error, which the runner reads too.
func (a *app) envForGitHub(variables, masks []byte) error {
	file := a.getenv("GITHUB_ENV")
	if file == "" || a.stdoutIs(file) {
		a.out.errBytes(masks)
		a.out.Bytes(variables)
		return nil
	}
	info, err := os.Lstat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return paths.Explain(err, file, "write %s", file)
	}
	if err == nil && !info.Mode().IsRegular() {
		return fault.New(fault.Permissions, "%s is not a regular file", file).About(file).WithFix("set GITHUB_ENV to what the runner made it")
	}
	// Hidden before they are anywhere.
	a.out.Bytes(masks)
	if err := a.out.flush(); err != nil {
		return fault.Wrap(fault.Failed, err, "write to standard output")
	}
	how := os.O_APPEND | os.O_WRONLY
	if info == nil {
		how |= os.O_CREATE | os.O_EXCL // through no link
	}
	f, err := os.OpenFile(file, how, 0o600)
	if err != nil {
		return paths.Explain(err, file, "write %s", file)
	}
	if opened, err := f.Stat(); err != nil || info != nil && !os.SameFile(info, opened) {
		_ = f.Close()
		return fault.New(fault.Conflict, "%s became another file while it was opened", file).About(file)
	}
	_, err = f.Write(variables) // at once: half of a value would be taken for something else
	if err = errors.Join(err, f.Close()); err != nil {
		return paths.Explain(err, file, "write %s", file)
	}
	return nil
}

// stdoutIs reports whether standard output goes to the file.
func (a *app) stdoutIs(file string) bool {
	out, ok := a.world.Stdout.(*os.File)
	if !ok {
		return false
	}
	ours, err := out.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(file)
	return err == nil && os.SameFile(ours, theirs)
}
