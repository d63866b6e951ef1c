package keeper

import (
	"sync"
	"time"

	"tacit/internal/policy"
)

// Config is what the user's configuration says about access, beside what the vault says, and about the log.
type Config struct {
	Defaults []policy.Grant // what principals may do without a grant
	// Unenforced: what policy denies is recorded as denied and done all the same, see [asker.lenient].
	Unenforced bool
	// Retain is how long the records of the audit log are kept at the least; less than [Retain] counts as that.
	Retain time.Duration
}

// config is the configuration as it is read when somebody first needs it. Two of them are told apart by their address.
type config struct {
	read func() (Config, error)
}

// Enforced reports whether what policy denies is refused. A configuration that cannot be read does not loosen anything.
func (k *Keeper) Enforced() bool {
	said, err := k.config.Load().read()
	return err != nil || !said.Unenforced
}

// Reconfigure has the configuration read again. The next request of everybody is decided by what it then says.
func (k *Keeper) Reconfigure() {
	read := k.opts.Config
	if read == nil {
		read = func() (Config, error) { return Config{}, nil }
	}
	k.config.Store(&config{sync.OnceValues(read)})
}
