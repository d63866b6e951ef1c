package cli

import (
	"os/user"
	"reflect"
	"strconv"
	"sync/atomic"

	"tacit/internal/agent"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
)

// agentSettings is the user's configuration as the agent has it, which this process is: as it was when the agent was started, and as
// it was last read.
type agentSettings struct {
	read    func() (config.User, agent.Shared, error)
	started config.User
	shared  agent.Shared // the socket cannot change while the agent runs
	now     atomic.Pointer[config.User]
}

// newAgentSettings reads the configuration for the first time.
func (a *app) newAgentSettings(l paths.Layout) (*agentSettings, error) {
	s := &agentSettings{read: func() (u config.User, shared agent.Shared, err error) {
		if u, err = a.userConfig(l); err != nil {
			return u, shared, err
		}
		if _, err = accessOf(u); err != nil {
			return u, shared, err
		}
		shared, err = sharedSocket(u, l)
		return u, shared, err
	}}
	u, shared, err := s.read()
	s.started, s.shared = u, shared
	s.now.Store(&u)
	return s, err
}

// sharedSocket is what the configuration says of one.
func sharedSocket(u config.User, l paths.Layout) (agent.Shared, error) {
	s := agent.Shared{Path: u.SharedSocket, Group: -1}
	if u.SharedGroup == "" {
		return s, nil
	}
	g, err := user.LookupGroup(u.SharedGroup)
	if err == nil {
		s.Group, err = strconv.Atoi(g.Gid)
	}
	if err != nil {
		return s, fault.New(fault.Usage, "agent.shared_group: there is no group %s", visible(u.SharedGroup)).About(l.Config)
	}
	return s, nil
}

// access is what keepers of the agent are told.
func (s *agentSettings) access() (keeper.Config, error) { return accessOf(*s.now.Load()) }

// reload reads the configuration again. An error changes nothing.
func (s *agentSettings) reload() (r agent.Reloaded, err error) {
	u, _, err := s.read()
	if err != nil {
		return r, err
	}
	before := s.now.Swap(&u)
	for _, setting := range []struct {
		name string
		live bool
		of   func(config.User) any
	}{
		{"access_control.default_permissions", true, func(u config.User) any { return u.DefaultPermissions }},
		{"access_control.enforce", true, func(u config.User) any { return u.Unenforced }},
		{"agent.shared_socket", false, func(u config.User) any { return u.SharedSocket }},
		{"agent.shared_group", false, func(u config.User) any { return u.SharedGroup }},
		{"proxy.listen", false, func(u config.User) any { return u.ProxyListen }},
	} {
		if !reflect.DeepEqual(setting.of(*before), setting.of(u)) {
			r.Changed = append(r.Changed, setting.name)
		}
		if !setting.live && !reflect.DeepEqual(setting.of(s.started), setting.of(u)) {
			r.NeedsRestart = append(r.NeedsRestart, setting.name)
		}
	}
	return r, nil
}
