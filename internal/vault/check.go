package vault

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
)

// Problem is one thing that is wrong with the vault's data.
type Problem struct {
	Kind   Kind
	Object string // a name or an id; empty if unknown
	Err    error
}

// maxProblems bounds a report: a vault that is ruined does not fill the screen.
const maxProblems = 100

// Check opens every record, values included, and compares all of them with the anchor: kinds complete, every index entry
// leading to a secret that has that name, every version with its value, nothing without an owner.
func (r *Reader) Check(progress func(done, total int)) (problems []Problem, err error) {
	c := checker{r: r, progress: progress, entries: make(map[string]ID), versions: make(map[ID]int), scopes: make(map[string]uint64)}
	for _, k := range accumulated {
		c.total += r.anchor.Count(k)
	}
	for _, kind := range accumulated {
		if err := c.kind(kind); err != nil {
			return c.problems, err
		}
	}
	c.cross()
	return c.problems, nil
}

type checker struct {
	r           *Reader
	problems    []Problem
	progress    func(done, total int)
	done, total int
	entries     map[string]ID // index key → secret
	versions    map[ID]int    // current version of each secret
	scopes      map[string]uint64
	secrets     []*Secret
}

func (c *checker) report(kind Kind, object string, err error) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, Problem{kind, object, err})
	}
}

// kind checks all records of a kind. Only an error of the storage itself ends it.
func (c *checker) kind(kind Kind) error {
	got := sum{XOR: make([]byte, envelope.MarkSize)}
	err := c.r.src.Scan([]byte{byte(kind)}, nil, func(key, record []byte) error {
		if c.done++; c.progress != nil && c.done%500 == 0 {
			c.progress(c.done, c.total)
		}
		if err := c.r.addMark(&got, kind, key, record); err != nil {
			c.report(kind, "", err)
			return nil
		}
		if object, err := c.record(kind, key, record); err != nil {
			c.report(kind, object, err)
		}
		return nil
	})
	if err != nil {
		c.report(kind, "", err)
		return nil
	}
	if err := c.r.compare(kind, &got); err != nil {
		c.report(kind, "", err)
	}
	return nil
}

func (c *checker) record(kind Kind, key, record []byte) (object string, err error) {
	switch kind {
	case KindSlot:
		s, err := envelope.DecodeSlot(record)
		if err != nil {
			return "", err
		}
		return "slot " + s.ID, s.Authenticate(c.r.v.ring.Current(), c.r.v.header.VaultID)
	case KindLog, KindAccess, KindBroker:
		if _, _, err := c.r.v.ring.Open(c.r.v.bind(kind, key), record); err != nil {
			object = shortName(string(key[1:]))
			return object, damaged(kind, object, err)
		}
	case KindIndex:
		_, p, err := c.r.v.ring.Open(c.r.v.bind(KindIndex, key), record)
		if err != nil {
			return "", damaged(KindIndex, "", err)
		}
		var id ID
		if copy(id[:], p) != len(p) || len(p) != len(id) {
			return "", damaged(KindIndex, "", envelope.ErrMalformed)
		}
		c.entries[string(key)] = id
	case KindSecret:
		var id ID
		if copy(id[:], key[1:]) != len(id) {
			return "", damaged(KindSecret, "", envelope.ErrMalformed)
		}
		s, err := c.r.openSecret(KindSecret, key, id, record)
		if err != nil {
			return id.String(), err
		}
		c.secrets = append(c.secrets, s)
		c.versions[id] = s.Version
		return s.Name, c.values(s)
	case KindVersion, KindValue:
		if len(key) != 1+16+4 {
			return "", damaged(kind, "", envelope.ErrMalformed)
		}
		var id ID
		copy(id[:], key[1:])
		n := int(binary.BigEndian.Uint32(key[17:]))
		if current, ok := c.versions[id]; !ok || n < 1 || n > current {
			return id.String(), fault.New(fault.Corrupted, "%s record of version %d belongs to no secret", kind, n)
		}
	}
	return "", nil
}

// values opens every version of a secret.
func (c *checker) values(s *Secret) error {
	all, err := c.r.History(s)
	if err != nil {
		return err
	}
	if len(all) != s.Versions {
		return fault.New(fault.Corrupted, "%s has %d versions, its metadata says %d", s.Name, len(all), s.Versions)
	}
	for _, old := range all {
		value, err := c.r.Value(old)
		if err != nil {
			return err
		}
		clear(value)
	}
	return nil
}

// cross compares index and secrets.
func (c *checker) cross() {
	for _, s := range c.secrets {
		for _, e := range s.entries() {
			c.scopes[string(e.scope)]++
			id, key, err := c.r.lookup(e.scope, e.name)
			switch {
			case err != nil:
				c.report(KindIndex, e.name, err)
			case id == nil || *id != s.ID:
				c.report(KindIndex, e.name, fault.New(fault.Corrupted, "no index entry leads to %s", e.name))
			default:
				delete(c.entries, string(key))
			}
		}
	}
	if len(c.entries) > 0 && c.r.anchor.Leaving == 0 {
		c.report(KindIndex, "", fault.New(fault.Corrupted, "%d index entries lead to no secret of that name", len(c.entries)))
	}
	for scope, n := range c.r.anchor.Scopes {
		if c.scopes[scope] != n {
			c.report(KindAnchor, scope, fault.New(fault.Corrupted, "scope %s has %d names, the anchor says %d", scope, c.scopes[scope], n))
		}
	}
}

// ScopesInUse returns the scopes that have secrets, sorted.
func (r *Reader) ScopesInUse() []name.Scope {
	var all []name.Scope
	for s := range r.anchor.Scopes {
		all = append(all, name.Scope(s))
	}
	slices.Sort(all)
	return all
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// list prints some of n names.
func list(some []string, n int) string {
	s := strings.Join(some, ", ")
	if n > len(some) {
		s += fmt.Sprintf(", and %d more", n-len(some))
	}
	return s
}
