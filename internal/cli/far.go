package cli

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tacit/internal/agent"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/remote"
)

// probeTime bounds how long a command waits for an agent to say how it is. It says so within a millisecond or is stuck.
const probeTime = 3 * time.Second

// askOwner is the way out for a program that was given a token. Never "unset TACIT_TOKEN": that would tell an agent that its harness
// confines with one how to become the owner.
const askOwner = "ask the owner of the vault"

// far returns what answers this command from a distance: what TACIT_ADDR and TACIT_TOKEN say, else the agent of this vault if it
// is unlocked; nil: this process opens the vault itself.
func (a *app) far() (keeper.API, error) {
	token, addr := a.getenv("TACIT_TOKEN"), a.getenv("TACIT_ADDR")
	if addr != "" {
		if err := checkAddr(addr); err != nil {
			return nil, err
		}
	}
	switch {
	case token != "" && a.flags.noAgent:
		return nil, fault.New(fault.Usage, "TACIT_TOKEN is set and --no-agent forbids what could answer it").
			WithFix("leave --no-agent out")
	case token == "" && addr == "":
		if c := a.unlockedAgent(); c != nil {
			return c, nil
		}
		return nil, nil
	}
	path, local := strings.CutPrefix(addr, "unix:")
	switch {
	case local && a.flags.noAgent:
		return nil, fault.New(fault.Usage, "TACIT_ADDR names an agent and --no-agent forbids to ask it").WithFix("unset TACIT_ADDR")
	case addr == "":
		path, local = a.layout().Socket, true
		if _, err := os.Lstat(path); err != nil {
			return nil, fault.New(fault.Locked, "TACIT_TOKEN is set and there is no agent or server to answer it").WithFix(askOwner + ": tacit unlock")
		}
	}
	if local {
		c := agent.Connect(path, a.world.Version, token)
		if addr != "" && token != "" && !strings.HasPrefix(token, scriptToken) {
			c.Foreign()
		}
		switch {
		case addr != "" && token != "":
			c.Insist(fault.New(fault.Locked, "no agent answers at %s, which TACIT_ADDR names", path).WithFix(askOwner + ": tacit unlock"))
		case addr != "":
			c.Insist(fault.New(fault.Unavailable, "no agent answers at %s, which TACIT_ADDR names", path).WithFix("unset TACIT_ADDR to use the vault on this machine"))
		}
		return c, nil
	}
	return remote.New(remote.Options{BaseURL: addr, Token: token, Version: a.world.Version}), nil
}

// distant reports whether the environment says to ask somebody else than the vault of this machine.
func (a *app) distant() bool { return a.getenv("TACIT_TOKEN") != "" || a.getenv("TACIT_ADDR") != "" }

// refuseDistance fails for what takes the vault itself when the environment says to ask somebody else.
func (a *app) refuseDistance() error {
	refuse := func(variable, fix string) error {
		return fault.New(fault.Denied, "only the owner may do this, on the vault itself, and %s says to ask somebody else", variable).WithFix("%s", fix)
	}
	switch {
	case a.getenv("TACIT_TOKEN") != "":
		return refuse("TACIT_TOKEN", askOwner)
	case a.getenv("TACIT_ADDR") != "":
		return refuse("TACIT_ADDR", "unset TACIT_ADDR")
	}
	return nil
}

// unlockedAgent returns the agent of this vault if it is unlocked and of our version; else nil.
func (a *app) unlockedAgent() *agent.Client {
	if a.flags.noAgent {
		return nil
	}
	question := (*agent.Client).Hello
	if a.looking {
		question = (*agent.Client).AgentStatus
	}
	c, r, err := a.askAgent(question)
	switch {
	case err == nil && !r.Locked && *r.Version == a.world.Version:
		return c
	case err == nil && *r.Version != a.world.Version:
		a.out.Notice("the agent is tacit %s and this is %s, so it is not used; tacit agent stop ends it", visible(*r.Version), a.world.Version)
	case err != nil && !agent.NotRunning(err):
		a.out.Warning("the agent is not used: %s", err.Error())
	}
	if err == nil {
		_ = c.Close()
	}
	return nil
}

// askAgent connects to the agent of this vault and asks it one of the questions that it answers with a report. An agent of
// another vault at our socket is as good as none. The caller closes the client that comes without an error.
func (a *app) askAgent(question func(*agent.Client, context.Context) (agent.Report, error)) (*agent.Client, agent.Report, error) {
	l := a.layout()
	if err := agent.Absent(l.Socket); err != nil {
		a.log.Debug("agent", "socket", l.Socket, "error", err)
		return nil, agent.Report{}, err
	}
	c := agent.Connect(l.Socket, a.world.Version, "")
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	r, err := question(c, ctx)
	if err == nil && r.Vault != l.Vault {
		err = agent.ErrNotRunning
	}
	if err == nil && r.Version == nil {
		err = fault.New(fault.Unavailable, "it does not say what it is")
	}
	a.log.Debug("agent", "socket", l.Socket, "error", err, "locked", r.Locked)
	if err != nil {
		_ = c.Close()
		return nil, r, err
	}
	return c, r, nil
}

// lockAgent makes an agent of this vault forget keys that open it no more. Without one there is nothing to do.
func (a *app) lockAgent(ctx context.Context) error {
	c, r, err := a.askAgent((*agent.Client).AgentStatus)
	if err != nil {
		return nil // nobody there
	}
	defer c.Close()
	if r.Locked {
		return nil
	}
	return c.Lock(ctx)
}

// checkAddr refuses an address that no version would use: a secret must not travel in clear to another machine.
func checkAddr(addr string) error {
	bad := func(why string) error {
		return fault.New(fault.Usage, "TACIT_ADDR: %s", why).WithFix("write unix:/path/to/agent.sock or https://host")
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return bad("the path of the socket is not absolute")
		}
		return nil
	}
	u, err := url.Parse(addr)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return bad("not an address")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"):
		return nil
	}
	return bad("only https, or http to this machine")
}
