package wire

import (
	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// The requests that hold a value. Their shapes on the wire are those of package client, with the value in memory that can be
// wiped instead of in a string: a field of the outer struct takes the place of the embedded one's of the same name.

// SetBody is client.SetRequest.
type SetBody struct {
	client.SetRequest
	Value       *text `json:"value,omitzero"`
	ValueBase64 *text `json:"value_base64,omitzero"`
}

// FromSet returns the shape of r. It holds the value of r itself, not a copy.
func FromSet(r keeper.SetRequest) SetBody {
	plain, encoded := texts(r.Value)
	return SetBody{client.SetRequest{
		SecretRef: FromRef(r.Ref), Generate: fromGenerate(r.Generate), Reveal: r.Reveal, Via: r.Via, MustBeNew: r.MustBeNew,
		Tags: r.Tags, ExpiresAt: r.ExpiresAt, RotateEvery: optionalDuration(r.RotateEvery), Note: r.Note, Owner: r.OwnedBy,
		Aliases: r.Aliases, Sealed: r.Sealed, Service: r.Service,
	}, plain, encoded}
}

// To returns what b asks for.
func (b *SetBody) To() (r keeper.SetRequest, err error) {
	r = keeper.SetRequest{
		Ref: ToRef(b.SecretRef), Generate: toGenerate(b.Generate), Reveal: b.Reveal, Via: b.Via, MustBeNew: b.MustBeNew,
		Tags: b.Tags, ExpiresAt: utc(b.ExpiresAt), Note: b.Note, OwnedBy: b.Owner, Aliases: b.Aliases, Sealed: b.Sealed, Service: b.Service,
	}
	switch b.Via {
	case "":
		r.Via = "set"
	case "set", "generate", "edit", "import":
	default:
		return r, fault.New(fault.Usage, "request: via is set, generate, edit or import")
	}
	if r.RotateEvery, err = parseOptionalDuration("rotate_every", b.RotateEvery); err != nil {
		return r, err
	}
	r.Value, err = secretOf(b.Value, b.ValueBase64)
	return r, err
}

// RotateBody is client.RotateRequest.
type RotateBody struct {
	client.RotateRequest
	Value       *text `json:"value,omitzero"`
	ValueBase64 *text `json:"value_base64,omitzero"`
}

// FromRotate returns the shape of r. It holds the value of r itself, not a copy.
func FromRotate(r keeper.RotateRequest) RotateBody {
	plain, encoded := texts(r.Value)
	return RotateBody{client.RotateRequest{
		SecretRef: FromRef(r.Ref), Generate: fromGenerate(r.Generate), Overlap: duration(r.Overlap), ExpireOld: r.ExpireOld,
	}, plain, encoded}
}

// To returns what b asks for.
func (b *RotateBody) To() (r keeper.RotateRequest, err error) {
	r = keeper.RotateRequest{Ref: ToRef(b.SecretRef), Generate: toGenerate(b.Generate), ExpireOld: b.ExpireOld}
	if r.Overlap, err = parseDuration("overlap", b.Overlap); err != nil {
		return r, err
	}
	r.Value, err = secretOf(b.Value, b.ValueBase64)
	return r, err
}

// FromImport returns the first line of an import.
func FromImport(r keeper.ImportRequest) client.ImportRequest {
	return client.ImportRequest{Format: r.Format, OnConflict: r.OnConflict, DryRun: r.DryRun}
}

// ToImport returns what the first line of an import asks for.
func ToImport(r client.ImportRequest) keeper.ImportRequest {
	return keeper.ImportRequest{Format: r.Format, OnConflict: r.OnConflict, DryRun: r.DryRun}
}

// EntryBody is client.ImportEntry.
type EntryBody struct {
	client.ImportEntry
	Value       *text `json:"value,omitzero"`
	ValueBase64 *text `json:"value_base64,omitzero"`
}

// FromEntry returns the shape of e. It holds the value of e itself, not a copy.
func FromEntry(e keeper.ImportEntry) EntryBody {
	plain, encoded := texts(e.Value)
	return EntryBody{client.ImportEntry{
		Name: e.Name, RenamedFrom: e.RenamedFrom, From: e.From, Scope: e.Scope, Tags: e.Tags, Aliases: e.Aliases, ExpiresAt: e.ExpiresAt,
		RotateEvery: optionalDuration(e.RotateEvery), Note: e.Note, Owner: e.OwnedBy, Sealed: e.Sealed, Service: e.Service, Invalid: e.Invalid,
	}, plain, encoded}
}

// Abandoned returns the line that ends an import which failed with err where its entries come from.
func Abandoned(err error) EntryBody {
	return EntryBody{ImportEntry: client.ImportEntry{Abandon: string(fault.CodeOf(err))}}
}

// To returns the entry that b is, or the error that abandons the import.
func (b *EntryBody) To() (e keeper.ImportEntry, err error) {
	if b.Abandon != "" {
		code := fault.Code(b.Abandon)
		if !code.Known() {
			code = fault.Failed
		}
		return e, fault.New(code, "the import was abandoned")
	}
	e = keeper.ImportEntry{
		Name: b.Name, RenamedFrom: b.RenamedFrom, From: b.From, Scope: b.Scope, Tags: b.Tags, Aliases: b.Aliases, ExpiresAt: utc(b.ExpiresAt),
		Note: b.Note, OwnedBy: b.Owner, Sealed: b.Sealed, Service: b.Service, Invalid: b.Invalid,
	}
	if e.RotateEvery, err = parseOptionalDuration("rotate_every", b.RotateEvery); err != nil {
		return e, err
	}
	e.Value, err = secretOf(b.Value, b.ValueBase64)
	return e, err
}

func fromGenerate(g *keeper.Generate) *client.Generate {
	if g == nil {
		return nil
	}
	return &client.Generate{Length: g.Length, Kind: g.Kind}
}

func toGenerate(g *client.Generate) *keeper.Generate {
	if g == nil {
		return nil
	}
	return &keeper.Generate{Length: g.Length, Kind: g.Kind}
}
