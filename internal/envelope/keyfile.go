package envelope

import (
	"context"

	"filippo.io/age"

	"tacit/internal/fault"
)

// A KeyFile is what a file of age identities or an ssh private key opens and locks, for files that are no slots.
type KeyFile struct {
	Identities []age.Identity
	Recipients []age.Recipient // one for each identity
}

// ReadKeyFile reads a key file of the user's: what age-keygen wrote, or an ssh private key without a passphrase. Nobody is asked
// anything and no plugin is run. Errors have class fault.Permissions when others can read the file, else fault.Invalid.
func ReadKeyFile(ctx context.Context, path string) (KeyFile, error) {
	o := &Opener{}
	found, err := o.readIdentities(ctx, path)
	if err != nil {
		return KeyFile{}, err
	}
	var k KeyFile
	for _, i := range found {
		if i.how == byPlugin {
			return KeyFile{}, fault.New(fault.Invalid, "%s needs the plugin age-plugin-%s", path, i.plugin).WithFix("name a file with a key of its own")
		}
		l, err := o.parseRecipient(ctx, i.recipient(), "")
		if err != nil {
			return KeyFile{}, err
		}
		k.Identities = append(k.Identities, i.age)
		k.Recipients = append(k.Recipients, l.age)
	}
	return k, nil
}

// ParseFileRecipient returns the recipient that a line names: "age1…", "age1pq1…", "ssh-ed25519 …" or "ssh-rsa …". No plugin is run. Errors have
// class fault.Invalid.
func ParseFileRecipient(ctx context.Context, line string) (age.Recipient, error) {
	nowhere := func(string) (string, error) {
		return "", fault.New(fault.Invalid, "recipients of plugins cannot be used here")
	}
	l, err := (&Opener{LookPath: nowhere}).parseRecipient(ctx, line, "")
	return l.age, err
}
