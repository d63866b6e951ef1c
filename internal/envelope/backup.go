package envelope

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"tacit/internal/fault"
)

// EncryptTo returns a writer of an age file to w, which what opens the slot opens too, with stock age as well: see
// [Slot.AgeCommand]. The caller closes it. A slot that takes a passphrase asks for it (or takes TACIT_PASSPHRASE), and it must
// open the slot: a backup under a mistyped passphrase is none. The caller has authenticated s.
func (o *Opener) EncryptTo(ctx context.Context, s Slot, w io.Writer) (io.WriteCloser, error) {
	if s.Kind.NeedsUser() {
		p, err := o.provePhrase(ctx, s, nil)
		if err != nil {
			return nil, err
		}
		r, err := o.scryptRecipient(s.form(p.Reveal()))
		if err != nil {
			return nil, s.failed(fault.Failed, err)
		}
		return encrypt(w, r)
	}
	l, err := s.lockOf(ctx, o)
	if err != nil {
		return nil, s.failed(fault.Failed, err)
	}
	return encrypt(w, l.age)
}

// EncryptToRecipients returns a writer of an age file to w that each of the recipients opens; they are written as in
// [Spec.Recipient]. Post-quantum ones do not mix with others: that is an error of class fault.Invalid.
func (o *Opener) EncryptToRecipients(ctx context.Context, recipients []string, w io.Writer) (io.WriteCloser, error) {
	if len(recipients) == 0 {
		return nil, fault.New(fault.Usage, "no recipients")
	}
	to := make([]age.Recipient, 0, len(recipients))
	quantum := 0
	for _, r := range recipients {
		l, err := o.parseRecipient(ctx, r, "")
		if err != nil {
			return nil, err
		}
		if l.postQuantum {
			quantum++
		}
		to = append(to, l.age)
	}
	if quantum != 0 && quantum != len(to) {
		return nil, fault.New(fault.Invalid, "post-quantum recipients (age1pq1…) cannot be mixed with others").
			WithFix("the file would be no safer than the weaker ones: use one kind")
	}
	return encrypt(w, to...)
}

func encrypt(w io.Writer, to ...age.Recipient) (io.WriteCloser, error) {
	out, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "encrypt")
	}
	return out, nil
}

// AgeCommand returns the shell command with which stock age opens a file that is encrypted to this slot. What needs age 1.3,
// which knows post-quantum keys, says so in a comment.
func (s Slot) AgeCommand(file string) string {
	file = shellQuote(file)
	command := "age -d " + file
	switch {
	case s.Kind.NeedsUser():
	case s.Kind == SlotKeyFile:
		command = "age -d -i " + shellQuote(s.Path) + " " + file
	case s.Kind == SlotEnv:
		command = "printenv " + s.Env + " | age -d -i - " + file
	case s.Kind == SlotKeyring:
		command = keyringCommand(s.ID) + " | age -d -i - " + file
	case s.Plugin != "":
		command = "age -d -j " + pluginOf(s.Plugin) + " " + file
	case strings.HasPrefix(s.Recipient, "ssh-ed25519 "):
		command = "age -d -i ~/.ssh/id_ed25519 " + file
	case strings.HasPrefix(s.Recipient, "ssh-rsa "):
		command = "age -d -i ~/.ssh/id_rsa " + file
	default:
		command = "age -d -i IDENTITY_FILE " + file
	}
	if s.PostQuantum {
		command += "  # age 1.3 or newer"
	}
	return command
}

// Decrypt returns the plaintext of an age file, armored or not: a backup. It is tried with everything that could open the
// slots, in the order of [Opener.Open], whichever slot it was encrypted to; a passphrase is asked for if the file needs one.
// Errors have class fault.WrongKey, fault.Corrupted or fault.Tampered, also those of the reader: nothing that was read may be
// used before it has returned io.EOF.
func (o *Opener) Decrypt(ctx context.Context, r io.Reader, slots []Slot) (io.Reader, error) {
	b := bufio.NewReader(r)
	if start, _ := b.Peek(len(armor.Header)); string(start) == armor.Header {
		b = bufio.NewReader(armor.NewReader(b))
	}
	id := &anyIdentity{o: o, ctx: ctx, slots: slots}
	out, err := decrypt(b, id)
	if errors.Is(err, errNoMatch) {
		return nil, fault.New(fault.WrongKey, "no key here opens it").WithFix("set TACIT_IDENTITY_FILE to the file with its key")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "decrypt")
	}
	return out, nil
}

// anyIdentity is everything that this user has, found when a file's header has shown what it needs.
type anyIdentity struct {
	o     *Opener
	ctx   context.Context //nolint:containedctx // lives as long as one call of Decrypt
	slots []Slot
}

func (a *anyIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) == 1 && stanzas[0].Type == "scrypt" {
		return a.withPhrase(stanzas)
	}
	ids, err := a.find()
	if err != nil {
		return nil, err
	}
	for _, how := range []howOpened{native, bySSH, byPlugin} {
		for _, i := range ids {
			if i.how != how {
				continue
			}
			key, err := a.unwrap(i, stanzas)
			if err == nil {
				return key, nil
			}
			if how == native && !errors.Is(err, age.ErrIncorrectIdentity) {
				return nil, fault.Wrap(fault.Corrupted, err, "damaged header")
			}
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func (a *anyIdentity) unwrap(i identity, stanzas []*age.Stanza) ([]byte, error) {
	if i.how != byPlugin {
		return i.age.Unwrap(stanzas)
	}
	// The program that a slot resolved, if one did: with no slot there is only PATH.
	path := ""
	for _, s := range a.slots {
		if s.Plugin != "" && pluginOf(s.Plugin) == i.plugin {
			path = s.Plugin
		}
	}
	path, err := a.o.findPlugin(i.plugin, path)
	if err != nil {
		return nil, err
	}
	p, err := a.o.pluginAt(a.ctx, path)
	if err != nil {
		return nil, err
	}
	return p.Identity(a.ctx, i.code).Unwrap(stanzas)
}

// find returns every identity at hand. Of those that are named explicitly, one that cannot be read is an error.
func (a *anyIdentity) find() (ids []identity, err error) {
	s := search{o: a.o, ctx: a.ctx, slots: a.slots}
	for _, source := range s.explicitSources() {
		found, err := source.read()
		if err != nil {
			return nil, err
		}
		ids = append(ids, found...)
	}
	paths := make([]string, 0, len(a.slots)+len(a.o.IdentityFiles))
	for _, slot := range a.slots {
		if slot.Kind == SlotKeyFile {
			paths = append(paths, slot.Path)
		}
	}
	for _, path := range append(paths, a.o.IdentityFiles...) {
		found, err := a.o.readIdentities(a.ctx, path)
		if errors.Is(err, fault.Permissions) && !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		ids = append(ids, found...)
	}
	for _, slot := range a.slots {
		switch {
		case slot.Kind == SlotKeyring && a.o.Keyring != nil && a.o.probeKeyring(a.ctx) == nil:
			if i, err := a.o.keyringIdentity(a.ctx, slot); err == nil {
				ids = append(ids, i)
			}
		case slot.Kind == SlotRecipient && slot.Plugin != "":
			ids = append(ids, defaultIdentity(pluginOf(slot.Plugin)))
		}
	}
	return ids, nil
}

// withPhrase unwraps a file that is encrypted to a passphrase: one that opened a slot, the environment's, or one that is typed.
func (a *anyIdentity) withPhrase(stanzas []*age.Stanza) ([]byte, error) {
	try := func(p []byte) ([]byte, error) {
		key, err := scryptIdentity{p}.Unwrap(stanzas)
		if form := recoveryForm(p); errors.Is(err, age.ErrIncorrectIdentity) && looksLikeRecovery(p) && !bytes.Equal(form, p) {
			key, err = scryptIdentity{form}.Unwrap(stanzas)
		}
		return key, err
	}
	for _, p := range a.o.proved {
		if key, err := try(p.Reveal()); !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	p, from, given, err := a.o.envPassphrase()
	if err != nil {
		return nil, err
	}
	if given {
		key, err := try(p.Reveal())
		if errors.Is(err, age.ErrIncorrectIdentity) {
			return nil, fault.New(fault.WrongKey, "wrong passphrase in %s", from).WithFix("correct or unset %s", from)
		}
		return key, err
	}
	if a.o.Ask == nil {
		return nil, fault.New(fault.Locked, "it needs a passphrase, and there is no terminal to ask on").WithFix("set TACIT_PASSPHRASE or TACIT_PASSPHRASE_FILE")
	}
	for range passphraseTries {
		p, err := a.o.Ask(a.ctx, "Passphrase of the backup: ")
		if err != nil {
			return nil, fault.Wrap(fault.Locked, err, "read the passphrase")
		}
		if key, err := try(p.Reveal()); !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, fault.New(fault.WrongKey, "wrong passphrase")
}
