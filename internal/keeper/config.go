package keeper

import (
	"sync"

	"tacit/internal/policy"
)

// Config is what the user's configuration says about access, beside what the vault says.
type Config struct {
	Defaults []policy.Grant // what principals may do without a grant
}

// config is the configuration as it is read when somebody first needs it. Two of them are told apart by their address.
type config struct {
	read func() (Config, error)
}

// Reconfigure has the configuration read again. The next request of everybody is decided by what it then says.
func (k *Keeper) Reconfigure() {
	read := k.opts.Config
	if read == nil {
		read = func() (Config, error) { return Config{}, nil }
	}
	k.config.Store(&config{sync.OnceValues(read)})
}
