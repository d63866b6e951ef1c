package envelope

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"

	"tacit/internal/envelope/ageplugin"
	"tacit/internal/fault"
)

// identity is one private key that was found, and where.
type identity struct {
	age     age.Identity
	how     howOpened
	plugin  string // name of the age plugin that has the key
	code    string // how == byPlugin: "AGE-PLUGIN-…"
	from    string // the file or variable
	publish func() string
}

// howOpened orders identities by what using one costs the user.
type howOpened int

const (
	native   howOpened = iota // an age key: microseconds
	bySSH                     // an ssh key, which may ask for its passphrase
	byPlugin                  // a program, which may ask for anything
)

// recipient returns the public key, in the form of [Slot.Recipient]; empty if only a plugin knows.
func (i identity) recipient() string {
	if i.publish == nil {
		return ""
	}
	return i.publish()
}

// mayOpen says whether it makes sense to try i on s. Age keys are tried on everything: that is cheaper than comparing.
func (i identity) mayOpen(s Slot) bool {
	switch {
	case s.Kind.NeedsUser():
		return false
	case i.how == native:
		return true
	case i.how == bySSH:
		return s.Recipient == i.recipient()
	}
	return s.Plugin != "" && pluginOf(s.Plugin) == i.plugin
}

// pluginOf returns the name of the plugin whose program is at path, or "" if it has not the name of a plugin's.
func pluginOf(path string) string {
	name, ok := strings.CutPrefix(strings.TrimSuffix(filepath.Base(path), ".exe"), pluginPrefix)
	if !ok {
		return ""
	}
	return name
}

const pluginPrefix = "age-plugin-"

// readIdentities returns the identities in a file: what age-keygen or a plugin wrote, or an ssh private key.
func (o *Opener) readIdentities(ctx context.Context, path string) ([]identity, error) {
	b, err := readPrivate(path, maxIdentityFile)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return o.parseIdentities(ctx, b, path)
}

// parseIdentities returns the identities in text, which comes from a file or variable. Errors never quote it.
func (o *Opener) parseIdentities(ctx context.Context, text []byte, from string) ([]identity, error) {
	if bytes.HasPrefix(text, []byte("-----BEGIN")) {
		i, err := o.parseSSH(ctx, bytes.Clone(text), from)
		if err != nil {
			return nil, err
		}
		return []identity{i}, nil
	}
	if bytes.HasPrefix(text, []byte("age-encryption.org/")) {
		return nil, fault.New(fault.Invalid, "%s is encrypted itself", from).WithFix("decrypt it: age -d %s", shellQuote(from))
	}
	var ids []identity
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		i, err := parseIdentity(string(line), from)
		if err != nil {
			return nil, fault.New(fault.Invalid, "%s, line %d: no age identity", from, n)
		}
		ids = append(ids, i)
	}
	if len(ids) == 0 {
		return nil, fault.New(fault.Invalid, "%s holds no age identity", from)
	}
	return ids, nil
}

func parseIdentity(line, from string) (identity, error) {
	switch {
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		k, err := age.ParseHybridIdentity(line)
		if err != nil {
			return identity{}, err
		}
		return identity{age: k, from: from, publish: func() string { return k.Recipient().String() }}, nil
	case strings.HasPrefix(line, "AGE-SECRET-KEY-1"):
		k, err := age.ParseX25519Identity(line)
		if err != nil {
			return identity{}, err
		}
		return identity{age: k, from: from, publish: func() string { return k.Recipient().String() }}, nil
	}
	name, _, err := plugin.ParseIdentity(line)
	if err != nil {
		return identity{}, err
	}
	return identity{how: byPlugin, plugin: name, code: line, from: from}, nil
}

// parseSSH returns the identity of an ssh private key; an encrypted one asks for its passphrase when it is used, and only then.
func (o *Opener) parseSSH(ctx context.Context, pem []byte, path string) (identity, error) {
	i := identity{how: bySSH, from: path}
	public := func(k ssh.PublicKey) func() string { return func() string { return sshRecipient(k) } }
	k, err := ssh.ParsePrivateKey(pem)
	if err == nil {
		i.publish = public(k.PublicKey())
		i.age, err = agessh.ParseIdentity(pem)
	} else if locked := new(ssh.PassphraseMissingError); errors.As(err, &locked) && locked.PublicKey != nil {
		i.publish = public(locked.PublicKey)
		i.age, err = agessh.NewEncryptedSSHIdentity(locked.PublicKey, pem, func() ([]byte, error) {
			if o.Ask == nil {
				return nil, errors.New("there is no terminal to ask for its passphrase on")
			}
			p, err := o.Ask(ctx, "Passphrase of "+path+": ")
			return p.Reveal(), err
		})
	}
	if err != nil {
		return identity{}, fault.New(fault.Invalid, "%s: no ssh-ed25519 or ssh-rsa key that can be read", path)
	}
	return i, nil
}

func sshRecipient(k ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

// defaultIdentity is a plugin's identity without data.
func defaultIdentity(name string) identity {
	return identity{how: byPlugin, plugin: name, code: plugin.EncodeIdentity(name, nil), from: pluginPrefix + name}
}

// identitiesOf returns the identities in the place that the slot itself names.
func (o *Opener) identitiesOf(ctx context.Context, s Slot) ([]identity, error) {
	switch s.Kind {
	case SlotKeyFile:
		return o.readIdentities(ctx, s.Path)
	case SlotEnv:
		return o.parseIdentities(ctx, []byte(o.Getenv(s.Env)), "variable "+s.Env)
	}
	return nil, fault.New(fault.Failed, "%s names no place", s.name())
}

// pluginAt returns the plugin whose program is at path, as a slot says.
func (o *Opener) pluginAt(ctx context.Context, path string) (ageplugin.Plugin, error) {
	name := pluginOf(path)
	if name == "" || !filepath.IsAbs(path) {
		return ageplugin.Plugin{}, fault.New(fault.Invalid, "%q is no age plugin", path)
	}
	if err := checkProgram(path); err != nil {
		return ageplugin.Plugin{}, err
	}
	p := ageplugin.Plugin{Name: name, Path: path, Env: pluginEnv(o.Environ), UI: ageplugin.UI{Tell: o.Tell}}
	if o.Ask == nil {
		return p, nil
	}
	p.UI.Ask = func(prompt string, _ bool) (string, error) {
		v, err := o.Ask(ctx, prompt+": ")
		return string(v.Reveal()), err
	}
	p.UI.Confirm = func(prompt, yes, no string) (bool, error) {
		if no != "" {
			yes += "/" + no
		}
		v, err := o.Ask(ctx, prompt+" ("+yes+"): ")
		// Enter is yes where there is only one answer.
		answer := strings.ToLower(string(v.Reveal()))
		return err == nil && (no == "" || answer != "" && strings.HasPrefix(strings.ToLower(yes), answer)), err
	}
	return p, nil
}

// pluginEnv returns the environment for an age plugin: without tacit's passphrases, identities and tokens, and without anything
// that holds an age identity, as the variable of an environment slot does, whatever its name (I12).
func pluginEnv(environ []string) []string {
	out := make([]string, 0, len(environ))
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		switch name = strings.ToUpper(name); {
		case strings.HasPrefix(name, "TACIT_PASSPHRASE"), strings.HasPrefix(name, "TACIT_IDENTITY"), name == "TACIT_TOKEN":
		case strings.Contains(value, "AGE-SECRET-KEY-"), strings.Contains(value, "AGE-PLUGIN-"):
		default:
			out = append(out, v)
		}
	}
	return out
}
