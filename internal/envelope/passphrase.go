package envelope

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	passwordvalidator "github.com/wagslane/go-password-validator"

	"tacit/internal/fault"
	"tacit/internal/generate"
	"tacit/internal/secret"
)

const (
	minPassphrase   = 8    // characters
	maxPassphrase   = 1024 // bytes
	recoveryWords   = 10   // of 12.9 bits
	passphraseTries = 3    // on a terminal
)

// Strength estimates the entropy of a passphrase in bits, and calls it weak, fair, good or strong. It sees lengths, alphabets,
// repetitions and sequences, but not words: it flatters phrases from a dictionary.
func Strength(passphrase []byte) (bits float64, label string) {
	bits = passwordvalidator.GetEntropy(string(passphrase))
	switch {
	case bits < 45:
		return bits, "weak"
	case bits < 60:
		return bits, "fair"
	case bits < 80:
		return bits, "good"
	}
	return bits, "strong"
}

// CheckPassphrase returns an error of class fault.Invalid for a passphrase that no slot will be made with.
func CheckPassphrase(p secret.Value) error {
	b := p.Reveal()
	switch {
	case utf8.RuneCount(b) < minPassphrase:
		return fault.New(fault.Invalid, "passphrase too short").WithFix("use at least %d characters; four or more random words are good", minPassphrase)
	case len(b) > maxPassphrase:
		return fault.New(fault.Invalid, "passphrase too long").WithFix("use at most %d bytes", maxPassphrase)
	case bytes.ContainsFunc(b, unicode.IsControl):
		return fault.New(fault.Invalid, "passphrase with a control character").WithFix("use only what can be typed at a prompt")
	}
	return nil
}

// newRecovery returns a recovery phrase: words joined by '-', as age generates its own.
func (o *Opener) newRecovery() (secret.Value, error) {
	return generate.Value(o.Random, generate.Words, recoveryWords)
}

// recoveryForm returns a recovery phrase as it was made, whatever case and blanks it was copied with.
func recoveryForm(p []byte) []byte {
	return bytes.Join(bytes.Fields(bytes.ToLower(p)), []byte{'-'})
}

// looksLikeRecovery says whether trying p on a recovery slot is worth the work of scrypt.
func looksLikeRecovery(p []byte) bool {
	return bytes.Count(recoveryForm(p), []byte{'-'}) >= recoveryWords-1
}

// form returns the phrase as the slot's scrypt gets it.
func (s Slot) form(phrase []byte) []byte {
	if s.Kind == SlotRecovery {
		return recoveryForm(phrase)
	}
	return phrase
}

// envPassphrase returns the passphrase that the environment gives and where it was found; ok is false if it gives none.
func (o *Opener) envPassphrase() (p secret.Value, from string, ok bool, err error) {
	if v := o.Getenv("TACIT_PASSPHRASE"); v != "" {
		return secret.New([]byte(v)), "TACIT_PASSPHRASE", true, nil
	}
	path := o.Getenv("TACIT_PASSPHRASE_FILE")
	if path == "" {
		return secret.Value{}, "", false, nil
	}
	b, err := readPrivate(path, maxPassphrase+2)
	if err != nil {
		return secret.Value{}, "", false, fault.Wrap(fault.Invalid, err, "read TACIT_PASSPHRASE_FILE")
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte{'\n'}), []byte{'\r'})
	if len(b) == 0 {
		return secret.Value{}, "", false, fault.New(fault.Invalid, "TACIT_PASSPHRASE_FILE: %s is empty", path)
	}
	return secret.New(b), "TACIT_PASSPHRASE_FILE", true, nil
}

// openWithPhrase tries a passphrase on those of the slots that take one, likeliest first. nil and no error: it opens none.
func (o *Opener) openWithPhrase(slots []Slot, p secret.Value) (*Root, Slot, error) {
	var damaged error
	recovery := looksLikeRecovery(p.Reveal())
	for _, s := range phraseSlots(slots, recovery) {
		if s.Kind == SlotRecovery && !recovery && len(phraseSlots(slots, false)) > 1 {
			continue // not ten words, and there are others that it may be for
		}
		root, err := s.decryptRoot(scryptIdentity{s.form(p.Reveal())})
		switch {
		case err == nil:
			o.remember(s, p)
			return root, s, nil
		case !errors.Is(err, errNoMatch):
			damaged = errors.Join(damaged, s.failed(fault.Corrupted, err))
		}
	}
	return nil, Slot{}, firstOf(damaged)
}

// phraseSlots returns the slots that take a passphrase, recovery slots first or last.
func phraseSlots(slots []Slot, recoveryFirst bool) (out []Slot) {
	kinds := []SlotKind{SlotPassphrase, SlotRecovery}
	if recoveryFirst {
		slices.Reverse(kinds)
	}
	for _, kind := range kinds {
		for _, s := range slots {
			if s.Kind == kind {
				out = append(out, s)
			}
		}
	}
	return out
}

// ask asks on the terminal for a passphrase of one of slots, a few times. root is nil and there is no error if none takes one.
func (o *Opener) ask(ctx context.Context, slots []Slot) (*Root, Slot, error) {
	of := phraseSlots(slots, false)
	if len(of) == 0 {
		return nil, Slot{}, nil
	}
	prompt := "Passphrase: "
	if of[0].Kind == SlotRecovery {
		prompt = "Recovery phrase: "
	}
	if len(of) == 1 {
		prompt = strings.TrimSuffix(prompt, ": ") + " of slot " + of[0].ID + ": "
	}
	for range passphraseTries {
		p, err := o.Ask(ctx, prompt)
		if err != nil {
			return nil, Slot{}, fault.Wrap(fault.Locked, err, "read the passphrase")
		}
		root, s, err := o.openWithPhrase(slots, p)
		if root != nil || err != nil {
			return root, s, err
		}
		p.Wipe()
		if !strings.HasPrefix(prompt, "Wrong") {
			prompt = "Wrong. " + prompt
		}
	}
	return nil, Slot{}, wrongPassphrase(of, "")
}

// wrongPassphrase is the error for a passphrase from somewhere (empty: typed) that opens none of the slots.
func wrongPassphrase(slots []Slot, from string) *fault.Error {
	e := fault.New(fault.WrongKey, "wrong passphrase")
	if len(slots) == 1 {
		e = fault.New(fault.WrongKey, "%s: wrong passphrase", slots[0].name()).About(slots[0].ID)
	}
	switch {
	case from != "":
		e.Message += " in " + from
		return e.WithFix("correct or unset %s", from)
	case slots[len(slots)-1].Kind == SlotRecovery && len(slots) > 1:
		return e.WithFix("the ten words of the recovery phrase open the vault too")
	}
	return e
}

// provePhrase returns the passphrase that opens s: one that did before, the environment's, or one that is asked for. old, if
// not nil, is the key that s must hold.
func (o *Opener) provePhrase(ctx context.Context, s Slot, old *Root) (secret.Value, error) {
	check := func(root *Root) error {
		defer root.Wipe()
		if old != nil && !old.equal(root) {
			return s.failed(fault.Tampered, errors.New("it holds another root key"))
		}
		return nil
	}
	if p, ok := o.proved[s.ID]; ok && old == nil {
		return *p, nil
	}
	root, err := o.tryPhrase(ctx, s)
	if err != nil {
		return secret.Value{}, err
	}
	return *o.proved[s.ID], check(root)
}

// tryPhrase opens exactly s, a slot that takes a passphrase.
func (o *Opener) tryPhrase(ctx context.Context, s Slot) (*Root, error) {
	only := []Slot{s}
	if p, ok := o.proved[s.ID]; ok {
		root, _, err := o.openWithPhrase(only, *p)
		if root != nil || err != nil {
			return root, err
		}
	}
	p, from, given, err := o.envPassphrase()
	if err != nil {
		return nil, err
	}
	if given {
		root, _, err := o.openWithPhrase(only, p)
		if root != nil || err != nil {
			return root, err
		}
	}
	switch {
	case o.Ask != nil:
		root, _, err := o.ask(ctx, only)
		return root, err
	case given:
		return nil, wrongPassphrase(only, from)
	}
	return nil, fault.New(fault.Locked, "%s: there is no terminal to ask on", s.name()).About(s.ID).WithFix("set TACIT_PASSPHRASE or TACIT_PASSPHRASE_FILE")
}

// firstOf returns the first of joined errors: a message is one line.
func firstOf(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()[0]
	}
	return err
}
