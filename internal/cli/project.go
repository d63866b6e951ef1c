package cli

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
)

// project returns the configuration that applies here, for commands that can do without the project file: one that is not trusted is left
// out, and that is said once. A file that says, or may say, where secrets come from cannot be left out: another value than the one that
// the user means would be read, or written elsewhere. Then the error has class fault.Untrusted.
func (a *app) project() (*config.Config, error) {
	if a.settled != nil {
		return a.settled, nil
	}
	c, err := a.loadProject()
	if err != nil {
		return nil, err
	}
	if p := c.Project; p != nil && !p.Trusted {
		switch {
		case p.Foreign: // or anybody who may write above us could stop us
			a.out.Warning("%s", p.Refused.Error())
		case p.Refused != nil || p.DeclaresSecrets():
			return nil, untrusted(p)
		default:
			a.out.Notice("%s is left out: it is not trusted (tacit config trust)", p.Path)
		}
	}
	a.settled = c
	return c, nil
}

// trustedProject is project for commands that mean what stands in the project file: run, env, task, render, config get. One that is not
// trusted is an error of class fault.Untrusted.
func (a *app) trustedProject() (*config.Config, error) {
	if a.settled == nil {
		c, err := a.loadProject()
		if err != nil {
			return nil, err
		}
		a.settled = c
	}
	if p := a.settled.Project; p != nil && !p.Trusted {
		return nil, untrusted(p)
	}
	return a.settled, nil
}

// untrusted is the refusal of a project file.
func untrusted(f *config.File) error {
	if f.Refused != nil {
		return f.Refused
	}
	if problems := f.Problems(); len(problems) > 0 { // it cannot be trusted before it is mended
		return problems[0].Fault()
	}
	why := "is not trusted"
	if f.Changed {
		why = "is not what you trusted: it, or an env file that it names, changed"
	}
	return fault.New(fault.Untrusted, "%s %s", f.Path, why).About(f.Path).
		WithFix("tacit config trust shows what it wants and asks; --no-project leaves it out")
}

// loadProject reads the configuration, whatever the project file is.
func (a *app) loadProject() (*config.Config, error) {
	l := a.layout()
	o := config.Options{UserFile: a.configFile(l), Trust: config.NewTrust(l.State), Getenv: a.lookupenv}
	if !a.flags.noProject {
		dir, err := workingDirectory()
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // where nothing is there is no project
			return nil, err
		}
		o.Dir = dir
	}
	c, err := config.Load(o)
	if a.unseen != nil {
		return nil, a.unseen
	}
	if err == nil && c.Project != nil {
		a.log.Debug("project", "path", c.Project.Path, "trusted", c.Project.Trusted)
	}
	return c, err
}

// workingDirectory returns the directory that we are in as the system knows it, without symbolic links and whatever PWD says: a project is
// trusted at one path.
func workingDirectory() (string, error) {
	dir, err := syscall.Getwd()
	if err == nil && !filepath.IsAbs(dir) { // it was removed, or is out of reach (getcwd(2))
		err = fs.ErrNotExist
	}
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "find the working directory").WithFix("cd to a directory that is there, or --no-project")
	}
	return dir, nil
}

// lookupenv returns the value of an environment variable and whether it is set. What opens the vault is not there for a file to send
// somewhere or to run with (I12). Which variables of slots there are, the vault says, which need not be open for that; when it cannot,
// nothing is there.
func (a *app) lookupenv(variable string) (string, bool) {
	if isOurs(variable) {
		return "", false
	}
	if a.seen == nil && a.unseen == nil { // most configurations ask for no variable
		a.seen, a.unseen = a.storesEnvironment(context.Background())
	}
	for _, e := range a.seen {
		if v, ok := strings.CutPrefix(e, variable); ok && strings.HasPrefix(v, "=") {
			return v[1:], true
		}
	}
	return "", false
}

// statusProject says which project file applies here. What is wrong with one keeps nobody from seeing how the vault is.
func (a *app) statusProject() client.StatusProject {
	if a.flags.noProject {
		return client.StatusProject{}
	}
	dir, err := workingDirectory()
	if err != nil {
		return client.StatusProject{}
	}
	f, err := config.NewTrust(a.layout().State).Find(dir)
	if err != nil {
		return client.StatusProject{}
	}
	return projectStatus(f)
}

func projectLine(p client.StatusProject) string {
	if p.Path == nil || *p.Trusted {
		return deref(p.Path)
	}
	return *p.Path + " (not trusted)"
}
