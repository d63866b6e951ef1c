package oskeyring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"tacit/internal/fault"
)

// Names of the Secret Service API.
const (
	bus        = "org.freedesktop.DBus"
	service    = "org.freedesktop.secrets"
	root       = dbus.ObjectPath("/org/freedesktop/secrets")
	none       = dbus.ObjectPath("/")
	iService   = "org.freedesktop.Secret.Service."
	iColl      = "org.freedesktop.Secret.Collection."
	iItem      = "org.freedesktop.Secret.Item."
	iPrompt    = "org.freedesktop.Secret.Prompt"
	algorithm  = "dh-ietf1024-sha256-aes128-cbc-pkcs7"
	loginColl  = root + "/collection/login"
	contentsAs = "text/plain"
)

// Keyring is the Secret Service of a session.
type Keyring struct{ getenv func(string) string }

// New returns the keyring of the session that the environment describes. It does not connect.
func New(getenv func(string) string) *Keyring { return &Keyring{getenv} }

// Probe returns nil if a keyring answers, and else why there is none, as an error of class fault.Unavailable.
func (k *Keyring) Probe(ctx context.Context) error {
	_, err := within(ctx, callTime, func(ctx context.Context) (struct{}, error) {
		c, err := k.connect(ctx)
		if err != nil {
			return struct{}{}, err
		}
		defer c.close()
		return struct{}{}, nil
	})
	return err
}

// Store puts key into the default collection, in the place of one that is there for the same slot.
func (k *Keyring) Store(ctx context.Context, vaultID, slotID string, key []byte) error {
	_, err := within(ctx, k.patience(), func(ctx context.Context) (struct{}, error) {
		c, err := k.session(ctx)
		if err != nil {
			return struct{}{}, err
		}
		defer c.close()
		return struct{}{}, c.store("tacit vault "+vaultID+", slot "+slotID, attributes(vaultID, slotID), key)
	})
	return err
}

// Load returns what Store stored, or an error of class fault.NotFound.
func (k *Keyring) Load(ctx context.Context, vaultID, slotID string) ([]byte, error) {
	return within(ctx, k.patience(), func(ctx context.Context) ([]byte, error) {
		c, err := k.session(ctx)
		if err != nil {
			return nil, err
		}
		defer c.close()
		return c.load(attributes(vaultID, slotID))
	})
}

// Delete removes what Store stored. That there is nothing is no error.
func (k *Keyring) Delete(ctx context.Context, vaultID, slotID string) error {
	_, err := within(ctx, k.patience(), func(ctx context.Context) (struct{}, error) {
		c, err := k.connect(ctx)
		if err != nil {
			return struct{}{}, err
		}
		defer c.close()
		return struct{}{}, c.remove(attributes(vaultID, slotID))
	})
	return err
}

func attributes(vaultID, slotID string) map[string]string {
	return map[string]string{"service": "tacit", "vault": vaultID, "slot": slotID}
}

// display reports whether there is something that a keyring could show a prompt on.
func (k *Keyring) display() bool {
	return k.getenv("DISPLAY") != "" || k.getenv("WAYLAND_DISPLAY") != ""
}

// address returns the address of the session's bus. It is never started, nor looked for in other ways, and only a socket will do:
// D-Bus addresses can also name a host, or a program to run.
func (k *Keyring) address() (string, error) {
	for _, a := range strings.Split(k.getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		if strings.HasPrefix(a, "unix:") {
			return a, nil
		}
	}
	if dir := k.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		path := filepath.Join(dir, "bus")
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return "unix:path=" + dbus.EscapeBusAddressValue(path), nil
		}
	}
	return "", fault.New(fault.Unavailable, "there is no session bus (DBUS_SESSION_BUS_ADDRESS)")
}

// connection is one conversation with the service. It lives as long as one call of the API.
type connection struct {
	ctx     context.Context //nolint:containedctx // see above
	bus     *dbus.Conn
	display bool
	flags   dbus.Flags

	path dbus.ObjectPath // of the session
	key  []byte          // of the session
}

func (k *Keyring) connect(ctx context.Context) (*connection, error) {
	address, err := k.address()
	if err != nil {
		return nil, err
	}
	conn, err := dbus.Connect(address, dbus.WithContext(ctx), dbus.WithAuth(dbus.AuthExternal(strconv.Itoa(os.Geteuid()))))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "connect to the session bus")
	}
	c := &connection{ctx: ctx, bus: conn, display: k.display()}
	if err := c.present(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *connection) close() { _ = c.bus.Close() }

// present returns nil if a keyring runs, or may be started: on a desktop the bus starts it when it is called. Where there is no
// display it could not ask for its password, and would stay behind.
func (c *connection) present() error {
	var running bool
	if err := c.bus.BusObject().CallWithContext(c.ctx, bus+".NameHasOwner", 0, service).Store(&running); err != nil {
		return fault.Wrap(fault.Unavailable, err, "ask for the keyring")
	}
	if running {
		c.flags = dbus.FlagNoAutoStart
		return nil
	}
	if c.display {
		var names []string
		if err := c.bus.BusObject().CallWithContext(c.ctx, bus+".ListActivatableNames", 0).Store(&names); err != nil {
			return fault.Wrap(fault.Unavailable, err, "ask for the keyring")
		}
		for _, n := range names {
			if n == service {
				return nil
			}
		}
	}
	return fault.New(fault.Unavailable, "no keyring service runs in this session")
}

// call calls a method of an object and stores its results.
func (c *connection) call(path dbus.ObjectPath, method string, results []any, args ...any) error {
	call := c.bus.Object(service, path).CallWithContext(c.ctx, method, c.flags, args...)
	return call.Store(results...)
}

// store makes an item in the default collection, in the place of one with the same attributes.
func (c *connection) store(label string, attrs map[string]string, key []byte) error {
	collection, err := c.collection()
	if err != nil {
		return err
	}
	sealed, err := c.seal(key)
	if err != nil {
		return err
	}
	properties := map[string]dbus.Variant{
		iItem + "Label":      dbus.MakeVariant(label),
		iItem + "Attributes": dbus.MakeVariant(attrs),
	}
	var item, prompt dbus.ObjectPath
	if err := c.call(collection, iColl+"CreateItem", []any{&item, &prompt}, properties, sealed, true); err != nil {
		return explain(err, "store a key")
	}
	_, err = c.prompt(prompt)
	return err
}

func (c *connection) load(attrs map[string]string) ([]byte, error) {
	items, err := c.find(attrs)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errNone
	}
	var sealed secret
	if err := c.call(items[0], iItem+"GetSecret", []any{&sealed}, c.path); err != nil {
		return nil, explain(err, "read a key")
	}
	return c.open(sealed)
}

func (c *connection) remove(attrs map[string]string) error {
	items, err := c.find(attrs)
	for _, item := range items {
		if err := c.delete(item); err != nil {
			return err
		}
	}
	return err
}

func (c *connection) delete(item dbus.ObjectPath) error {
	var prompt dbus.ObjectPath
	if err := c.call(item, iItem+"Delete", []any{&prompt}); err != nil {
		return explain(err, "remove a key")
	}
	_, err := c.prompt(prompt)
	return err
}

// find returns the items with the attributes, unlocked.
func (c *connection) find(attrs map[string]string) ([]dbus.ObjectPath, error) {
	var open, locked []dbus.ObjectPath
	if err := c.call(root, iService+"SearchItems", []any{&open, &locked}, attrs); err != nil {
		return nil, explain(err, "search")
	}
	if len(open) > 0 || len(locked) == 0 {
		return open, nil
	}
	return locked, c.unlock(locked...)
}

// collection returns the default collection, unlocked; on a desktop without one the user is asked to make it.
func (c *connection) collection() (dbus.ObjectPath, error) {
	path, err := c.defaultCollection()
	if err != nil {
		return none, err
	}
	if path != none {
		return path, c.unlock(path)
	}
	var prompt dbus.ObjectPath
	properties := map[string]dbus.Variant{iColl + "Label": dbus.MakeVariant("Default keyring")}
	if err := c.call(root, iService+"CreateCollection", []any{&path, &prompt}, properties, "default"); err != nil {
		return none, explain(err, "create the default keyring")
	}
	result, err := c.prompt(prompt)
	if err != nil {
		return none, err
	}
	if made, ok := result.Value().(dbus.ObjectPath); ok {
		path = made
	}
	return path, nil
}

// defaultCollection returns the default collection, else that of the login; none if there is neither.
func (c *connection) defaultCollection() (dbus.ObjectPath, error) {
	var path dbus.ObjectPath
	if err := c.call(root, iService+"ReadAlias", []any{&path}, "default"); err != nil {
		return none, explain(err, "find the default keyring")
	}
	if path == none && c.isCollection(loginColl) {
		path = loginColl
	}
	return path, nil
}

func (c *connection) isCollection(path dbus.ObjectPath) bool {
	var v dbus.Variant
	return c.call(path, "org.freedesktop.DBus.Properties.Get", []any{&v}, strings.TrimSuffix(iColl, "."), "Locked") == nil
}

func (c *connection) unlock(what ...dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	if err := c.call(root, iService+"Unlock", []any{&unlocked, &prompt}, what); err != nil {
		return explain(err, "unlock")
	}
	_, err := c.prompt(prompt)
	return err
}

// prompt lets the service ask the user what it must, and returns the outcome.
func (c *connection) prompt(path dbus.ObjectPath) (dbus.Variant, error) {
	if path == none || path == "" {
		return dbus.Variant{}, nil
	}
	if !c.display {
		_ = c.call(path, iPrompt+".Dismiss", nil)
		return dbus.Variant{}, fault.New(fault.Unavailable, "the keyring is locked, and there is no display to unlock it on")
	}
	match := []dbus.MatchOption{dbus.WithMatchObjectPath(path), dbus.WithMatchInterface(iPrompt), dbus.WithMatchMember("Completed")}
	if err := c.bus.AddMatchSignalContext(c.ctx, match...); err != nil {
		return dbus.Variant{}, explain(err, "wait for a prompt")
	}
	signals := make(chan *dbus.Signal, 8)
	c.bus.Signal(signals)
	defer c.bus.RemoveSignal(signals)
	if err := c.call(path, iPrompt+".Prompt", nil, ""); err != nil {
		return dbus.Variant{}, explain(err, "show a prompt")
	}
	for {
		select {
		case <-c.ctx.Done():
			return dbus.Variant{}, c.ctx.Err()
		case s, ok := <-signals:
			if !ok {
				return dbus.Variant{}, fault.New(fault.Unavailable, "the keyring went away")
			}
			if s.Path != path || s.Name != iPrompt+".Completed" || len(s.Body) != 2 {
				continue
			}
			if dismissed, ok := s.Body[0].(bool); !ok || dismissed {
				return dbus.Variant{}, fault.New(fault.Unavailable, "unlocking the keyring was cancelled")
			}
			result, _ := s.Body[1].(dbus.Variant)
			return result, nil
		}
	}
}

// explain gives an error of the bus its class, and the words for the one that users meet.
func explain(err error, doing string) error {
	var e dbus.Error
	if errors.As(err, &e) && e.Name == "org.freedesktop.Secret.Error.IsLocked" {
		return fault.New(fault.Unavailable, "the keyring is locked")
	}
	return fault.Wrap(fault.Unavailable, err, "keyring: %s", doing)
}
