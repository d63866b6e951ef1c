package vault

import (
	"context"
	"errors"
	"io"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// Entry is one secret to import. Secret has what its metadata shall be; id, version and times are set by the import.
type Entry struct {
	Secret Secret
	Value  []byte
}

// Conflict says what to do with an entry whose name is taken.
type Conflict string

// The policies.
const (
	ConflictFail    Conflict = "fail"    // import nothing
	ConflictSkip    Conflict = "skip"    // leave what is there
	ConflictVersion Conflict = "version" // add a version, unless the value is the same
)

// Action is what an import does with an entry.
type Action string

// The actions.
const (
	ActionCreate   Action = "create"
	ActionVersion  Action = "version"
	ActionSkip     Action = "skip"
	ActionConflict Action = "conflict"
)

// Import says how to import.
type Import struct {
	OnConflict Conflict
	DryRun     bool
	Hooks      Hooks
	Progress   func(done, total int)
	// Report is told what is done with each entry, in order, before anything is committed.
	Report func(index int, e *Entry, a Action, reason string)
}

// An import up to this size is one batch; a larger one builds a new storage that takes the place of the old, in constant memory.
const (
	batchEntries = 4000
	batchBytes   = 8 << 20
)

// errAbandon ends an import that shall change nothing, without an error.
var errAbandon = errors.New("abandoned")

// Import creates or adds versions of everything that next returns until io.EOF: all or nothing.
func (v *Vault) Import(ctx context.Context, im Import, next func() (*Entry, error)) error {
	var head []*Entry
	size := 0
	for len(head) < batchEntries && size < batchBytes {
		e, err := next()
		if errors.Is(err, io.EOF) {
			return v.importBatch(ctx, im, head)
		}
		if err != nil {
			return err
		}
		head = append(head, e)
		size += len(e.Value)
	}
	return v.importBulk(ctx, im, func() (*Entry, error) {
		if len(head) > 0 {
			e := head[0]
			head = head[1:]
			return e, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return next()
	})
}

// importer applies entries to a transaction.
type importer struct {
	Import
	tx     *Tx
	find   func(scope name.Scope, n string) (*Secret, error) // nil: nothing has the name
	create func(e *Entry) error
	index  int
	clash  []string // names that are taken, with ConflictFail; the first few
	taken  int
}

func (v *Vault) importBatch(ctx context.Context, im Import, entries []*Entry) error {
	err := v.Update(ctx, func(tx *Tx) error {
		i := &importer{Import: im, tx: tx, find: tx.findIn, create: func(e *Entry) error { return tx.Create(&e.Secret, e.Value) }}
		for _, e := range entries {
			if err := i.apply(e); err != nil {
				return err
			}
		}
		return i.verdict()
	}, im.Hooks)
	if errors.Is(err, errAbandon) {
		return nil
	}
	return err
}

func (v *Vault) importBulk(ctx context.Context, im Import, next func() (*Entry, error)) error {
	err := v.replace(ctx, im.Hooks, func(b *builder) error {
		if b.tx.anchor.Leaving != 0 {
			return fault.New(fault.Conflict, "a root rotation is under way").WithFix("tacit rotate-root --resume")
		}
		// One goroutine reads entries and decides about them, others seal what is new, and this one writes it.
		var new *Entry
		i := &importer{Import: im, tx: b.tx, find: b.tx.InScope}
		i.create = func(e *Entry) error {
			new = e
			return b.reserve(&e.Secret)
		}
		err := ordered(func() (*Entry, bool, error) {
			for new = nil; new == nil; {
				e, err := next()
				if errors.Is(err, io.EOF) {
					return nil, false, nil
				}
				if err == nil {
					err = i.apply(e)
				}
				if err != nil {
					return nil, false, err
				}
				if im.Progress != nil && i.index%1000 == 0 {
					im.Progress(i.index, 0)
				}
			}
			return new, true, nil
		}, func() func(*Entry) ([]made, bool, error) {
			return func(e *Entry) ([]made, bool, error) {
				defer clear(e.Value)
				all, err := b.make(&e.Secret, e.Value)
				return all, true, err
			}
		}, b.write)
		if err != nil {
			return err
		}
		if err := i.verdict(); err != nil {
			return err
		}
		return b.copyAll()
	})
	if errors.Is(err, errAbandon) && fault.CodeOf(err) == fault.Failed {
		return nil
	}
	return err
}

// reserve gives a new secret its id and claims its names.
func (b *builder) reserve(s *Secret) error {
	if err := b.tx.stamp(s); err != nil {
		return err
	}
	for _, e := range s.entries()[1:] { // the name itself was looked up
		if id, _, err := b.tx.lookup(e.scope, e.name); err != nil || id != nil {
			return errors.Join(err, fault.New(fault.Exists, "%s already exists in scope %s", e.name, e.scope).About(e.name))
		}
	}
	b.count(s)
	return nil
}

// apply decides about one entry and does it.
func (i *importer) apply(e *Entry) error {
	index := i.index
	i.index++
	report := func(a Action, reason string) {
		if i.Report != nil {
			i.Report(index, e, a, reason)
		}
	}
	old, err := i.find(e.Secret.Scope, e.Secret.Name)
	if err != nil {
		return err
	}
	if old == nil {
		report(ActionCreate, "")
		return i.create(e)
	}
	switch i.OnConflict {
	case ConflictSkip:
		report(ActionSkip, "it exists")
		return nil
	case ConflictVersion:
		same, err := i.tx.sameValue(old, e.Value)
		if err != nil {
			return err
		}
		if same {
			report(ActionSkip, "it has this value")
			return nil
		}
		report(ActionVersion, "")
		s := e.Secret
		s.Name, s.Aliases, s.Groups = old.Name, union(old.Aliases, s.Aliases), old.Groups
		s.Tags = union(old.Tags, s.Tags)
		if s.Note == "" {
			s.Note = old.Note
		}
		if s.OwnedBy == "" {
			s.OwnedBy = old.OwnedBy
		}
		if s.RotateEvery == 0 {
			s.RotateEvery = old.RotateEvery
		}
		return i.tx.AddVersion(old, &s, e.Value, 0)
	}
	report(ActionConflict, "it exists")
	if i.taken++; len(i.clash) < 3 {
		i.clash = append(i.clash, e.Secret.Name)
	}
	return nil
}

// verdict is the error that ends an import which must not be committed.
func (i *importer) verdict() error {
	if i.DryRun {
		return errAbandon
	}
	if i.taken > 0 {
		return fault.New(fault.Exists, "import: %d of %d entries exist already (%s); nothing was imported", i.taken, i.index, list(i.clash, i.taken)).
			WithFix("add --on-conflict skip, or --on-conflict version")
	}
	return nil
}
