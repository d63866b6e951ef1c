package config

import (
	"strings"

	"tacit/internal/settings"
)

func (r *reader) tasks(v settings.Value) {
	r.table("tasks", v, nil, func(key string, v settings.Value) {
		if !isTaskName(key) {
			r.wrong(v.Place, CodeInvalid, "%q cannot be the name of a task: a letter or digit, then letters, digits, '-', '_', '.', ':'", clip(key))
		}
		r.c.Tasks = append(r.c.Tasks, r.task(key, v))
	})
}

func isTaskName(s string) bool {
	rest := strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:")
	return s != "" && len(s) <= 128 && rest == "" && !strings.ContainsRune("-_.:", rune(s[0]))
}

// task reads a task: a table, or only the command.
func (r *reader) task(key string, v settings.Value) Task {
	t := Task{Name: key, Place: v.Place}
	if v.Table == nil && v.List == nil && !v.Null {
		t.Steps = []Step{r.command(Step{}, v)}
		return t
	}
	var only Step // command and stdin beside the task's own keys
	hasCommand, hasSteps := false, false
	r.table("the task "+clip(key), v, taskKeys(), func(key string, v settings.Value) {
		switch key {
		case "description":
			t.Description = r.text(key, v)
		case "params":
			t.Params = r.params(v)
		case "env":
			t.Env = r.variables(key, v)
		case "command":
			only, hasCommand = r.command(only, v), true
		case "stdin":
			only = r.stdin(only, v)
		case "steps":
			t.Steps, hasSteps = r.steps(v), v.List == nil || len(v.List) > 0
		}
	})
	switch {
	case hasCommand && hasSteps:
		r.wrong(v.Place, CodeInvalid, "the task %s has both a command and steps", clip(key))
	case hasCommand:
		t.Steps = []Step{only}
	case only.HasStdin:
		r.wrong(only.StdinPlace, CodeInvalid, "stdin stands beside a command")
	case !hasSteps:
		r.wrong(v.Place, CodeInvalid, "the task %s has neither a command nor steps", clip(key))
	}
	return t
}

func (r *reader) steps(v settings.Value) []Step {
	if v.List == nil {
		r.wrong(v.Place, CodeInvalid, "steps is a list")
	}
	all := make([]Step, 0, len(v.List))
	for _, x := range v.List {
		if x.Table == nil && x.List == nil && !x.Null {
			all = append(all, r.command(Step{}, x))
			continue
		}
		var s Step
		hasCommand := false
		r.table("a step", x, stepKeys(), func(key string, v settings.Value) {
			switch key {
			case "name":
				s.Name = r.text(key, v)
			case "command":
				s, hasCommand = r.command(s, v), true
			case "env":
				s.Env = r.variables(key, v)
			case "stdin":
				s = r.stdin(s, v)
			}
		})
		if !hasCommand {
			r.wrong(x.Place, CodeInvalid, "a step has a command")
			continue
		}
		all = append(all, s)
	}
	return all
}

// command sets the command of a step.
func (r *reader) command(s Step, v settings.Value) Step {
	s.Command, s.Place = r.template("command", v), textPlace(v)
	if strings.TrimSpace(v.Text) == "" && v.Table == nil && v.List == nil && !v.Null {
		r.wrong(v.Place, CodeInvalid, "a command is not empty")
	}
	if strings.ContainsRune(v.Text, 0) {
		r.wrong(v.Place, CodeInvalid, "a command holds no NUL")
	}
	return s
}

func (r *reader) stdin(s Step, v settings.Value) Step {
	s.Stdin, s.HasStdin, s.StdinPlace = r.template("stdin", v), true, textPlace(v)
	return s
}

// params reads the list of parameters: names, or tables with name, description and default.
func (r *reader) params(v settings.Value) []Param {
	if v.List == nil {
		r.wrong(v.Place, CodeInvalid, "params is a list")
		return nil
	}
	var all []Param
	for _, x := range v.List {
		p := Param{Place: x.Place}
		if x.Table == nil {
			p.Name = r.text("a parameter", x)
		} else {
			r.table("a parameter", x, paramKeys(), func(key string, v settings.Value) {
				switch key {
				case "name":
					p.Name = r.text(key, v)
				case "description":
					p.Description = r.text(key, v)
				case "default":
					p.Default, p.HasDefault = r.template(key, v), true
				}
			})
		}
		if !isVariable(strings.ReplaceAll(p.Name, "-", "_")) {
			r.wrong(x.Place, CodeInvalid, "a parameter has a name: a letter, then letters, digits, '-', '_'")
			continue
		}
		for _, other := range all {
			if other.Name == p.Name {
				r.wrong(x.Place, CodeInvalid, "the parameter %s is there twice", clip(p.Name))
			}
		}
		all = append(all, p)
	}
	return all
}
