package transfer

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/secret"
)

// A collector does what all readers share: it finds duplicates, checks names, counts, and keeps warnings.
type collector struct {
	opts     Options
	seen     seen
	entries  int
	warnings []client.ImportWarning
	omitted  int // warnings beyond maxWarnings
}

// Warnings implements [Reader].
func (c *collector) Warnings() []client.ImportWarning {
	list := slices.Clone(c.warnings)
	order.By(list, func(a, b client.ImportWarning) int { return cmp.Compare(a.Line, b.Line) })
	if c.omitted > 0 {
		list = append(list, client.ImportWarning{Code: "more_warnings", Text: fmt.Sprintf("%d more warnings are not shown", c.omitted)})
	}
	return list
}

func (c *collector) warn(line int, code, format string, args ...any) {
	if len(c.warnings) == maxWarnings {
		c.omitted++
		return
	}
	c.warnings = append(c.warnings, client.ImportWarning{Line: line, Code: code, Text: fmt.Sprintf(format, args...)})
}

// member begins a member of a JSON or YAML document: a name that must not have come before.
func (c *collector) member(key string, line int) error {
	switch {
	case key == "tacit_backup" && c.entries == 0:
		return invalid(line, "this is the inside of a backup, not a list of secrets").WithFix("import the age file it came from")
	case key == "secrets" && c.seen.has("exported_at"):
		return invalid(line, "this is an export without values: there is nothing to import").WithFix("tacit export --values")
	case !c.seen.add(c.strip(key)):
		return invalid(line, "duplicate name %q", clip(c.strip(key))).About(clip(c.strip(key)))
	}
	return nil
}

// entry returns the entry that the file calls key, with a value that is given to it. Fields the file says more about are
// the caller's to set.
func (c *collector) entry(key string, line int, value []byte) (keeper.ImportEntry, error) {
	if c.entries++; c.entries > maxEntries {
		return keeper.ImportEntry{}, invalid(line, "there are more than %d entries", maxEntries)
	}
	e := keeper.ImportEntry{Name: c.strip(key), From: "line " + strconv.Itoa(line), Value: secret.New(value)}
	if e.Name != key {
		e.RenamedFrom = clip(key)
	}
	if why := name.Problem(e.Name); why != "" {
		// What is no name may be a piece of a value, of a key that was broken into lines say: show little of it.
		e.Invalid, e.Name = "invalid name: "+why, clipTo(e.Name, 16)
	} else if len(value) == 0 {
		e.Invalid = "the value is empty"
	}
	if tool := encryptedBy(value); tool != "" {
		c.warn(line, "encrypted_value", "the value of %s was encrypted by %s and is imported as it stands", clip(e.Name), tool)
	}
	return e, nil
}

// encryptedBy returns the tool that encrypted a value in its file, if one did. Importing it is seldom what was meant.
func encryptedBy(value []byte) string {
	switch {
	case bytes.HasPrefix(value, []byte("encrypted:")):
		return "dotenvx"
	case bytes.HasPrefix(value, []byte("ENC[AES256_GCM,")):
		return "sops"
	}
	return ""
}

func (c *collector) strip(key string) string { return strings.TrimPrefix(key, c.opts.StripPrefix) }

// clip keeps what a message or a report quotes of a name short.
func clip(s string) string { return clipTo(s, 64) }

func clipTo(s string, n int) string {
	if len(s) > n {
		return s[:n-3] + "..."
	}
	return s
}

// seen is a set of names that takes little memory: it keeps a 64-bit hash of each under a random seed. Among ten million
// names two different ones meet with a chance of one in 370,000, and then the file is refused, not a value lost.
type seen struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newSeen() seen { return seen{seed: maphash.MakeSeed(), hashes: map[uint64]struct{}{}} }

// add reports whether s was not there yet.
func (s seen) add(x string) bool {
	h := maphash.String(s.seed, x)
	if _, ok := s.hashes[h]; ok {
		return false
	}
	s.hashes[h] = struct{}{}
	return true
}

func (s seen) has(x string) bool {
	_, ok := s.hashes[maphash.String(s.seed, x)]
	return ok
}
