package envelope

import "time"

// SlotKind says what opens a slot.
type SlotKind string

const (
	SlotPassphrase SlotKind = "passphrase" // age scrypt, work factor 18
	SlotRecovery   SlotKind = "recovery"   // ten diceware words, shown once; age scrypt
	SlotKeyFile    SlotKind = "key-file"   // an age identity in a file
	SlotKeyring    SlotKind = "keyring"    // a 32-byte key in the OS keyring
	SlotEnv        SlotKind = "env"        // an age identity in an environment variable
	SlotRecipient  SlotKind = "recipient"  // an age, ssh or plugin recipient; its identity is found when it is opened
)

// NeedsUser reports whether opening a slot of this kind takes something that only the user has at that moment.
// Sealing protects against code that runs as the user only if every slot does.
func (k SlotKind) NeedsUser() bool { return k == SlotPassphrase || k == SlotRecovery }

// Slot is one way to unlock the vault: an age file that holds the root key, and what is needed to find its identity.
// It is stored in the clear, so it holds nothing about what the vault contains. Seal authenticates every other field under
// the root key, so that nobody else can swap the recipient that a root rotation will encrypt the next root key to.
type Slot struct {
	ID          string // "1", "2", …; never used again
	Kind        SlotKind
	Label       string
	PostQuantum bool
	Recipient   string // public; empty for passphrase and recovery
	Path        string // key-file: where the identity is
	Env         string // env: the variable's name
	Plugin      string // recipient: absolute path of the age plugin
	CreatedAt   time.Time
	Epoch       uint32
	Age         []byte // the age file
	Seal        []byte // box of SHA-256 over the other fields, under wrap
}

// NeedsUser reports whether opening the slot takes something that only the user has at that moment: a phrase, or a plugin's
// hardware. Whether a plugin really asks for a touch cannot be seen from here, so it does not count.
func (s Slot) NeedsUser() bool { return s.Kind.NeedsUser() }
