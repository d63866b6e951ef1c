package hashivault

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
	"tacit/internal/order"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// attempts is how often a write is tried anew when somebody else wrote meanwhile.
const attempts = 5

// kv2 is version 2 of the engine: entries with versions, each of which can be deleted (and brought back) or destroyed.
type kv2 struct{ *conn }

// Traits says that version 2 keeps older versions.
func (*kv2) Traits() provider.Traits {
	return provider.Traits{Writable: true, Versions: true, Remote: true}
}

func (k *kv2) data(name string) string     { return k.mount + "/data/" + k.prefix + name }
func (k *kv2) metadata(name string) string { return k.mount + "/metadata/" + k.prefix + name }

// A record is what Vault says of one version.
type record struct {
	Version   int64  `json:"version"`
	Created   string `json:"created_time"`
	Deletion  string `json:"deletion_time"` // of a version that can be read: when it will delete itself
	Destroyed bool   `json:"destroyed"`
}

// gone reports whether a version cannot be read at now.
func (r record) gone(now time.Time) bool {
	at := moment(r.Deletion)
	return r.Destroyed || !at.IsZero() && !at.After(now)
}

func (r record) item(name string) provider.Item {
	made := moment(r.Created)
	return provider.Item{Name: name, Version: strconv.FormatInt(r.Version, 10), CreatedAt: made, UpdatedAt: made, ExpiresAt: moment(r.Deletion)}
}

// moment reads a time of Vault's; what is none is zero.
func moment(s string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s)
	return t
}

// An entry is one version. fields is nil when there is nothing to read; record is then that of a deleted version, or zero.
type entry struct {
	fields jsontext.Value
	record record
}

// get asks for a version; 0 is the current one.
func (k *kv2) get(ctx context.Context, what, name string, version int64) (entry, error) {
	what += " " + name
	var query url.Values
	if version > 0 {
		query = url.Values{"version": {strconv.FormatInt(version, 10)}}
	}
	answer, err := k.call(ctx, what, http.MethodGet, k.data(name), query, nil)
	if err != nil {
		return entry{}, err
	}
	if answer.missing && answer.Data.Kind() != '{' {
		return entry{}, k.confirm(ctx)
	}
	var got struct {
		Data     jsontext.Value `json:"data"`
		Metadata record         `json:"metadata"`
	}
	if json.Unmarshal(answer.Data, &got) != nil || got.Metadata.Version < 1 || version > 0 && got.Metadata.Version != version {
		return entry{}, k.strange(what)
	}
	if answer.missing {
		return entry{record: got.Metadata}, nil
	}
	return entry{got.Data, got.Metadata}, nil
}

func (k *kv2) strange(what string) error {
	return provider.Errorf(fault.Invalid, k.name, "%s: the answer is not that of version 2 of the key-value engine", what).WithFix("check path and kv, and the address")
}

// Read returns a version: its number, [provider.Previous], or the current one.
func (k *kv2) Read(ctx context.Context, name, version string) (provider.Item, error) {
	if err := provider.CheckName(k.name, name); err != nil {
		return provider.Item{}, err
	}
	number, err := k.number(ctx, name, version)
	if err != nil {
		return provider.Item{}, err
	}
	e, err := k.get(ctx, "read", name, number)
	if err != nil {
		return provider.Item{}, err
	}
	if e.fields == nil {
		return provider.Item{}, k.lost(ctx, name, e.record)
	}
	it := e.record.item(name)
	if it.Value, err = k.unpack(name, e.fields); err != nil {
		return provider.Item{}, err
	}
	return it, nil
}

// number returns the number of a version; 0 for the current one.
func (k *kv2) number(ctx context.Context, name, version string) (int64, error) {
	switch version {
	case "":
		return 0, nil
	case provider.Previous:
		all, err := k.live(ctx, "read", name)
		if err != nil {
			return 0, err
		}
		if i := slices.IndexFunc(all.records, func(r record) bool { return r.Version < all.current }); i >= 0 {
			return all.records[i].Version, nil
		}
		if all.all > 1 { // they were there
			return 0, k.gone(name)
		}
		return 0, provider.Errorf(fault.NotFound, k.name, "%s has no previous version", name).About(name).WithFix("read it without a version")
	}
	n, err := strconv.ParseInt(version, 10, 32)
	if err != nil || n < 1 {
		return 0, k.notFound(ctx, name)
	}
	return n, nil
}

// lost is the error for what cannot be read. Only what Vault knows nothing of is "not found": a version that somebody deleted, perhaps by
// mistake, must not have another provider's value take its place unnoticed (I19).
func (k *kv2) lost(ctx context.Context, name string, r record) error {
	switch {
	case r.Version == 0:
		return k.notFound(ctx, name)
	case r.Destroyed:
		return provider.Errorf(fault.Expired, k.name, "version %d of %s was destroyed", r.Version, name).About(name).
			WithFix("write it anew, or read another version")
	}
	return provider.Errorf(fault.Expired, k.name, "version %d of %s was deleted", r.Version, name).About(name).
		WithFix("bring it back with `vault kv undelete`, write it anew, or read another version")
}

// gone is the error for a secret none of whose versions, or of those before the current one, can be read.
func (k *kv2) gone(name string) error {
	return provider.Errorf(fault.Expired, k.name, "the versions of %s were deleted or destroyed", name).About(name).
		WithFix("bring one back with `vault kv undelete`, or write it anew")
}

// Write adds a version. It holds on only if nobody wrote since it looked at what is there, which it does to lose no fields of others.
func (k *kv2) Write(ctx context.Context, name string, value secret.Value) (provider.Item, error) {
	if err := provider.CheckWrite(k.name, name, value); err != nil {
		return provider.Item{}, err
	}
	select {
	case k.writing <- struct{}{}:
		defer func() { <-k.writing }()
	case <-ctx.Done():
		return provider.Item{}, provider.Ended(ctx, k.name)
	}
	for attempt := 1; ; attempt++ {
		it, err := k.add(ctx, name, value)
		if !errors.Is(err, errOvertaken) {
			return it, err
		}
		if attempt == attempts {
			return provider.Item{}, provider.Errorf(fault.Conflict, k.name, "write %s: others wrote it %d times meanwhile", name, attempts).About(name).WithFix("try again")
		}
	}
}

// errOvertaken is an error of check-and-set.
var errOvertaken = errors.New("overtaken")

// add makes one attempt to write.
func (k *kv2) add(ctx context.Context, name string, value secret.Value) (provider.Item, error) {
	e, err := k.get(ctx, "write", name, 0)
	if err != nil {
		return provider.Item{}, err
	}
	if e.fields != nil {
		if err := k.replaceable(name, e.fields); err != nil {
			return provider.Item{}, err
		}
	}
	type options struct {
		CAS int64 `json:"cas"`
	}
	what := "write " + name
	answer, err := k.call(ctx, what, http.MethodPost, k.data(name), nil, struct {
		Options options           `json:"options"`
		Data    map[string]string `json:"data"`
	}{options{e.record.Version}, pack(value)})
	var made record
	switch {
	case errors.Is(err, fault.Conflict):
		return provider.Item{}, errOvertaken
	case err != nil:
		return provider.Item{}, err
	case answer.missing:
		return provider.Item{}, k.vanished(what)
	case json.Unmarshal(answer.Data, &made) != nil, made.Version != e.record.Version+1:
		return provider.Item{}, k.strange(what)
	}
	return made.item(name), nil
}

// List calls each with every secret, deleted ones too: Vault lists names that have metadata.
func (k *kv2) List(ctx context.Context, each func(provider.Item) error) error {
	return k.list(ctx, k.mount+"/metadata/", "", each)
}

// history is the versions of a secret, newest first.
type history struct {
	records []record
	current int64 // the newest, also when it is gone
	all     int
}

// live returns the versions that can be read.
func (k *kv2) live(ctx context.Context, what, name string) (history, error) {
	what += " " + name
	answer, err := k.call(ctx, what, http.MethodGet, k.metadata(name), nil, nil)
	switch {
	case err != nil:
		return history{}, err
	case answer.missing:
		return history{}, k.notFound(ctx, name)
	}
	var got struct {
		Current  int64             `json:"current_version"`
		Versions map[string]record `json:"versions"`
	}
	if json.Unmarshal(answer.Data, &got) != nil || got.Versions == nil {
		return history{}, k.strange(what)
	}
	h := history{current: got.Current, all: len(got.Versions)}
	for number, r := range got.Versions {
		if r.Version, err = strconv.ParseInt(number, 10, 32); err != nil || r.Version < 1 {
			return history{}, k.strange(what)
		}
		if !r.gone(k.session.now()) {
			h.records = append(h.records, r)
		}
	}
	order.By(h.records, func(a, b record) int { return int(b.Version - a.Version) })
	return h, nil
}

// Versions returns the versions that can be read; those that were deleted or destroyed are left out.
func (k *kv2) Versions(ctx context.Context, name string) ([]provider.Item, error) {
	if err := provider.CheckName(k.name, name); err != nil {
		return nil, err
	}
	h, err := k.live(ctx, "list the versions of", name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(h.records) == 0 && h.all > 0:
		return nil, k.gone(name)
	case h.all == 0: // metadata alone: nothing was ever written
		return nil, k.notFound(ctx, name)
	}
	all := make([]provider.Item, len(h.records))
	for i, r := range h.records {
		all[i] = r.item(name)
	}
	return all, nil
}

// Delete removes the entry with its metadata and every version, for good.
func (k *kv2) Delete(ctx context.Context, name string) (int, error) {
	if err := provider.CheckName(k.name, name); err != nil {
		return 0, err
	}
	h, err := k.live(ctx, "delete", name) // Vault says yes to deleting nothing
	if err != nil {
		return 0, err
	}
	answer, err := k.call(ctx, "delete "+name, http.MethodDelete, k.metadata(name), nil, nil)
	switch {
	case err != nil:
		return 0, err
	case answer.missing:
		return 0, k.vanished("delete " + name)
	}
	return h.all, nil
}
