package envelope

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"tacit/internal/fault"
)

// probeTime bounds the question whether there is a keyring: a headless machine must not wait for one.
const probeTime = 200 * time.Millisecond

// Open returns the root key from the first slot that opens, and that slot. The order:
//
//  1. identities given explicitly: TACIT_IDENTITY, TACIT_IDENTITY_FILE, the variables of environment slots
//  2. a passphrase given explicitly: TACIT_PASSPHRASE, TACIT_PASSPHRASE_FILE
//  3. the key files that slots name, then age keys in IdentityFiles
//  4. the keyring
//  5. ssh keys, then plugins: these may ask for something
//  6. a passphrase, asked for on the terminal
//
// What is given explicitly and opens nothing that it could have opened is an error of class fault.WrongKey, even if something
// else would open: a user who says which key to use must not be handed another one's result. Only a passphrase that is there while the
// vault has no passphrase slot, only recovery slots, is for something else: the walk goes on, and that error is kept for its end. When
// nothing opens, the error has class fault.Locked and says what would have; but a slot that was tried and is damaged, tampered with or not for its own key
// is reported as that.
//
// Nothing here proves that the slots are authentic: that takes the keys; see [Slot.Authenticate].
func (o *Opener) Open(ctx context.Context, slots []Slot) (*Root, Slot, error) {
	s := search{o: o, ctx: ctx, slots: slots}
	for _, step := range []func() (*Root, Slot, error){
		s.explicitIdentities, s.explicitPassphrase, s.keyFiles, s.identityFiles, s.keyring, s.interactive, s.terminal,
	} {
		root, slot, err := step()
		if root != nil || err != nil {
			return root, slot, err
		}
		if err := ctx.Err(); err != nil {
			return nil, Slot{}, fault.Wrap(fault.Failed, err, "open vault")
		}
	}
	return nil, Slot{}, s.locked()
}

// OpenAtOnce is Open as far as that takes no more than the key file of a slot, for a caller whom others wait for: it asks nobody, runs
// nothing, reads no pipe and stretches no passphrase. What it opens Open would open too, with the same slot; when it returns nil, Open may
// still open one, and says why not.
func (o *Opener) OpenAtOnce(ctx context.Context, slots []Slot) (*Root, Slot) {
	s := search{o: o, ctx: ctx, slots: slots}
	if len(s.explicitSources()) > 0 || s.passphraseGiven() {
		return nil, Slot{}
	}
	for _, slot := range slots {
		if slot.Kind != SlotKeyFile {
			continue
		}
		if info, err := os.Stat(slot.Path); err != nil || !info.Mode().IsRegular() {
			return nil, Slot{}
		}
	}
	root, slot, _ := s.keyFiles()
	return root, slot
}

// Try opens exactly this slot: nil if it can be opened here and now.
func (o *Opener) Try(ctx context.Context, slot Slot) (*Root, error) {
	if slot.Kind.NeedsUser() {
		return o.tryPhrase(ctx, slot)
	}
	s := search{o: o, ctx: ctx, slots: []Slot{slot}, lenient: true}
	for _, step := range []func() (*Root, Slot, error){s.explicitIdentities, s.keyFiles, s.identityFiles, s.keyring, s.interactive} {
		if root, _, err := step(); root != nil || err != nil {
			return root, err
		}
	}
	return nil, s.locked()
}

// Untried reports whether err, of Try, says nothing about the slot itself: no passphrase for it was given, its variable is not set, its
// key or its keyring is elsewhere. A slot that is damaged, or whose key file is gone or another one, was tried.
func (o *Opener) Untried(slot Slot, err error) bool {
	switch code := fault.CodeOf(err); {
	case slot.Kind.NeedsUser():
		return code == fault.Locked || code == fault.WrongKey
	case slot.Kind == SlotKeyFile:
		return false
	default:
		return code == fault.Locked
	}
}

// search is one Open under way.
type search struct {
	o       *Opener
	ctx     context.Context //nolint:containedctx // lives as long as one call of Open
	slots   []Slot
	lenient bool // that something explicit opens nothing is no error: it is for another slot

	waiting []identity // found on the way, to be used when nothing cheaper opens
	damage  error      // the first slot that was tried and is not what it should be
	wrong   error      // the passphrase that was given opens none of the recovery slots
	useless bool       // identities were given, and open nothing
	hints   []string   // why each slot did not open
}

// use tries an identity on every slot that it may open.
func (s *search) use(i identity) (*Root, Slot) {
	for _, slot := range s.slots {
		if root := s.useOn(i, slot); root != nil {
			return root, slot
		}
	}
	return nil, Slot{}
}

func (s *search) useOn(i identity, slot Slot) *Root {
	if !i.mayOpen(slot) {
		return nil
	}
	if i.how == byPlugin {
		p, err := s.o.pluginAt(s.ctx, slot.Plugin)
		if err != nil {
			s.hint(slot, err.Error())
			return nil
		}
		i.age = p.Identity(s.ctx, i.code)
	}
	root, err := slot.decryptRoot(i.age)
	switch {
	case err == nil:
		return root
	case errors.Is(err, errNoMatch) && (i.how == byPlugin || i.recipient() != slot.Recipient):
	case errors.Is(err, errNoMatch):
		s.damaged(slot.failed(fault.Tampered, errors.New("it is not encrypted to its own recipient")))
	case i.how == native || fault.CodeOf(err) != fault.Failed:
		s.damaged(slot.failed(fault.Corrupted, err))
	default: // an ssh passphrase or a plugin went wrong
		s.hint(slot, err.Error())
	}
	return nil
}

func (s *search) damaged(err *fault.Error) {
	if s.damage == nil {
		s.damage = err.WithFix("restore the vault from a backup, or open it with another slot and remove this one")
	}
}

func (s *search) hint(slot Slot, why string) {
	s.hints = append(s.hints, slot.name()+": "+why)
}

func (s *search) explicitIdentities() (*Root, Slot, error) {
	var names []string
	usable := false
	for _, slot := range s.slots {
		usable = usable || !slot.Kind.NeedsUser()
	}
	if !usable {
		return nil, Slot{}, nil
	}
	for _, source := range s.explicitSources() {
		ids, err := source.read()
		if err != nil {
			return nil, Slot{}, err
		}
		names = append(names, source.name)
		for _, i := range ids {
			if root, slot := s.use(i); root != nil {
				return root, slot, nil
			}
		}
	}
	switch {
	case s.damage != nil && len(names) > 0:
		return nil, Slot{}, s.damage
	case len(names) == 0 || s.lenient:
		return nil, Slot{}, nil
	case s.passphraseGiven():
		s.useless = true
		return nil, Slot{}, nil
	}
	list := strings.Join(names, " and ")
	return nil, Slot{}, fault.New(fault.WrongKey, "%s opens no slot of this vault", list).WithFix("correct or unset %s", list)
}

// passphraseGiven reports whether step 2 has something to try.
func (s *search) passphraseGiven() bool {
	given := s.o.Getenv("TACIT_PASSPHRASE") != "" || s.o.Getenv("TACIT_PASSPHRASE_FILE") != ""
	return given && len(phraseSlots(s.slots, false)) > 0
}

// source is a place that the environment names.
type source struct {
	name string
	read func() ([]identity, error)
}

func (s *search) explicitSources() (out []source) {
	variable := func(name string) {
		text := s.o.Getenv(name)
		if text == "" {
			return
		}
		out = append(out, source{name, func() ([]identity, error) { return s.o.parseIdentities(s.ctx, []byte(text), name) }})
	}
	variable("TACIT_IDENTITY")
	if path := s.o.Getenv("TACIT_IDENTITY_FILE"); path != "" {
		out = append(out, source{"TACIT_IDENTITY_FILE", func() ([]identity, error) {
			ids, err := s.o.readIdentities(s.ctx, path)
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "read TACIT_IDENTITY_FILE")
			}
			return ids, nil
		}})
	}
	for _, slot := range s.slots {
		if slot.Kind == SlotEnv && slot.Env != "TACIT_IDENTITY" {
			variable(slot.Env)
		}
	}
	return out
}

func (s *search) explicitPassphrase() (*Root, Slot, error) {
	if !s.passphraseGiven() {
		return nil, Slot{}, nil
	}
	p, from, _, err := s.o.envPassphrase()
	if err != nil {
		return nil, Slot{}, err
	}
	root, slot, err := s.o.openWithPhrase(s.slots, p)
	if root == nil && err == nil {
		of := phraseSlots(s.slots, false)
		err = wrongPassphrase(of, from)
		if of[0].Kind == SlotRecovery && !s.useless {
			s.wrong, err = err, nil
		}
	}
	return root, slot, err
}

func (s *search) keyFiles() (*Root, Slot, error) {
	for _, slot := range s.slots {
		if slot.Kind != SlotKeyFile {
			continue
		}
		ids, err := s.o.readIdentities(s.ctx, slot.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.hint(slot, slot.Path+" does not exist")
			continue
		case errors.Is(err, fault.Permissions):
			return nil, Slot{}, slot.failed(fault.Permissions, err)
		case err != nil:
			s.hint(slot, err.Error())
			continue
		}
		for _, i := range ids {
			if i.how != native {
				s.waiting = append(s.waiting, i)
			} else if root := s.useOn(i, slot); root != nil {
				return root, slot, nil
			}
		}
		if len(s.waiting) == 0 && s.damage == nil {
			s.damage = fault.New(fault.WrongKey, "%s: %s is another key", slot.name(), slot.Path).About(slot.ID).
				WithFix("put back the key file that the slot was made with")
		}
	}
	return nil, Slot{}, nil
}

// identityFiles tries the age keys in the usual places, and keeps the ssh keys and plugins for later.
func (s *search) identityFiles() (*Root, Slot, error) {
	wanted := false
	for _, slot := range s.slots {
		wanted = wanted || !slot.Kind.NeedsUser()
	}
	if !wanted {
		return nil, Slot{}, nil
	}
	for _, path := range s.o.IdentityFiles {
		ids, err := s.o.readIdentities(s.ctx, path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			s.hints = append(s.hints, err.Error())
			continue
		}
		for _, i := range ids {
			if i.how != native {
				s.waiting = append(s.waiting, i)
			} else if root, slot := s.use(i); root != nil {
				return root, slot, nil
			}
		}
	}
	return nil, Slot{}, nil
}

func (s *search) keyring() (*Root, Slot, error) {
	probed := false
	for _, slot := range s.slots {
		if slot.Kind != SlotKeyring {
			continue
		}
		if s.o.Keyring == nil {
			s.hint(slot, "this system has no keyring")
			continue
		}
		if !probed {
			if err := s.o.probeKeyring(s.ctx); err != nil {
				s.hint(slot, err.Error())
				return nil, Slot{}, nil
			}
			probed = true
		}
		i, err := s.o.keyringIdentity(s.ctx, slot)
		if err != nil {
			s.hint(slot, err.Error())
			continue
		}
		if root := s.useOn(i, slot); root != nil {
			return root, slot, nil
		}
	}
	return nil, Slot{}, nil
}

func (o *Opener) probeKeyring(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	return o.Keyring.Probe(ctx)
}

// keyringIdentity returns the identity that the keyring keeps for a slot.
func (o *Opener) keyringIdentity(ctx context.Context, slot Slot) (identity, error) {
	text, err := o.Keyring.Load(ctx, o.VaultID, slot.ID)
	if err != nil {
		return identity{}, err
	}
	defer clear(text)
	i, err := parseIdentity(string(text), "keyring")
	if err != nil || i.how != native {
		return identity{}, errors.New("the keyring holds something else under this slot's name")
	}
	return i, nil
}

// interactive tries ssh keys and then plugins. A plugin slot for which no identity was found is tried with the plugin's default
// identity, as age -j does: hardware tokens need no other.
func (s *search) interactive() (*Root, Slot, error) {
	for _, how := range []howOpened{bySSH, byPlugin} {
		for _, i := range s.waiting {
			if i.how != how {
				continue
			}
			if root, slot := s.use(i); root != nil {
				return root, slot, nil
			}
		}
	}
	for _, slot := range s.slots {
		if slot.Kind != SlotRecipient {
			continue
		}
		if slot.Plugin == "" {
			s.hint(slot, "no identity for it was found here; set TACIT_IDENTITY_FILE")
			continue
		}
		if root := s.useOn(defaultIdentity(pluginOf(slot.Plugin)), slot); root != nil {
			return root, slot, nil
		}
		s.hint(slot, "the plugin has no identity for it; set TACIT_IDENTITY_FILE")
	}
	return nil, Slot{}, nil
}

func (s *search) terminal() (*Root, Slot, error) {
	if s.wrong != nil {
		return nil, Slot{}, nil
	}
	of := phraseSlots(s.slots, false)
	if s.o.Ask != nil {
		return s.o.ask(s.ctx, of)
	}
	for _, slot := range of {
		s.hint(slot, "there is no terminal to ask on; set TACIT_PASSPHRASE or TACIT_PASSPHRASE_FILE")
	}
	return nil, Slot{}, nil
}

func (s *search) locked() error {
	if s.damage != nil {
		return s.damage
	}
	if s.wrong != nil {
		return s.wrong
	}
	for _, slot := range s.slots {
		if slot.Kind == SlotEnv && s.o.Getenv(slot.Env) == "" {
			s.hint(slot, "it is not set")
		}
	}
	if len(s.slots) == 1 {
		why, way, ok := strings.Cut(strings.Join(s.hints, "; "), "; set ")
		if !ok {
			way = "TACIT_IDENTITY_FILE to a file with the identity that opens it"
		}
		return fault.New(fault.Locked, "the vault is locked: %s", why).About(s.slots[0].ID).WithFix("set %s", way)
	}
	return fault.New(fault.Locked, "the vault is locked, and nothing here opens it").WithFix("%s", strings.Join(s.hints, "; "))
}
