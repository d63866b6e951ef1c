package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

// askPassphrase asks for the passphrase of a slot.
func (a *app) askPassphrase(_ context.Context, prompt string) (secret.Value, error) {
	t, err := openTerminal()
	if err != nil {
		return secret.Value{}, err
	}
	defer t.close()
	p, err := t.hidden(prompt)
	return p, promptError(err)
}

// newPassphrase takes a new passphrase from the environment or asks for it: twice, with its strength.
func (a *app) newPassphrase() (secret.Value, error) {
	if p, ok, err := a.givenPassphrase(); ok || err != nil {
		if err == nil {
			err = envelope.CheckPassphrase(p)
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
		if err := envelope.CheckPassphrase(first); err != nil {
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

// strength says in a few words how long a passphrase would take to guess.
func strength(p secret.Value) string {
	_, label := envelope.Strength(p.Reveal())
	full := map[string]int{"weak": 1, "fair": 2, "good": 3, "strong": 4}[label]
	advice := ""
	if full < 3 {
		advice = ": another word or two would help more than symbols"
	}
	return fmt.Sprintf("[%s%s] %s%s", strings.Repeat("#", full), strings.Repeat(".", 4-full), label, advice)
}

// defaultSlot returns the slot of a vault that is made without questions, and what that slot does not protect.
func (a *app) defaultSlot() (keeper.NewSlot, string, error) {
	p, ok, err := a.givenPassphrase()
	if err != nil {
		return keeper.NewSlot{}, "", err
	}
	if ok {
		return keeper.NewSlot{Kind: "passphrase", Passphrase: p},
			"whoever can read the passphrase in the environment can open it", envelope.CheckPassphrase(p)
	}
	if runtime.GOOS == "darwin" {
		return keeper.NewSlot{Kind: "keyring"}, "any program of yours can open it while your keychain is unlocked; tacit slot add passphrase does better", nil
	}
	path := a.layout().Identity
	return keeper.NewSlot{Kind: "key-file", Path: path},
		"any program of yours can open it with the key in " + path + "; tacit slot add passphrase, then tacit slot rm 1, does better", nil
}
