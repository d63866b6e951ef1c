package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// Bounds of what an import remembers of its entries.
const (
	maxReported = 10_000 // entries in the answer
	maxRecorded = 200    // objects in the audit record; a larger import is recorded as a whole
)

// Import creates or adds versions, all or nothing.
func (k *Keeper) Import(ctx context.Context, c Caller, r ImportRequest, next func() (ImportEntry, error)) (client.Imported, error) {
	im := &importing{k: k, r: r, out: client.Imported{
		Format: r.Format, DryRun: r.DryRun, Entries: []client.ImportedEntry{}, Warnings: []client.ImportWarning{},
		Readiness: []client.Readiness{}, PlainTextLeft: []string{},
	}}
	switch vault.Conflict(r.OnConflict) {
	case "", vault.ConflictFail, vault.ConflictSkip, vault.ConflictVersion:
	default:
		return im.out, fault.New(fault.Usage, "unknown conflict policy %q", r.OnConflict).WithFix("use fail, skip or version")
	}
	began := time.Now()
	err := k.view(ctx, func(v *vault.Reader) (err error) {
		if im.asker, err = k.admit(v, c); err == nil && im.asker.limited() {
			err = fault.New(fault.Denied, "a token with a number of uses cannot import").WithFix("use `tacit set` for each secret")
		}
		if err != nil {
			return k.turnedAway(ctx, im.asker, v.Anchor(), err)
		}
		im.services, err = k.brokerage(v)
		return err
	})
	if err != nil {
		even(ctx, c, began, err)
		return im.out, err
	}
	err = k.vault.Import(ctx, vault.Import{
		OnConflict: vault.Conflict(r.OnConflict), DryRun: r.DryRun, Progress: r.Progress, Report: im.report,
		Hooks: im.stillAllowed(k.hooks(ctx, func() (Caller, *decision) { return im.asker.Caller, im.record() })),
	}, func() (*vault.Entry, error) { return im.next(next) })
	if err == nil && im.invalid != nil && !r.DryRun {
		err = im.invalid
	}
	if err == nil && !r.DryRun && len(im.switched) > 0 {
		err = k.view(ctx, im.readiness)
	}
	im.out.Total = im.count
	changed := im.out.Counts.Create + im.out.Counts.Version
	if !r.DryRun && (err != nil || changed == 0) || r.DryRun && !im.asker.Owner { // which names are taken is worth a record
		return im.out, k.recordImport(ctx, c, err)
	}
	return im.out, err
}

// importing is one import under way.
type importing struct {
	k     *Keeper
	asker *asker

	services *brokerage
	switched []vault.Secret // new ones that the registry knows

	r       ImportRequest
	out     client.Imported
	count   int
	from    []ImportEntry // what was reported of entries that the vault has not answered yet, without their values
	objects []audit.Object
	invalid error

	unenforced string // see decision
}

// next turns entries of a file into entries of the vault. An entry that cannot be imported ends an import, but not a dry run.
func (im *importing) next(next func() (ImportEntry, error)) (*vault.Entry, error) {
	for {
		e, err := next()
		if errors.Is(err, io.EOF) && im.invalid != nil && !im.r.DryRun {
			return nil, im.invalid
		}
		if err != nil {
			return nil, err
		}
		im.count++
		s, err := im.metadata(&e)
		if err == nil {
			value := e.Value.Reveal()
			e.Value = secret.Value{}
			im.from = append(im.from, e)
			return &vault.Entry{Secret: s, Value: value}, nil
		}
		im.out.Counts.Invalid++
		im.add(e, "invalid", err.Error())
		if im.invalid == nil {
			im.invalid = fault.Wrap(fault.Invalid, err, "import: %s", orEntry(e.From, im.count))
		}
	}
}

func orEntry(from string, n int) string {
	if from == "" {
		return fmt.Sprintf("entry %d", n)
	}
	return from
}

func (im *importing) metadata(e *ImportEntry) (vault.Secret, error) {
	s := vault.Secret{Name: e.Name, Tags: slices.Clone(e.Tags), Aliases: slices.Clone(e.Aliases), Via: vault.ViaImport, Principal: im.asker.Principal, ExpiresAt: vault.MillisOf(e.ExpiresAt)}
	if e.Invalid != "" {
		return s, fault.New(fault.Invalid, "%s", e.Invalid)
	}
	if err := name.Check(e.Name); err != nil {
		return s, err
	}
	scope, err := home(im.asker.Caller, e.Scope)
	if err != nil {
		return s, err
	}
	s.Scope = scope
	if err := im.expose(e, &s); err != nil {
		return s, err
	}
	if err := im.allowed(e, &s); err != nil {
		return s, err
	}
	if e.RotateEvery != nil {
		s.RotateEvery = int64(*e.RotateEvery / time.Second)
	}
	if e.Note != nil {
		s.Note = *e.Note
	}
	if e.OwnedBy != nil {
		s.OwnedBy = *e.OwnedBy
	}
	return s, vault.CheckValue(e.Name, e.Value.Reveal(), s.Sealed)
}

// expose decides exposure and pin. A backup says what they were, and a pin is never another.
func (im *importing) expose(e *ImportEntry, s *vault.Secret) error {
	if e.pin != "" {
		s.Sealed, s.Pin = e.Sealed != nil && *e.Sealed, e.pin
		return nil
	}
	err := expose(im.services.catalog, s, e.Sealed, e.Service)
	e.Service = pinnedService(s.Pin)
	return im.asker.hiding(decide(audit.Record{}), err)
}

// allowed asks policy about an entry as [SetRequest] does about a new secret. What an existing secret of that name has besides
// (tags, attachments) is not known here, so nobody but the owner adds versions by an import: there is Set for that.
func (im *importing) allowed(e *ImportEntry, s *vault.Secret) error {
	if im.asker.Owner {
		return nil
	}
	if c := vault.Conflict(im.r.OnConflict); c != "" && c != vault.ConflictFail {
		return fault.New(fault.Denied, "only the vault's owner may import over what is there").WithFix("import with --on-conflict fail")
	}
	needs := []policy.Action{policy.Write}
	if len(e.Tags)+len(e.Aliases) > 0 || e.Sealed != nil || e.Service != "" {
		needs = append(needs, policy.Admin)
	}
	d := decide(audit.Record{})
	err := im.asker.allowAll(d, policyObject(s), e.Name, needs...)
	if err == nil {
		err = im.asker.allowAliases(d, policyObject(s), e.Aliases)
	}
	im.unenforced = cmp.Or(im.unenforced, d.unenforced)
	return err
}

// stillAllowed asks again when the import is about to be committed: sending it may have taken long, and meanwhile the caller's token
// may have been revoked or the policies changed (I18).
func (im *importing) stillAllowed(h vault.Hooks) vault.Hooks {
	if im.asker.Owner {
		return h
	}
	witness := h.Witness
	h.Witness = func(tx *vault.Tx) (vault.Witness, error) {
		now, err := im.k.admit(&tx.Reader, im.asker.Caller)
		if err == nil && (now.access.policies() != im.asker.access.policies() || now.access.unenforced != im.asker.access.unenforced) {
			err = fault.New(fault.Conflict, "the policies were changed during the import").WithFix("import again")
		}
		if err != nil {
			return vault.Witness{}, err
		}
		return witness(tx)
	}
	return h
}

// report is told what the vault does with an entry.
func (im *importing) report(_ int, e *vault.Entry, a vault.Action, reason string) {
	from := im.from[0]
	im.from = im.from[1:]
	switch a {
	case vault.ActionCreate:
		im.out.Counts.Create++
	case vault.ActionVersion:
		im.out.Counts.Version++
	case vault.ActionSkip:
		im.out.Counts.Skip++
	case vault.ActionConflict:
		im.out.Counts.Conflict++
	}
	im.add(from, string(a), reason)
	if (a == vault.ActionCreate || a == vault.ActionVersion) && len(im.objects) <= maxRecorded {
		if _, _, known := im.services.catalog.BySecret(e.Secret.Name); known {
			im.switched = append(im.switched, e.Secret)
		}
		im.objects = append(im.objects, audit.Object{Kind: "secret", Name: e.Secret.Name, Scope: string(e.Secret.Scope)})
	}
}

func (im *importing) add(e ImportEntry, action, reason string) {
	if len(im.out.Entries) >= maxReported {
		return
	}
	out := client.ImportedEntry{Name: e.Name, From: e.From, Action: action, RenamedFrom: optional(e.RenamedFrom), Lost: []string{}, Reason: optional(reason)}
	out.Pin = optional(e.Service)
	im.out.Entries = append(im.out.Entries, out)
}

// readiness says what the new secrets switched on, each service once.
func (im *importing) readiness(v *vault.Reader) error {
	for i := range im.switched {
		list, err := im.k.readiness(v, im.services, &im.switched[i])
		if err != nil {
			return err
		}
		for _, one := range list {
			if !slices.ContainsFunc(im.out.Readiness, func(r client.Readiness) bool { return r.Service == one.Service }) {
				im.out.Readiness = append(im.out.Readiness, one)
			}
		}
	}
	return nil
}

// record is the audit record of the import.
func (im *importing) record() *decision {
	n := im.out.Counts.Create + im.out.Counts.Version
	record := decide(audit.Record{Action: "write", Reason: fmt.Sprintf("import of %d secrets", n)})
	record.unenforced = im.unenforced
	if n > maxRecorded || len(im.objects) == 0 {
		record.Object = audit.Object{Kind: "vault", Name: im.k.vault.Header().VaultID}
		return record
	}
	record.Object, record.more = im.objects[0], im.objects[1:]
	return record
}

// recordImport records an import that changed nothing, because everything was there or because it failed with err.
func (k *Keeper) recordImport(ctx context.Context, c Caller, err error) error {
	return k.read(ctx, c, func(*query) (*decision, error) {
		d := decide(audit.Record{Action: "write", Object: k.vaultObject(), Reason: "import of 0 secrets"})
		switch {
		case errors.Is(err, fault.Denied):
			d.Result, d.Reason = audit.Denied, "import: "+string(fault.Denied)
		case err != nil:
			d.Result, d.Reason = audit.Failed, "import: "+string(fault.CodeOf(err))
		}
		return d, err
	})
}
