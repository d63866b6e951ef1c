package server

import (
	"context"
	"net/http"
	"slices"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/wire"
)

// Bounds of a request's body, in bytes.
const (
	small = 64 << 10
	large = 1 << 20 // with a value, or many names
)

// table lists every operation that there is.
func (s *server) table() []route {
	k := s.API
	return append([]route{
		ask(k, wire.Status, keeper.API.Status),
		ask(k, wire.Whoami, keeper.API.Whoami),

		{http.MethodPost, wire.Get, wire.JSON, small, s.get},
		{http.MethodPost, wire.GetMany, wire.JSON, large, s.getMany},
		call(wire.Show, small, func(ctx context.Context, c keeper.Caller, r *client.SecretRef) (client.Shown, error) {
			out, err := k.Show(ctx, c, wire.ToRef(*r))
			return wire.FromShown(out), err
		}),
		call(wire.List, small, func(ctx context.Context, c keeper.Caller, r *client.ListRequest) (client.List, error) {
			return k.List(ctx, c, wire.ToList(*r))
		}),
		{http.MethodPost, wire.Names, wire.JSON, small, s.names},
		call(wire.History, small, func(ctx context.Context, c keeper.Caller, r *client.SecretRef) (client.History, error) {
			return k.History(ctx, c, wire.ToRef(*r))
		}),
		call(wire.Diff, small, func(ctx context.Context, c keeper.Caller, r *client.DiffRequest) (client.Diff, error) {
			return k.Diff(ctx, c, wire.ToRef(r.SecretRef), r.A, r.B)
		}),
		call(wire.Due, small, func(ctx context.Context, c keeper.Caller, r *client.DueRequest) (client.Due, error) {
			within, err := wire.ToDue(*r)
			if err != nil {
				return client.Due{}, err
			}
			return k.Due(ctx, c, within)
		}),

		{http.MethodPost, wire.Set, wire.JSON, large, s.set},
		call(wire.Rotate, large, func(ctx context.Context, c keeper.Caller, b *wire.RotateBody) (client.Rotated, error) {
			r, err := b.To()
			if err != nil {
				return client.Rotated{}, err
			}
			return k.Rotate(ctx, c, r)
		}),
		call(wire.Update, large, func(ctx context.Context, c keeper.Caller, r *client.UpdateRequest) (client.Changed, error) {
			u, err := wire.ToUpdate(*r)
			if err != nil {
				return client.Changed{}, err
			}
			return k.Update(ctx, c, u)
		}),
		call(wire.Move, small, func(ctx context.Context, c keeper.Caller, r *client.MoveRequest) (client.Changed, error) {
			return k.Move(ctx, c, wire.ToRef(r.SecretRef), r.To)
		}),
		call(wire.Rollback, small, func(ctx context.Context, c keeper.Caller, r *client.SecretRef) (client.Changed, error) {
			return k.Rollback(ctx, c, wire.ToRef(*r))
		}),
		call(wire.Remove, large, func(ctx context.Context, c keeper.Caller, r *client.RemoveRequest) (client.Removed, error) {
			return k.Remove(ctx, c, wire.ToRemove(*r))
		}),
		call(wire.Purge, large, func(ctx context.Context, c keeper.Caller, r *client.PurgeRequest) (client.Purged, error) {
			return k.Purge(ctx, c, wire.ToRef(r.SecretRef), r.Versions)
		}),
		{http.MethodPost, wire.Import, wire.Lines, 0, s.importLines},

		call(wire.AuditList, small, func(ctx context.Context, c keeper.Caller, r *client.AuditQuery) (client.Audit, error) {
			return k.Audit(ctx, c, wire.ToAudit(*r))
		}),
		call(wire.AuditWho, small, func(ctx context.Context, c keeper.Caller, r *client.SecretRef) (client.AuditWho, error) {
			return k.AuditWho(ctx, c, wire.ToRef(*r))
		}),
		{http.MethodPost, wire.AuditFollow, wire.JSON, small, s.follow},
		{http.MethodPost, wire.AuditExport, wire.JSON, small, s.export},
		call(wire.AuditVerify, small, func(ctx context.Context, c keeper.Caller, r *client.AuditVerifyRequest) (client.AuditVerify, error) {
			return k.AuditVerify(ctx, c, wire.ToVerify(*r))
		}),
		call(wire.AuditCheckpoint, small, func(ctx context.Context, c keeper.Caller, _ *struct{}) (client.AuditCheckpoint, error) {
			return k.AuditCheckpoint(ctx, c)
		}),
	}, slices.Concat(external(k), access(k), s.services())...)
}

// ask is an operation without a request.
func ask[Out any](k keeper.API, path string, do func(keeper.API, context.Context, keeper.Caller) (Out, error)) route {
	return route{http.MethodGet, path, "", 0, func(x *exchange) error {
		x.complete()
		out, err := do(k, x.ctx(), x.caller)
		if err != nil {
			return err
		}
		return x.answer(out)
	}}
}

// call is an operation with a shape for its request and one for its answer.
func call[In, Out any](path string, limit int64, do func(context.Context, keeper.Caller, *In) (Out, error)) route {
	return route{http.MethodPost, path, wire.JSON, limit, func(x *exchange) error {
		var in In
		if err := x.read(&in); err != nil {
			return err
		}
		out, err := do(x.ctx(), x.caller, &in)
		if err != nil {
			return err
		}
		return x.answer(out)
	}}
}

func (s *server) get(x *exchange) error {
	var in client.GetRequest
	if err := x.read(&in); err != nil {
		return err
	}
	out, err := s.API.Get(x.ctx(), x.caller, wire.ToGet(in))
	if err != nil {
		return err
	}
	defer out.Value.Wipe()
	var b jsonstream.Builder
	wire.AppendRead(&b, &out)
	return x.answerBuilt(&b)
}

func (s *server) set(x *exchange) error {
	var in wire.SetBody
	if err := x.read(&in); err != nil {
		return err
	}
	r, err := in.To()
	if err != nil {
		return err
	}
	defer r.Value.Wipe()
	out, err := s.API.Set(x.ctx(), x.caller, r)
	if err != nil {
		return err
	}
	defer out.Value.Wipe()
	return x.answer(wire.FromWritten(out))
}
