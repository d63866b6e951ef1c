package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"tacit/internal/fault"
	"tacit/internal/paths"
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

// Bounds of the file (I08).
const (
	maxSize  = 1 << 20 // bytes
	maxDepth = 16
)

// ReadUser reads the file at path. A missing one says nothing. It must be the user's own and writable by nobody else, since it says
// what others may do. check says what is wrong with a permission; its error is given the line. Errors are of class fault.Usage, with
// the line, or fault.Permissions.
func ReadUser(path string, check func(who, rule string) error) (User, error) {
	f, err := paths.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return User{}, nil
	}
	if err != nil {
		return User{}, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return User{}, paths.Explain(err, path, "read %s", path)
	}
	u, err := ParseUser(text, check)
	if err != nil {
		return User{}, fault.New(fault.Usage, "%s: %v", path, err).About(path).WithFix("mend that line; docs/cli.md says what may stand there")
	}
	return u, nil
}

// ParseUser reads the text of the file. An error begins with the line.
func ParseUser(text []byte, check func(who, rule string) error) (u User, err error) {
	if len(text) > maxSize {
		return u, errors.New("line 1: the file is larger than 1 MiB")
	}
	if onlyComments(text) { // which is no document for the parser
		return u, nil
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth)))); err != nil {
		return u, notYAML(text, err)
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if err := plain(root); err != nil {
		return u, err
	}
	return u, members(root, func(key string, v *yaml.Node) error {
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
		if slices.Contains(later(), key) {
			return nil
		}
		return unknown(v, key)
	})
}

// later are the tables that have no meaning yet.
func later() []string {
	return []string{"env", "tasks", "profiles", "keyring", "file", "exec", "vault", "network", "services", "ai"}
}

// secrets reads the one key of that table that has a meaning yet.
func (u *User) secrets(n *yaml.Node) error {
	return members(n, func(key string, v *yaml.Node) error {
		switch {
		case key == "audit":
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
		case slices.Contains([]string{"default_provider", "overlap", "cache", "providers"}, key):
			return nil
		}
		return unknown(v, key)
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

// notYAML says why text is not YAML, and where.
func notYAML(text []byte, err error) error {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return errors.New("line 1: the file is not one YAML document")
	}
	line := min(max(e.Mark.Line, 1), bytes.Count(text, []byte("\n"))+1) // some errors stand after the end
	switch e.Stage {
	case yaml.ScannerStage, yaml.ParserStage:
		return fmt.Errorf("line %d: not valid YAML", line)
	case yaml.ComposerStage:
		return fmt.Errorf("line %d: anchors and aliases are not supported", line)
	}
	return fmt.Errorf("line %d: not valid YAML, or nested too deeply", line)
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// plain refuses what makes a short text long: a node that stands for another one.
func plain(n *yaml.Node) error {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return at(n, "anchors and aliases are not supported")
	}
	for _, c := range n.Content {
		if err := plain(c); err != nil {
			return err
		}
	}
	return nil
}

// members calls each with the members of a mapping.
func members(n *yaml.Node, each func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "expected keys with values")
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge":
			return at(k, "a key must be a word")
		case slices.Contains(seen, k.Value):
			return at(k, "%q is there twice", clip(k.Value))
		}
		seen = append(seen, k.Value)
		if err := each(k.Value, v); err != nil {
			return err
		}
	}
	return nil
}

func unknown(n *yaml.Node, key string) error { return at(n, "unknown key %q", clip(key)) }

func at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", max(n.Line, 1), fmt.Sprintf(format, args...))
}

// clip keeps an error line short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
