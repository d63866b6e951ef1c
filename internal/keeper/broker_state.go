package keeper

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// Kinds of the records that the vault keeps about the broker. What follows is random: their names are in the clear.
const (
	serviceRecord    = "service/"
	credentialRecord = "credential/" //nolint:gosec // a kind of record
	bindingRecord    = "binding/"
	limitRecord      = "limit/"
	leaseRecord      = "lease/"
)

// credential is one that `credential create` made, as it is kept. Those of the names that the registry knows are not kept: they are
// read off the secrets that are there, see [automatic].
type credential struct {
	record string

	ID        string              `json:"id"`
	Service   string              `json:"service"`
	Scope     name.Scope          `json:"scope"`
	Secrets   map[string]vault.ID `json:"secrets"` // by placeholder: ids, so that no other secret takes the place of one (I23)
	Host      string              `json:"host,omitempty"`
	CreatedAt vault.Millis        `json:"created_at"`
}

// binding says which credential answers for a capability in a scope.
type binding struct {
	record string

	Capability string       `json:"capability"`
	Credential string       `json:"credential"`
	Scope      name.Scope   `json:"scope"`
	CreatedAt  vault.Millis `json:"created_at"`
}

// limit is what a capability is bound by.
type limit struct {
	record string

	Capability string   `json:"capability"`
	Limits     limits   `json:"limits"`
	Redact     []string `json:"redact,omitempty"`
}

// limits are broker.Limits as they are kept.
type limits struct {
	RatePerMinute    int   `json:"rate_per_minute,omitempty"`
	MaxRequestBytes  int64 `json:"max_request_bytes,omitempty"`
	MaxResponseBytes int64 `json:"max_response_bytes,omitempty"`
	TimeoutMS        int64 `json:"timeout_ms,omitempty"`
	Concurrency      int   `json:"concurrency,omitempty"`
}

func (l limits) broker() broker.Limits {
	return broker.Limits{
		RatePerMinute: l.RatePerMinute, MaxRequestBytes: l.MaxRequestBytes, MaxResponseBytes: l.MaxResponseBytes,
		Timeout: time.Duration(l.TimeoutMS) * time.Millisecond, Concurrency: l.Concurrency,
	}
}

// brokerage is what one state of the vault says about the broker. It never changes; a change in the vault makes another one.
type brokerage struct {
	state       vault.SmallState
	catalog     *registry.Catalog
	own         map[string]string // record of each own service
	credentials map[string]*credential
	made        map[place][]*credential // the same, by id in each place
	bindings    []*binding
	bound       map[boundAt]string // credential
	limits      map[string]*limit  // by capability
	leases      map[string]lease   // by credential
}

// place is where credentials answer for a service.
type place struct {
	service string
	scope   name.Scope
}

// boundAt is what a binding is about.
type boundAt struct {
	capability string
	scope      name.Scope
}

// brokerage returns what the state of r says. It is read again only when it changed.
func (k *Keeper) brokerage(r *vault.Reader) (*brokerage, error) {
	state := r.SmallState(vault.KindBroker)
	before := k.brokerageNow.Load()
	if before != nil && before.state == state {
		return before, nil
	}
	b := newBrokerage()
	b.state = state
	var own []*registry.Service
	err := r.Small(vault.KindBroker, func(n string, plain []byte) error { return b.read(n, plain, &own) })
	if err != nil {
		return nil, err
	}
	if b.catalog, err = registry.NewCatalog(own...); err != nil {
		return nil, err
	}
	for _, list := range b.made {
		order.By(list, func(x, y *credential) int { return cmp.Compare(x.ID, y.ID) })
	}
	k.brokerageNow.Store(b)
	return b, nil
}

func newBrokerage() *brokerage {
	return &brokerage{
		own: map[string]string{}, credentials: map[string]*credential{}, made: map[place][]*credential{},
		bound: map[boundAt]string{}, limits: map[string]*limit{}, leases: map[string]lease{},
	}
}

func (b *brokerage) read(record string, plain []byte, own *[]*registry.Service) (err error) {
	kind, _, _ := strings.Cut(record, "/")
	switch kind + "/" {
	case serviceRecord:
		var s *registry.Service
		if s, err = registry.DecodeService(plain); err == nil {
			*own = append(*own, s)
			b.own[s.ID] = record
		}
	case credentialRecord:
		c := &credential{record: record}
		if err = json.Unmarshal(plain, c); err == nil {
			b.credentials[c.ID] = c
			at := place{c.Service, c.Scope}
			b.made[at] = append(b.made[at], c)
		}
	case bindingRecord:
		x := &binding{record: record}
		if err = json.Unmarshal(plain, x); err == nil {
			b.bindings = append(b.bindings, x)
			b.bound[boundAt{x.Capability, x.Scope}] = x.Credential
		}
	case limitRecord:
		l := &limit{record: record}
		if err = json.Unmarshal(plain, l); err == nil {
			b.limits[l.Capability] = l
		}
	case leaseRecord:
		l := lease{record: record}
		if err = json.Unmarshal(plain, &l); err == nil {
			b.leases[l.Credential] = l
		}
	default:
		err = fault.New(fault.NewerFormat, "a record about the broker is of a kind that this version does not know").WithFix("use a newer tacit")
	}
	if err != nil {
		return fault.Wrap(fault.Corrupted, err, "read what the vault keeps about the broker")
	}
	return nil
}

// putRecord stores a record: in the place of the one that is called so, or of a new name when that is only a kind.
func putRecord(tx *vault.Tx, record string, v any) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return putPlain(tx, record, plain)
}

func putPlain(tx *vault.Tx, record string, plain []byte) error {
	if strings.HasSuffix(record, "/") {
		record += rand128()
	}
	return tx.PutSmall(vault.KindBroker, record, plain)
}

// rand128 returns 128 random bits in hex.
func rand128() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func removeRecord(tx *vault.Tx, record string) error { return tx.RemoveSmall(vault.KindBroker, record) }
