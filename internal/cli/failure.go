package cli

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/internal/fault"
)

// exitStatus is an error that says nothing more: what is wrong was printed, or a child exited with it.
type exitStatus int

func (e exitStatus) Error() string { return "exit status " + itoa(int(e)) }

// interrupted is the status of a command that was ended by Ctrl-C at a prompt: 128 + SIGINT, as shells do.
const interrupted exitStatus = 128 + 2

// flagError words the errors of pflag anew: pflag repeats the whole argument, which may be a value that begins with '-'.
func (a *app) flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	message := "wrong arguments"
	fix := c.CommandPath() + " --help"
	const asValue = "a value that begins with '-' goes after --, or better through a pipe"
	switch {
	case errors.As(err, &unknown):
		word := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			message = "unknown flag"
			if len(short) == 1 {
				message = "unknown flag -" + word
			}
		} else if quoteWord(word) != "" {
			message = "unknown flag --" + word
		} else {
			message, fix = "unknown flag", asValue
		}
	case errors.As(err, &missing):
		message = "the flag " + flagName(missing.GetFlag()) + " needs a value"
	case errors.As(err, &invalid):
		message = "the flag " + flagName(invalid.GetFlag()) + " does not take this value"
	case errors.As(err, &syntax):
		message, fix = "an argument that is no flag begins with '-'", asValue
	}
	path := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "tacit"), " ")
	if path != "" {
		message = path + ": " + message
	}
	return fault.New(fault.Usage, "%s", message).WithFix("%s", fix)
}

func flagName(f *pflag.Flag) string { return "--" + f.Name }

// errCause returns what went wrong with a file without the operation and the path, which the caller names.
func errCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
