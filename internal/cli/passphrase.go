package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	passwordvalidator "github.com/wagslane/go-password-validator"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

// minPassphrase is the length in bytes below which a passphrase is refused.
const minPassphrase = 8

// askPassphrase asks for the passphrase of a slot.
func (a *app) askPassphrase(prompt string) (secret.Value, error) {
	t, err := openTerminal()
	if err != nil {
		return secret.Value{}, fault.New(fault.Locked, "the vault is locked: there is no terminal to ask for its passphrase").
			WithFix("set TACIT_PASSPHRASE or TACIT_PASSPHRASE_FILE")
	}
	defer t.close()
	return t.hidden(prompt)
}

// newPassphrase takes a new passphrase from the environment or asks for it: twice, with its strength.
func (a *app) newPassphrase() (secret.Value, error) {
	if p, ok, err := a.givenPassphrase(); ok || err != nil {
		if err == nil {
			err = checkPassphrase(p)
		}
		return p, err
	}
	t, err := openTerminal()
	if err != nil {
		return secret.Value{}, fault.New(fault.Usage, "there is no terminal to ask for a passphrase on").
			WithFix("set TACIT_PASSPHRASE or TACIT_PASSPHRASE_FILE")
	}
	defer t.close()
	for {
		first, err := t.hidden("New passphrase: ")
		if err != nil {
			return secret.Value{}, promptError(err)
		}
		if err := checkPassphrase(first); err != nil {
			t.print(err.Error() + "; try another\n")
			continue
		}
		t.print("  " + strength(first) + "\n")
		second, err := t.hidden("The same again: ")
		if err != nil {
			return secret.Value{}, promptError(err)
		}
		same := bytes.Equal(first.Reveal(), second.Reveal())
		second.Wipe()
		if same {
			return first, nil
		}
		first.Wipe()
		t.print("They differ; once more\n")
	}
}

// promptError words the end of input at a prompt.
func promptError(err error) error {
	if errors.Is(err, io.EOF) {
		return fault.New(fault.Usage, "nothing was entered")
	}
	return err
}

// givenPassphrase returns the passphrase that the environment holds, if it holds one.
func (a *app) givenPassphrase() (secret.Value, bool, error) {
	if p := a.getenv("TACIT_PASSPHRASE"); p != "" {
		return secret.New([]byte(p)), true, nil
	}
	file := a.getenv("TACIT_PASSPHRASE_FILE")
	if file == "" {
		return secret.Value{}, false, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return secret.Value{}, false, paths.Explain(err, file, "read TACIT_PASSPHRASE_FILE %s", file)
	}
	defer func() { _ = f.Close() }()
	p, err := readPassphrase(f)
	if err != nil {
		return secret.Value{}, false, paths.Explain(err, file, "read TACIT_PASSPHRASE_FILE %s", file)
	}
	return p, true, nil
}

// readPassphrase reads a passphrase and drops the end of its line.
func readPassphrase(r io.Reader) (secret.Value, error) {
	b, err := io.ReadAll(io.LimitReader(r, 4096))
	return secret.New(bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))), err
}

func checkPassphrase(p secret.Value) error {
	if p.Len() < minPassphrase {
		return fault.New(fault.Invalid, "the passphrase is shorter than %d characters", minPassphrase).
			WithFix("use four or more words; length counts for more than symbols")
	}
	return nil
}

// strength says in a few words how long a passphrase would take to guess. scrypt makes a guess about a second of work, so the
// marks are lower than for a web site.
func strength(p secret.Value) string {
	bits := passwordvalidator.GetEntropy(string(p.Reveal()))
	words := "weak: somebody with a copy of the vault could guess it"
	full := 1
	switch {
	case bits >= 90:
		words, full = "very strong", 4
	case bits >= 65:
		words, full = "strong", 3
	case bits >= 45:
		words, full = "fair: add a word or two", 2
	}
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", 4-full), words)
}

// defaultSlot returns the slot of a vault that is made without questions, and what that slot does not protect.
func (a *app) defaultSlot() (keeper.NewSlot, string, error) {
	p, ok, err := a.givenPassphrase()
	if err != nil {
		return keeper.NewSlot{}, "", err
	}
	if ok {
		return keeper.NewSlot{Kind: "passphrase", Passphrase: p},
			"whoever can read the passphrase in the environment can open it", checkPassphrase(p)
	}
	if runtime.GOOS == "darwin" {
		return keeper.NewSlot{Kind: "keyring"}, "any program of yours can open it while your keychain is unlocked; tacit slot add passphrase does better", nil
	}
	path := a.layout().Identity
	return keeper.NewSlot{Kind: "key-file", Path: path},
		"any program of yours can open it with the key in " + path + "; tacit slot add passphrase, then tacit slot rm 1, does better", nil
}
