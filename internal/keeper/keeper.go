package keeper

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tacit/internal/audit"
	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/vault"
)

// Options are what a keeper works on.
type Options struct {
	Layout  paths.Layout
	Engine  engine.Engine
	Opener  *envelope.Opener // nil in the agent, which opens no slot: see [Keeper.Adopt]
	Now     func() time.Time
	Random  io.Reader
	Version string // of the program, for status

	// Create makes the empty storage that Engine opens; Init calls it.
	Create func(ctx context.Context, fill func(put func(key, value []byte) error) error) error
	// Config returns what the user's configuration says about access and the log. It is called once, when somebody else than the owner
	// asks for something, policies are shown or the log is pruned, and once more after each [Keeper.Reconfigure]; an error leaves only the owner (I15). nil:
	// nothing is said.
	Config func() (Config, error)
	// Lazy: what a read records is written before the answer and on disk within a second (the agent); else on disk before it.
	Lazy bool
	// HTTP2 lets the broker speak HTTP/2 with upstreams: only in a process that knows its environment (the agent).
	HTTP2 bool
	// BaseURL returns the root of the base URLs that listen now, such as http://127.0.0.1:40123, empty for none. nil: there never is one.
	BaseURL func() string
	// Trace is told what is happening, for tests that kill the process. nil in production.
	Trace func(phase string)
}

// Keeper implements [API] and [Owner] on a vault of this machine. It opens the vault when the first call needs it.
type Keeper struct {
	opts  Options
	vault *vault.Vault
	log   *audit.Log

	stopSync func() error // of the log, while it is kept synced; else nil
	changes  changes      // that wait to be committed

	accessNow    atomic.Pointer[access]    // as last read
	config       atomic.Pointer[config]    // that counts now
	brokerageNow atomic.Pointer[brokerage] // as last read

	prepared prepared   // credentials that were used a moment ago
	ends     ends       // of uses, that wait to be written
	undone   undoneList // what callers do with other providers

	newLog bool // the log was set aside by this process, so it begins anew

	// opened: the vault has its keys and the log is open. Only who has mu changes that; whoever finds it set may use both.
	opened atomic.Bool
	stale  atomic.Bool // the keys were adopted, and another process changed the root key since

	mu   sync.Mutex
	root *envelope.Root // while unlocked; the presence operations need it
	slot envelope.Slot  // that was opened
}

var (
	_ API   = (*Keeper)(nil)
	_ Owner = (*Keeper)(nil)
)

// New returns a keeper. It touches no file.
func New(o Options) *Keeper {
	k := &Keeper{opts: o, vault: vault.New(o.Engine, o.Random, o.Now), changes: changes{within: batchTime}}
	k.Reconfigure()
	return k
}

// Close destroys the keys. No other call may be under way.
func (k *Keeper) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closeBroker()
	k.ends.rest()
	k.writeEnds(context.Background())
	if k.root != nil {
		k.root.Wipe()
		k.root = nil
	}
	k.opened.Store(false)
	k.vault.Wipe()
	return errors.Join(k.closeLog(), k.opts.Engine.Close())
}

// unlock opens the vault with a slot, unless it is open.
func (k *Keeper) unlock(ctx context.Context) error {
	if k.opened.Load() {
		return nil
	}
	return k.open(ctx, nothing)
}

func nothing(*vault.Reader) error { return nil }

// view calls use with the present state of the vault, after opening it with a slot when it is locked.
func (k *Keeper) view(ctx context.Context, use func(*vault.Reader) error) error {
	if !k.opened.Load() {
		return k.open(ctx, use)
	}
	return k.vault.View(ctx, use)
}

// open opens the locked vault with a slot and calls use with the state that it then has. Files that others may read or write
// are refused.
func (k *Keeper) open(ctx context.Context, use func(*vault.Reader) error) error {
	if err := k.checkFiles(); err != nil {
		return err
	}
	return k.openWith(ctx, k.bySlot, use)
}

// bySlot finds the root key with what this process and its user have.
func (k *Keeper) bySlot(ctx context.Context, door vault.Door) (*envelope.Root, envelope.Slot, error) {
	if k.opts.Opener == nil {
		return nil, envelope.Slot{}, fault.New(fault.Locked, "the vault is locked").WithFix("tacit unlock")
	}
	k.opts.Opener.VaultID = door.Header.VaultID
	return k.opts.Opener.Open(ctx, door.Slots)
}

// finder returns the root key, and which of the door's slots it is from.
type finder func(ctx context.Context, door vault.Door) (*envelope.Root, envelope.Slot, error)

// openWith is open with the root key that find returns, whatever the modes of the files.
func (k *Keeper) openWith(ctx context.Context, find finder, use func(*vault.Reader) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.vault.Locked() {
		k.opened.Store(true)
		return k.vault.View(ctx, use)
	}
	var (
		root   *envelope.Root
		slot   envelope.Slot
		opened bool
	)
	then := func(r *vault.Reader) error {
		if err := k.known(ctx); err != nil {
			return err
		}
		opened = true
		k.root, k.slot = root, slot
		k.openLog()
		k.opened.Store(true)
		return use(r)
	}
	entered, err := k.vault.Enter(ctx, func(door vault.Door) (*envelope.Root, envelope.Slot) {
		root, slot = k.atOnce(ctx, door)
		return root, slot
	}, then)
	if err == nil && !entered {
		root, slot, err = k.find(ctx, find)
		if err != nil {
			return err
		}
		err = k.vault.Unlock(ctx, root, slot, then)
	}
	switch {
	case opened && k.opts.Opener != nil: // not the agent, which was given a key
		k.slotUsed(k.vault.Header().VaultID, slot)
	case !opened && root != nil:
		k.vault.Lock()
		root.Wipe()
	}
	return err
}

// atOnce finds the root key while the vault is being read, which others wait for: nil when that takes more than a key file.
func (k *Keeper) atOnce(ctx context.Context, door vault.Door) (*envelope.Root, envelope.Slot) {
	if k.opts.Opener == nil {
		return nil, envelope.Slot{}
	}
	k.opts.Opener.VaultID = door.Header.VaultID
	return k.opts.Opener.OpenAtOnce(ctx, door.Slots)
}

// find calls find with the door, while nobody waits for us.
func (k *Keeper) find(ctx context.Context, find finder) (*envelope.Root, envelope.Slot, error) {
	door, err := k.vault.Door(ctx)
	if err != nil {
		return nil, envelope.Slot{}, err
	}
	return find(ctx, door)
}

// openLog makes the log that belongs to the keys.
func (k *Keeper) openLog() {
	_ = k.closeLog() // the one before, of keys that are old now
	k.log = audit.Open(audit.Options{
		Dir: k.opts.Layout.Audit, VaultID: k.vault.Header().VaultID, Keys: k.vault, Epoch: k.vault.Epoch(), Trace: k.opts.Trace,
		Pruned: k.prunedTo,
	})
	if k.opts.Lazy {
		k.stopSync = k.log.KeepSynced(audit.SyncWithin)
	}
}

// closeLog makes durable what was only written, and closes the log. The caller has mu.
func (k *Keeper) closeLog() error {
	stop := k.stopSync
	k.stopSync = nil
	if stop == nil {
		return nil
	}
	return stop()
}

// relock forgets keys that another process made old by a root rotation.
func (k *Keeper) relock() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgetPrepared()
	k.ends.rest()
	_ = k.closeLog() // a disk that fails now fails the next append too
	k.opened.Store(false)
	k.vault.Lock()
}

// checkFiles refuses files that others may read or write (I07).
func (k *Keeper) checkFiles() error {
	if _, err := os.Lstat(k.opts.Layout.Vault); errors.Is(err, os.ErrNotExist) {
		return noVault(k.opts.Layout.Vault)
	}
	if err := paths.CheckDir(filepath.Dir(k.opts.Layout.Vault)); err != nil {
		return err
	}
	return paths.CheckFile(k.opts.Layout.Vault)
}

func noVault(path string) error {
	return fault.New(fault.NoVault, "there is no vault at %s", path).WithFix("tacit init")
}

// known checks that this is the vault that was used at this path before, and remembers it the first time (I02).
func (k *Keeper) known(ctx context.Context) error {
	path, vaults := k.opts.Layout.Vault, paths.NewKnown(k.opts.Layout.Known)
	is := k.vault.Fingerprint()
	was, ok, err := vaults.Lookup(path)
	switch {
	case err != nil:
		return err
	case !ok:
		return vaults.Remember(ctx, path, is[:])
	case !bytes.Equal(was, is[:]):
		return fault.New(fault.Foreign, "open vault: %s is not the vault you used here before", path).About(path).
			WithFix("put the right file back; if you replaced it yourself, remove its line from %s", k.opts.Layout.Known)
	}
	return nil
}
