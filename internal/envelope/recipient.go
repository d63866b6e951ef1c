package envelope

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"

	"tacit/internal/fault"
)

// lock is what a slot or backup is encrypted to.
type lock struct {
	age         age.Recipient
	recipient   string // as in [Slot.Recipient]
	postQuantum bool
	plugin      string // as in [Slot.Plugin]
}

// parseRecipient returns the lock that a recipient names. pluginPath is the plugin's program, or empty: it is looked for.
func (o *Opener) parseRecipient(ctx context.Context, s, pluginPath string) (lock, error) {
	s = strings.TrimSpace(s)
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "invalid recipient %.40q: %s", s, why).
			WithFix("recipients are age1…, age1pq1…, age1PLUGIN1…, ssh-ed25519 … and ssh-rsa …")
	}
	switch {
	case strings.HasPrefix(strings.ToUpper(s), "AGE-"):
		return lock{}, fault.New(fault.Invalid, "that is a private key, not a recipient").WithFix("print its recipient: age-keygen -y FILE")
	case strings.HasPrefix(s, "age1pq1"):
		r, err := age.ParseHybridRecipient(s)
		if err != nil {
			return lock{}, invalid("damaged")
		}
		return lock{age: r, recipient: r.String(), postQuantum: true}, nil
	case strings.HasPrefix(s, "age1") && strings.Count(s, "1") > 1:
		return o.pluginRecipient(ctx, s, pluginPath)
	case strings.HasPrefix(s, "age1"):
		r, err := age.ParseX25519Recipient(s)
		if err != nil {
			return lock{}, invalid("damaged")
		}
		return lock{age: r, recipient: r.String()}, nil
	case strings.HasPrefix(s, "ssh-"):
		k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s))
		if err != nil {
			return lock{}, invalid("no ssh public key")
		}
		r, err := agessh.ParseRecipient(sshRecipient(k))
		if err != nil {
			return lock{}, invalid("only ssh-ed25519, and ssh-rsa of 2048 bits or more")
		}
		return lock{age: r, recipient: sshRecipient(k)}, nil
	}
	return lock{}, invalid("unknown kind")
}

func (o *Opener) pluginRecipient(ctx context.Context, s, path string) (lock, error) {
	name, _, err := plugin.ParseRecipient(s)
	if err != nil {
		return lock{}, fault.New(fault.Invalid, "invalid recipient %.40q: damaged", s)
	}
	if path, err = o.findPlugin(name, path); err != nil {
		return lock{}, err
	}
	p, err := o.pluginAt(ctx, path)
	if err != nil {
		return lock{}, err
	}
	return lock{age: p.Recipient(ctx, s), recipient: s, plugin: path}, nil
}

// findPlugin returns the absolute path of a plugin's program: path, if a slot gave one for this plugin, else what PATH says now.
func (o *Opener) findPlugin(name, path string) (string, error) {
	if path != "" {
		if pluginOf(path) != name {
			return "", fault.New(fault.Invalid, "%s is not age-plugin-%s", path, name)
		}
		return path, nil
	}
	look := o.LookPath
	if look == nil {
		look = exec.LookPath
	}
	path, err := look(pluginPrefix + name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "no age plugin %q", name).WithFix("install %s%s where PATH finds it", pluginPrefix, name)
	}
	return path, nil
}

// lockOf returns the lock that the best of several identities opens: post-quantum, else classic, else a plugin's.
func (o *Opener) lockOf(ctx context.Context, ids []identity, pluginPath string) (lock, error) {
	best := lock{}
	for _, i := range ids {
		switch k := i.age.(type) {
		case *age.HybridIdentity:
			return lock{age: k.Recipient(), recipient: i.recipient(), postQuantum: true}, nil
		case *age.X25519Identity:
			if best.age == nil {
				best = lock{age: k.Recipient(), recipient: i.recipient()}
			}
		}
	}
	if best.age != nil {
		return best, nil
	}
	for _, i := range ids {
		if i.how != byPlugin {
			continue
		}
		path, err := o.findPlugin(i.plugin, pluginPath)
		if err != nil {
			return lock{}, err
		}
		p, err := o.pluginAt(ctx, path)
		if err != nil {
			return lock{}, err
		}
		return lock{age: p.Recipient(ctx, i.code), plugin: path}, nil
	}
	return lock{}, errNoLock
}

// errNoLock is the answer to a file that holds nothing but an ssh key.
var errNoLock = errors.New("it holds no age identity")

// lockOf returns what the slot is encrypted to, to encrypt something else to it. Not for those that take a passphrase.
func (s Slot) lockOf(ctx context.Context, o *Opener) (lock, error) {
	if s.Recipient != "" {
		return o.parseRecipient(ctx, s.Recipient, s.Plugin)
	}
	// The key of a plugin that gives no recipient away: encrypting takes the identity.
	ids, err := o.identitiesOf(ctx, s)
	if err != nil {
		return lock{}, err
	}
	return o.lockOf(ctx, ids, s.Plugin)
}
