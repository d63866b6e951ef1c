package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
)

// tasking is what task was asked to do.
type tasking struct {
	profiles []string
	dryRun   bool
	strict   bool
}

func (a *app) taskCommand() *cobra.Command {
	var t tasking
	c := &cobra.Command{
		Use: "task [NAME [ARG…]]", Short: "Run a task of the project file",
		Long: `Run a task of the project file: its steps one after the other, each a command of sh in the directory of that file, until one fails.
Without NAME, the tasks are listed.

The arguments are $1, $2 and so on of every step, those that begin with '-' behind --, and the parameters of the task in their order. A step has the variables of the project, of the
task and its own. A reference in a command, ${secret:NAME} or ${vars.NAME}, becomes a variable of the shell, quoted: its text is in no command
line. Where the shell itself would hand a secret to a program as an argument, that is said; with --strict, nothing starts then.

What the steps print is masked as in tacit run. The exit status is that of the step that failed.`,
		Example: "tacit task --json\ntacit task --no-project",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.taskProject(t.profiles)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listTasks(p)
			}
			return a.task(c.Context(), p, args[0], args[1:], t)
		},
		ValidArgsFunction: a.completeTask,
	}
	fl := c.Flags()
	fl.BoolVar(&t.dryRun, "dry-run", false, "show what would run, with secrets as ***")
	fl.BoolVar(&t.strict, "strict", false, "refuse a task in which the shell would hand a secret to a program as an argument")
	fl.StringSliceVar(&t.profiles, "profile", nil, "profiles of the project file, the last on top: `P,…`")
	return c
}

// taskProject returns the configuration with its tasks.
func (a *app) taskProject(profiles []string) (*config.Config, error) {
	c, err := a.trustedProject()
	if err != nil {
		return nil, err
	}
	return c.WithProfiles(profiles...)
}

func (a *app) listTasks(c *config.Config) error {
	out := client.Tasks{Tasks: make([]client.Task, 0, len(c.Tasks)), Total: len(c.Tasks)}
	rows := make([][]string, 0, len(c.Tasks))
	for _, t := range c.Tasks {
		shown := client.Task{Name: t.Name, Description: optional(t.Description), Steps: len(t.Steps)}
		usage := t.Name
		for _, p := range t.Params {
			param := client.TaskParam{Name: p.Name, Description: optional(p.Description), Required: !p.HasDefault}
			shown.Params = append(shown.Params, param)
			if p.HasDefault {
				usage += " [" + strings.ToUpper(p.Name) + "]"
			} else {
				usage += " " + strings.ToUpper(p.Name)
			}
		}
		out.Tasks = append(out.Tasks, shown)
		rows = append(rows, []string{usage, t.Description})
	}
	if a.flags.json {
		return a.out.JSON(out)
	}
	if len(rows) == 0 {
		a.out.Notice("no tasks: they stand under tasks: in %s", config.FileName)
		return nil
	}
	a.out.Table([]string{"Task", "Description"}, rows)
	return nil
}

// findTask returns the task of a name.
func findTask(c *config.Config, taskName string) (config.Task, error) {
	names := make([]string, 0, len(c.Tasks))
	for _, t := range c.Tasks {
		if t.Name == taskName {
			return t, nil
		}
		names = append(names, t.Name)
	}
	err := fault.New(fault.Usage, "there is no task %s", visible(clipWord(taskName))).About(taskName)
	switch {
	case len(names) > 0:
		return config.Task{}, err.WithFix("one of %s", strings.Join(names, ", "))
	case c.Project == nil:
		return config.Task{}, err.WithFix("there is no %s here or above; tasks stand in it", config.FileName)
	}
	return config.Task{}, err.WithFix("add it under tasks: in %s", c.Project.Path)
}

func clipWord(s string) string { return s[:min(len(s), 64)] }

// completeTask offers the tasks of a project file that is trusted.
func (a *app) completeTask(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	c, err := a.trustedProject()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	for _, t := range c.Tasks {
		if strings.HasPrefix(t.Name, word) {
			all = append(all, cobra.CompletionWithDesc(t.Name, t.Description))
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
