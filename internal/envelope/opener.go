package envelope

import (
	"context"
	"io"
	"time"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// Opener makes and opens slots: it knows where identities and passphrases come from on this machine, at this moment.
// It remembers the passphrases that opened a slot, so that a command asks once; [Opener.Forget] drops them.
// It is for one goroutine.
type Opener struct {
	Getenv  func(string) string
	Environ []string // what age plugins see of the environment, after [pluginEnv] has removed what is none of their business

	// Ask reads a line from the terminal without showing it. nil: there is no terminal.
	Ask func(ctx context.Context, prompt string) (secret.Value, error)
	// Tell shows what a plugin has to say ("touch the key"). nil: nobody listens.
	Tell func(message string)

	// IdentityFiles are where identities are looked for besides a slot's own path: identity.txt, ~/.ssh/id_ed25519, …;
	// those that do not exist are passed over. TACIT_IDENTITY_FILE is read without being named here.
	IdentityFiles []string

	Keyring OSKeyring // nil: this system has none
	VaultID string    // whose items in the keyring to use

	LookPath func(file string) (string, error) // finds plugins when a slot is added; exec.LookPath
	Random   io.Reader
	Now      func() time.Time

	// WorkFactor is log2 of scrypt's cost for new passphrase slots; 0 is 18. Only tests set it.
	WorkFactor int

	proved map[string]*secret.Value // by slot id: the passphrase that opened it; pointers for the same reason as in DataKey
}

// OSKeyring is the keyring of the user's login session. Package oskeyring has one for each system.
type OSKeyring interface {
	// Probe returns nil if there is a keyring, and else says why not, within the context's time.
	Probe(ctx context.Context) error
	Store(ctx context.Context, vaultID, slotID string, key []byte) error
	// Load returns what was stored; fault.NotFound if nothing was.
	Load(ctx context.Context, vaultID, slotID string) ([]byte, error)
	// Delete removes the item; that there is none is no error.
	Delete(ctx context.Context, vaultID, slotID string) error
}

// Spec says what a new slot shall be opened by. Which fields count depends on the kind.
type Spec struct {
	Kind       SlotKind
	Label      string
	Passphrase secret.Value // passphrase
	Path       string       // key-file; it is made if it does not exist
	Env        string       // env: the variable's name; an identity is made if it is empty
	Recipient  string       // recipient: "age1…", "age1pq1…", "age1PLUGIN1…", "ssh-ed25519 …" or "ssh-rsa …"
}

// Made is what the user must be told about a new slot.
type Made struct {
	Phrase secret.Value // recovery: the ten words; env: the identity, when one was made. Shown once and kept nowhere
	Notice string       // one line; empty if there is nothing to say
}

// Forget drops the passphrases that were typed.
func (o *Opener) Forget() {
	for _, p := range o.proved {
		p.Wipe()
	}
	o.proved = nil
}

func (o *Opener) remember(s Slot, phrase secret.Value) {
	if o.proved == nil {
		o.proved = map[string]*secret.Value{}
	}
	o.proved[s.ID] = &phrase
}

// name is a slot in messages: "slot 2 (key file)".
func (s Slot) name() string {
	kind := string(s.Kind)
	switch {
	case s.Kind == SlotKeyFile:
		kind = "key file"
	case s.Kind == SlotEnv:
		kind = "variable " + s.Env
	case s.Plugin != "":
		kind = "age plugin"
	}
	return "slot " + s.ID + " (" + kind + ")"
}

// failed gives err, which happened with s, its class and the slot's name.
func (s Slot) failed(c fault.Code, err error) *fault.Error {
	e := fault.Wrap(c, err, "%s", s.name())
	if e.Object == "" {
		e.Object = s.ID
	}
	return e
}
