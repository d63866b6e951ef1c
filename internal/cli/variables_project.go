package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/interpolate"
)

// projectVariables returns the variables of the project file with the profiles over it: those of its env files, then its env.
func (a *app) projectVariables(ctx context.Context, profiles []string) ([]planned, error) {
	c, err := a.trustedProject()
	if err == nil {
		c, err = c.WithProfiles(profiles...)
	}
	if err != nil {
		return nil, err
	}
	var all []planned
	for _, f := range c.EnvFiles {
		if f.Err != nil {
			return nil, fault.Wrap(fault.Usage, f.Err, "%s, line %d", f.Place.File, f.Place.Line).About(f.Path)
		}
		of, err := a.envLines(f.Path, bytes.NewReader(f.Text))
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	own, err := a.planOf(ctx, c, nil, c.Env)
	return append(all, own...), err
}

// planOf makes variables of a configuration, a task or a step ready to be read: what their variables stand for is put in.
func (a *app) planOf(ctx context.Context, c *config.Config, params map[string]string, env []config.Variable) ([]planned, error) {
	if len(env) == 0 {
		return nil, nil
	}
	environ, err := a.runEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]planned, 0, len(env))
	for _, v := range env {
		flat, err := v.Value.Flatten(withEnvironment(c.Lookup(v.Place.File, params), environ))
		if err == nil {
			err = handoff.CheckName(v.Name)
		}
		if err != nil {
			return nil, config.At(v.Place, err)
		}
		all = append(all, planned{name: v.Name, value: flat, place: fmt.Sprintf("%s, line %d", v.Place.File, v.Place.Line)})
	}
	return all, nil
}

// lookup says what ${env.X}, ${vars.x} and ${params.x} stand for in a text of a file. Of the environment it knows what a program may see:
// what opens the vault is not handed on under another name (I12).
func (a *app) lookup(ctx context.Context, c *config.Config, file string, params map[string]string) (interpolate.Lookup, error) {
	environ, err := a.runEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	return withEnvironment(c.Lookup(file, params), environ), nil
}

// withEnvironment is a lookup with another environment.
func withEnvironment(all interpolate.Lookup, environ []string) interpolate.Lookup {
	return func(table, key string) (interpolate.Template, bool, error) {
		if table != interpolate.Env {
			return all(table, key)
		}
		for _, e := range environ {
			if value, ok := strings.CutPrefix(e, key+"="); ok {
				return interpolate.Text(value), true, nil
			}
		}
		return nil, false, nil
	}
}
