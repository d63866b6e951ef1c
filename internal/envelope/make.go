package envelope

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// Make returns a new slot that holds root, of the epoch, and what must be said about it. Its Seal is yet to be set: see
// [Slot.Sign]. What a slot needs outside the vault (a key file, an item in the keyring) exists when Make returns; if the slot
// is not stored after all, [Opener.Discard] removes the latter.
func (o *Opener) Make(ctx context.Context, id, vaultID string, spec Spec, epoch uint32, root *Root) (Slot, Made, error) {
	s := Slot{ID: id, Kind: spec.Kind, Label: spec.Label, Epoch: epoch, CreatedAt: o.Now().UTC().Truncate(time.Second)}
	if !validLabel(s.Label) {
		return Slot{}, Made{}, fault.New(fault.Invalid, "invalid label").WithFix("at most %d characters, none of them control characters", maxLabel)
	}
	l, made, err := o.makeLock(ctx, &s, vaultID, spec)
	if err != nil {
		return Slot{}, Made{}, err
	}
	s.Recipient, s.PostQuantum, s.Plugin = l.recipient, l.postQuantum, l.plugin
	if s.Age, err = encryptRoot(root, l.age); err != nil {
		return Slot{}, Made{}, s.failed(fault.Failed, err)
	}
	return s, made, nil
}

func (o *Opener) makeLock(ctx context.Context, s *Slot, vaultID string, spec Spec) (lock, Made, error) {
	switch spec.Kind {
	case SlotPassphrase:
		if err := CheckPassphrase(spec.Passphrase); err != nil {
			return lock{}, Made{}, err
		}
		r, err := o.scryptRecipient(spec.Passphrase.Reveal())
		return lock{age: r}, Made{}, err
	case SlotRecovery:
		return o.recoveryLock()
	case SlotKeyFile:
		return o.keyFileLock(ctx, s, spec.Path)
	case SlotKeyring:
		return o.keyringLock(ctx, s, vaultID)
	case SlotEnv:
		return o.envLock(ctx, s, spec.Env)
	case SlotRecipient:
		l, err := o.parseRecipient(ctx, spec.Recipient, "")
		return l, Made{}, err
	}
	return lock{}, Made{}, fault.New(fault.Usage, "unknown kind of slot %q", spec.Kind).
		WithFix("kinds are passphrase, recovery, key-file, keyring, env, recipient")
}

func (o *Opener) recoveryLock() (lock, Made, error) {
	phrase, err := o.newRecovery()
	if err != nil {
		return lock{}, Made{}, err
	}
	r, err := o.scryptRecipient(phrase.Reveal())
	return lock{age: r}, Made{Phrase: phrase, Notice: "Write the recovery phrase down: it is shown once and opens the vault."}, err
}

func (o *Opener) keyFileLock(ctx context.Context, s *Slot, path string) (lock, Made, error) {
	if path == "" {
		return lock{}, Made{}, fault.New(fault.Usage, "a key-file slot needs the path of a file")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return lock{}, Made{}, fault.Wrap(fault.Invalid, err, "key file %s", path)
	}
	s.Path = path
	ids, err := o.readIdentities(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return o.newKeyFile(path)
	}
	if err != nil {
		return lock{}, Made{}, fault.Wrap(fault.Invalid, err, "key file")
	}
	l, err := o.lockOf(ctx, ids, "")
	if errors.Is(err, errNoLock) {
		err = fault.New(fault.Invalid, "%s is an ssh key", path).WithFix("add its public key: tacit slot add recipient \"$(cat %s.pub)\"", shellQuote(path))
	}
	return l, Made{}, err
}

func (o *Opener) newKeyFile(path string) (lock, Made, error) {
	k, err := age.GenerateHybridIdentity()
	if err != nil {
		return lock{}, Made{}, err
	}
	recipient := k.Recipient().String()
	text := fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", o.Now().UTC().Format(time.RFC3339), recipient, k)
	defer clear(text)
	if err := createPrivate(path, text); err != nil {
		return lock{}, Made{}, fault.Wrap(fault.Failed, err, "create key file")
	}
	notice := "Created " + path + ": whoever can read it can open the vault, and without it this slot is lost."
	return lock{age: k.Recipient(), recipient: recipient, postQuantum: true}, Made{Notice: notice}, nil
}

func (o *Opener) keyringLock(ctx context.Context, s *Slot, vaultID string) (lock, Made, error) {
	if o.Keyring == nil {
		return lock{}, Made{}, errNoKeyring(errors.New("this system has none"))
	}
	if err := o.probeKeyring(ctx); err != nil {
		return lock{}, Made{}, errNoKeyring(err)
	}
	k, err := age.GenerateHybridIdentity()
	if err != nil {
		return lock{}, Made{}, err
	}
	text := []byte(k.String())
	defer clear(text)
	if err := o.Keyring.Store(ctx, vaultID, s.ID, text); err != nil {
		return lock{}, Made{}, errNoKeyring(err)
	}
	// A keyring that forgets what it was given (one for the session only, say) is found out now, not at the next login.
	back, err := o.Keyring.Load(ctx, vaultID, s.ID)
	if err == nil && string(back) != string(text) {
		err = errors.New("it did not give back what was stored")
	}
	clear(back)
	if err != nil {
		return lock{}, Made{}, errNoKeyring(err)
	}
	return lock{age: k.Recipient(), recipient: k.Recipient().String(), postQuantum: true}, Made{}, nil
}

func errNoKeyring(err error) error {
	return fault.Wrap(fault.Unavailable, err, "use the keyring").WithFix("use a passphrase or a key file instead")
}

func (o *Opener) envLock(ctx context.Context, s *Slot, name string) (lock, Made, error) {
	if !validEnvName(name) {
		return lock{}, Made{}, fault.New(fault.Invalid, "invalid variable name %q", name)
	}
	s.Env = name
	if text := o.Getenv(name); text != "" {
		ids, err := o.parseIdentities(ctx, []byte(text), "variable "+name)
		if err != nil {
			return lock{}, Made{}, err
		}
		l, err := o.lockOf(ctx, ids, "")
		if errors.Is(err, errNoLock) {
			err = fault.New(fault.Invalid, "variable %s holds no age identity", name)
		}
		return l, Made{}, err
	}
	k, err := age.GenerateHybridIdentity()
	if err != nil {
		return lock{}, Made{}, err
	}
	made := Made{Phrase: secret.New([]byte(k.String())), Notice: "Set " + name + " to this identity where the vault shall open: it is shown once."}
	return lock{age: k.Recipient(), recipient: k.Recipient().String(), postQuantum: true}, made, nil
}

// Remake returns s for the next root key: the same lock around another key. A passphrase slot asks for its passphrase (or takes
// TACIT_PASSPHRASE), which must open s as it is now; old, if not nil, is the key that must come out. A recovery slot gets a new
// phrase, in Made. The others are encrypted to their recipient without asking, so the caller has authenticated s.
func (o *Opener) Remake(ctx context.Context, s Slot, old *Root, epoch uint32, root *Root) (Slot, Made, error) {
	var l lock
	var made Made
	var err error
	switch s.Kind {
	case SlotPassphrase:
		p, err := o.provePhrase(ctx, s, old)
		if err != nil {
			return Slot{}, Made{}, err
		}
		if l.age, err = o.scryptRecipient(p.Reveal()); err != nil {
			return Slot{}, Made{}, s.failed(fault.Failed, err)
		}
	case SlotRecovery:
		delete(o.proved, s.ID)
		l, made, err = o.recoveryLock()
	default:
		l, err = s.lockOf(ctx, o)
	}
	if err == nil {
		s.Age, err = encryptRoot(root, l.age)
	}
	if err != nil {
		return Slot{}, Made{}, s.failed(fault.Failed, err)
	}
	s.Epoch, s.Seal = epoch, nil
	return s, made, nil
}

// Discard removes what a slot that is gone had outside the vault, where that is of no use for anything else: the item in the
// keyring. Key files stay, since backups may be encrypted to them.
func (o *Opener) Discard(ctx context.Context, vaultID string, s Slot) error {
	if s.Kind != SlotKeyring || o.Keyring == nil {
		return nil
	}
	if err := o.probeKeyring(ctx); err != nil {
		return errNoKeyring(err)
	}
	if err := o.Keyring.Delete(ctx, vaultID, s.ID); err != nil {
		return errNoKeyring(err)
	}
	return nil
}

// shellQuote quotes a word for a POSIX shell.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
