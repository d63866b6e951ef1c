package oskeyring

import (
	"context"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"tacit/internal/fault"
)

const iProperties = "org.freedesktop.DBus.Properties."

func (i *Items) attributes(name string) map[string]string {
	return map[string]string{"service": i.service, "username": name}
}

// with opens a conversation for one call. Without a display a keyring that is not there at once is not there.
func (i *Items) with(ctx context.Context, fn func(*connection) error) error {
	k := i.keyring
	if !k.display() {
		probe, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		if err := k.Probe(probe); err != nil {
			return err
		}
	}
	_, err := within(ctx, k.patience(), func(ctx context.Context) (struct{}, error) {
		c, err := k.session(ctx)
		if err != nil {
			return struct{}{}, err
		}
		defer c.close()
		return struct{}{}, fn(c)
	})
	return err
}

// Check returns nil if the keyring answers and is unlocked. On a desktop it may ask the user.
func (i *Items) Check(ctx context.Context) error {
	return i.with(ctx, func(c *connection) error {
		_, err := c.unlockDefault()
		return err
	})
}

// Get returns the value of an item.
func (i *Items) Get(ctx context.Context, name string) (value []byte, err error) {
	err = i.with(ctx, func(c *connection) error {
		item, err := c.only(i.attributes(name))
		if err != nil {
			return err
		}
		var sealed secret
		if err := c.call(item, iItem+"GetSecret", []any{&sealed}, c.path); err != nil {
			return explain(err, "read an item")
		}
		value, err = c.open(sealed)
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Put makes an item, or changes the one of this name.
func (i *Items) Put(ctx context.Context, name string, value []byte) error {
	return i.with(ctx, func(c *connection) error {
		items, err := c.search(i.attributes(name))
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return c.store("tacit: "+name, i.attributes(name), value)
		}
		item, err := one(items)
		if err != nil {
			return err
		}
		sealed, err := c.seal(value)
		if err == nil {
			err = c.call(item, iItem+"SetSecret", nil, sealed)
		}
		if err != nil {
			return explain(err, "change an item")
		}
		return nil
	})
}

// Remove removes an item.
func (i *Items) Remove(ctx context.Context, name string) error {
	return i.with(ctx, func(c *connection) error {
		item, err := c.only(i.attributes(name))
		if err != nil {
			return err
		}
		return c.delete(item)
	})
}

// Names returns the names of all items.
func (i *Items) Names(ctx context.Context) (names []string, err error) {
	err = i.with(ctx, func(c *connection) error {
		items, err := c.search(map[string]string{"service": i.service})
		if err != nil {
			return err
		}
		for _, item := range items {
			attributes, err := c.attributes(item)
			if err != nil {
				return err
			}
			if n, ok := attributes["username"]; ok {
				names = append(names, n)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// only returns the one item with the attributes, unlocked.
func (c *connection) only(attributes map[string]string) (dbus.ObjectPath, error) {
	items, err := c.search(attributes)
	if err != nil {
		return none, err
	}
	return one(items)
}

// one returns the only item. Of several, nobody could say which is meant.
func one(items []dbus.ObjectPath) (dbus.ObjectPath, error) {
	switch len(items) {
	case 0:
		return none, errNoItem
	case 1:
		return items[0], nil
	}
	return none, fault.New(fault.Invalid, "the keyring has %d items of this name", len(items)).WithFix("remove all but one")
}

// search returns all items with the attributes, unlocked. A keyring that is locked may not say what it has: that there is nothing is
// believed when the default one was open.
func (c *connection) search(attributes map[string]string) ([]dbus.ObjectPath, error) {
	for range 2 {
		var open, locked []dbus.ObjectPath
		if err := c.call(root, iService+"SearchItems", []any{&open, &locked}, attributes); err != nil {
			return nil, explain(err, "search")
		}
		if len(locked) > 0 {
			if err := c.unlock(locked...); err != nil {
				return nil, err
			}
		}
		if len(open)+len(locked) > 0 {
			return append(open, locked...), nil
		}
		if was, err := c.unlockDefault(); err != nil || !was {
			return nil, err
		}
	}
	return nil, nil
}

// unlockDefault unlocks the default collection, if there is one and it is locked, and reports whether it had to.
func (c *connection) unlockDefault() (had bool, err error) {
	path, err := c.defaultCollection()
	if err != nil || path == none {
		return false, err
	}
	var locked bool
	if err := c.call(path, iProperties+"Get", []any{&locked}, strings.TrimSuffix(iColl, "."), "Locked"); err != nil {
		return false, explain(err, "look at the default keyring")
	}
	if !locked {
		return false, nil
	}
	return true, c.unlock(path)
}

func (c *connection) attributes(item dbus.ObjectPath) (map[string]string, error) {
	var v dbus.Variant
	if err := c.call(item, iProperties+"Get", []any{&v}, strings.TrimSuffix(iItem, "."), "Attributes"); err != nil {
		return nil, explain(err, "look at an item")
	}
	attributes, _ := v.Value().(map[string]string)
	return attributes, nil
}
