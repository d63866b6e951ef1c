package oskeyring

import (
	"context"
	"slices"
	"strings"

	"github.com/danieljoos/wincred"

	"tacit/internal/fault"
)

// limit is CRED_MAX_CREDENTIAL_BLOB_SIZE of wincred.h.
const limit = "2560 bytes"

// spelled reports whether no item of the service has a name that differs from this one in case only: to Windows they are one.
func (i *Items) spelled(name string) (bool, error) {
	names, err := i.Names(context.Background())
	return !slices.ContainsFunc(names, func(n string) bool { return n != name && strings.EqualFold(n, name) }), err
}

// Names returns the names of all items.
func (i *Items) Names(context.Context) ([]string, error) {
	all, err := wincred.List()
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "keyring")
	}
	var names []string
	for _, c := range all {
		if n, ok := strings.CutPrefix(c.TargetName, i.service+":"); ok && !i.ours(n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}
