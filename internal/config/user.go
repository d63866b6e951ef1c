package config

import (
	"net/netip"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"tacit/internal/fault"
	"tacit/internal/when"
)

// User is what config.yaml says.
type User struct {
	// DefaultPermissions are the rules that principals have without a grant: from "agent" (all of them) or "agent/claude" to the rules
	// as they are written.
	DefaultPermissions map[string][]string
	// Unenforced: what policy denies is recorded and not refused.
	Unenforced bool

	// Retain is how long the records of the audit log are kept at the least; 0: as long as tacit thinks.
	Retain time.Duration

	// SharedSocket is where other users of the machine reach the agent, with a token; empty: nowhere. SharedGroup is whose members
	// may connect; empty: the group that the system gives it.
	SharedSocket, SharedGroup string

	// ProxyListen is where base-URL mode listens, an address of this machine with a port; empty: on a port that is free.
	ProxyListen string
}

// ReadUser reads the file at path. A missing one says nothing. It must be the user's own and writable by nobody else, since it says
// what others may do. check says what is wrong with a permission; its error is given the line. Errors are of class fault.Usage, with
// the line, or fault.Permissions.
func ReadUser(path string, check func(who, rule string) error) (User, error) {
	text, err := readOwn(path)
	if err != nil || text == nil {
		return User{}, err
	}
	u, err := ParseUser(text, check)
	if err != nil {
		return User{}, fault.New(fault.Usage, "%s: %v", path, err).About(path).WithFix("mend that line; docs/cli.md says what may stand there")
	}
	return u, nil
}

// ParseUser reads the text of the file. An error begins with the line.
func ParseUser(text []byte, check func(who, rule string) error) (u User, err error) {
	root, problem := document(text)
	if problem != nil {
		return u, problem
	}
	if root == nil {
		return u, nil
	}
	if err := u.read(root, check); err != nil {
		return u, err
	}
	r := reader{}
	r.decode(value(root, "").Table)
	if len(r.problems) > 0 {
		return u, &r.problems[0]
	}
	return u, nil
}

// read reads the tables that only the user's file has.
func (u *User) read(root *yaml.Node, check func(who, rule string) error) error {
	return members(root, func(key string, v *yaml.Node) error {
		switch key {
		case "access_control":
			return u.accessControl(v, check)
		case "agent":
			return u.agent(v)
		case "secrets":
			return u.secrets(v)
		case "proxy":
			return u.proxy(v)
		}
		if isOne(key, ownKeys()...) {
			return nil
		}
		return unknown(v, key)
	})
}

// userKeys are the tables that only the user's file has: they say what others may do.
func userKeys() []string { return []string{"access_control", "agent", "proxy", "vault"} }

// later are the tables that have no meaning yet.
func later() []string {
	return []string{"keyring", "file", "exec", "vault", "network", "services", "ai"}
}

// ownKeys are the tables that the user's file may have.
func ownKeys() []string { return slices.Concat(userKeys(), later(), projectKeys()) }

// secrets reads the one key of that table that only the user's file has.
func (u *User) secrets(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return nil // the reader of what projects have too says so
	}
	return members(n, func(key string, v *yaml.Node) error {
		if key != "audit" {
			return nil
		}
		return members(v, func(key string, v *yaml.Node) error {
			if key != "retain" {
				return unknown(v, key)
			}
			d, err := when.Duration(v.Value)
			if v.Kind != yaml.ScalarNode || err != nil {
				return at(v, "retain is a duration, such as 7y")
			}
			if d < minRetain {
				return at(v, "retain is at least 90d")
			}
			u.Retain = d
			return nil
		})
	})
}

// minRetain is what the log keeps in any case.
const minRetain = 90 * 24 * time.Hour

func (u *User) proxy(n *yaml.Node) error {
	return members(n, func(key string, v *yaml.Node) error {
		if key != "listen" {
			return unknown(v, key)
		}
		if on, err := netip.ParseAddrPort(v.Value); v.Kind != yaml.ScalarNode || err != nil || !on.Addr().IsLoopback() {
			return at(v, "listen is an address of this machine, such as 127.0.0.1:7717")
		}
		u.ProxyListen = v.Value
		return nil
	})
}

func (u *User) agent(n *yaml.Node) error {
	return members(n, func(key string, v *yaml.Node) error {
		to := map[string]*string{"shared_socket": &u.SharedSocket, "shared_group": &u.SharedGroup}[key]
		if to == nil {
			return unknown(v, key)
		}
		if v.Kind != yaml.ScalarNode || v.Value == "" {
			return at(v, "%s is a line of text", key)
		}
		*to = v.Value
		return nil
	})
}

func (u *User) accessControl(n *yaml.Node, check func(who, rule string) error) error {
	return members(n, func(key string, v *yaml.Node) error {
		switch key {
		case "default_permissions":
			u.DefaultPermissions = map[string][]string{}
			return members(v, func(who string, rules *yaml.Node) error {
				if rules.Kind != yaml.SequenceNode {
					return at(rules, "%q must be a list of rules", who)
				}
				for _, rule := range rules.Content {
					if rule.Kind != yaml.ScalarNode {
						return at(rule, "a rule is a line of text, such as 'read ci/*'")
					}
					if err := check(who, rule.Value); err != nil {
						return at(rule, "%v", err)
					}
					u.DefaultPermissions[who] = append(u.DefaultPermissions[who], rule.Value)
				}
				return nil
			})
		case "enforce":
			if v.Tag != "!!bool" || v.Value != "true" && v.Value != "false" {
				return at(v, "enforce is true or false")
			}
			u.Unenforced = v.Value == "false"
			return nil
		}
		return unknown(v, key)
	})
}
