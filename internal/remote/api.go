package remote

import (
	"context"
	"net/http"
	"time"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/wire"
)

// ask makes a call without a request.
func ask[Out any](ctx context.Context, c *Client, who keeper.Caller, path string) (out Out, err error) {
	answer, err := c.exchange(ctx, who, call{method: http.MethodGet, path: path})
	if err == nil {
		err = c.unmarshal(answer, &out)
	}
	return out, err
}

// post makes a call that reads, with a shape in.
func post[Out any](ctx context.Context, c *Client, who keeper.Caller, path string, in any) (out Out, err error) {
	return send[Out](ctx, c, who, call{path: path}, in)
}

// change makes a call that changes something.
func change[Out any](ctx context.Context, c *Client, who keeper.Caller, path string, in any) (out Out, err error) {
	return send[Out](ctx, c, who, call{path: path, change: true}, in)
}

func send[Out any](ctx context.Context, c *Client, who keeper.Caller, what call, in any) (out Out, err error) {
	what.method = http.MethodPost
	if what.body, err = wire.MarshalRequest(in); err != nil {
		return out, err
	}
	defer clear(what.body)
	answer, err := c.exchange(ctx, who, what)
	if err != nil {
		return out, err
	}
	defer clear(answer)
	return out, c.unmarshal(answer, &out)
}

// Status implements keeper.API.
func (c *Client) Status(ctx context.Context, who keeper.Caller) (client.Status, error) {
	return ask[client.Status](ctx, c, who, wire.Status)
}

// Whoami implements keeper.API.
func (c *Client) Whoami(ctx context.Context, who keeper.Caller) (client.Whoami, error) {
	return ask[client.Whoami](ctx, c, who, wire.Whoami)
}

// Get implements keeper.API.
func (c *Client) Get(ctx context.Context, who keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	var b jsonstream.Builder
	wire.AppendGet(&b, &r)
	body, err := b.Built()
	if err != nil {
		return keeper.Read{}, wire.NotText()
	}
	answer, err := c.exchange(ctx, who, call{method: http.MethodPost, path: wire.Get, body: body})
	if err != nil {
		return keeper.Read{}, err
	}
	defer clear(answer)
	out, err := wire.ParseRead(answer)
	if err != nil {
		return keeper.Read{}, c.notUnderstood(err.Error())
	}
	return out, nil
}

// Show implements keeper.API.
func (c *Client) Show(ctx context.Context, who keeper.Caller, r keeper.Ref) (keeper.Shown, error) {
	out, err := post[client.Shown](ctx, c, who, wire.Show, wire.FromRef(r))
	return wire.ToShown(out), err
}

// List implements keeper.API.
func (c *Client) List(ctx context.Context, who keeper.Caller, r keeper.ListRequest) (client.List, error) {
	return post[client.List](ctx, c, who, wire.List, wire.FromList(r))
}

// Names implements keeper.API.
func (c *Client) Names(ctx context.Context, who keeper.Caller, r keeper.ListRequest, each func(name string) error) error {
	return c.follow(ctx, who, wire.Names, wire.FromList(r), wire.EachName(each))
}

// History implements keeper.API.
func (c *Client) History(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.History, error) {
	return post[client.History](ctx, c, who, wire.History, wire.FromRef(r))
}

// Diff implements keeper.API.
func (c *Client) Diff(ctx context.Context, who keeper.Caller, r keeper.Ref, a, b int) (client.Diff, error) {
	out, err := post[client.Diff](ctx, c, who, wire.Diff, client.DiffRequest{SecretRef: wire.FromRef(r), A: a, B: b})
	wire.RestoreFields(out.Fields)
	return out, err
}

// Due implements keeper.API.
func (c *Client) Due(ctx context.Context, who keeper.Caller, within time.Duration) (client.Due, error) {
	return post[client.Due](ctx, c, who, wire.Due, wire.FromDue(within))
}

// Set implements keeper.API.
func (c *Client) Set(ctx context.Context, who keeper.Caller, r keeper.SetRequest) (keeper.Written, error) {
	out, err := change[wire.WrittenBody](ctx, c, who, wire.Set, wire.FromSet(r))
	if err != nil {
		return keeper.Written{}, err
	}
	return out.To()
}

// Rotate implements keeper.API.
func (c *Client) Rotate(ctx context.Context, who keeper.Caller, r keeper.RotateRequest) (client.Rotated, error) {
	return change[client.Rotated](ctx, c, who, wire.Rotate, wire.FromRotate(r))
}

// Update implements keeper.API.
func (c *Client) Update(ctx context.Context, who keeper.Caller, r keeper.UpdateRequest) (client.Changed, error) {
	return change[client.Changed](ctx, c, who, wire.Update, wire.FromUpdate(r))
}

// Move implements keeper.API.
func (c *Client) Move(ctx context.Context, who keeper.Caller, r keeper.Ref, to string) (client.Changed, error) {
	return change[client.Changed](ctx, c, who, wire.Move, client.MoveRequest{SecretRef: wire.FromRef(r), To: to})
}

// Rollback implements keeper.API.
func (c *Client) Rollback(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.Changed, error) {
	return change[client.Changed](ctx, c, who, wire.Rollback, wire.FromRef(r))
}

// Remove implements keeper.API.
func (c *Client) Remove(ctx context.Context, who keeper.Caller, r keeper.RemoveRequest) (client.Removed, error) {
	return change[client.Removed](ctx, c, who, wire.Remove, wire.FromRemove(r))
}

// Purge implements keeper.API.
func (c *Client) Purge(ctx context.Context, who keeper.Caller, r keeper.Ref, versions []int) (client.Purged, error) {
	return change[client.Purged](ctx, c, who, wire.Purge, client.PurgeRequest{SecretRef: wire.FromRef(r), Versions: versions})
}

// Audit implements keeper.API.
func (c *Client) Audit(ctx context.Context, who keeper.Caller, r keeper.AuditRequest) (client.Audit, error) {
	return post[client.Audit](ctx, c, who, wire.AuditList, wire.FromAudit(r))
}

// AuditFollow implements keeper.API.
func (c *Client) AuditFollow(ctx context.Context, who keeper.Caller, r keeper.AuditRequest, each func(client.AuditRecord) error) error {
	err := c.follow(ctx, who, wire.AuditFollow, wire.FromAudit(r), wire.EachRecord(each))
	if ctx.Err() != nil {
		return nil // told to stop
	}
	return err
}

// AuditExport implements keeper.API.
func (c *Client) AuditExport(ctx context.Context, who keeper.Caller, r keeper.AuditRequest, each func(client.AuditRecord) error) error {
	return c.follow(ctx, who, wire.AuditExport, wire.FromAudit(r), wire.EachRecord(each))
}

// AuditWho implements keeper.API.
func (c *Client) AuditWho(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.AuditWho, error) {
	return post[client.AuditWho](ctx, c, who, wire.AuditWho, wire.FromRef(r))
}

// AuditVerify implements keeper.API.
func (c *Client) AuditVerify(ctx context.Context, who keeper.Caller, r keeper.AuditVerifyRequest) (client.AuditVerify, error) {
	return post[client.AuditVerify](ctx, c, who, wire.AuditVerify, wire.FromVerify(r))
}

// AuditCheckpoint implements keeper.API.
func (c *Client) AuditCheckpoint(ctx context.Context, who keeper.Caller) (client.AuditCheckpoint, error) {
	return change[client.AuditCheckpoint](ctx, c, who, wire.AuditCheckpoint, struct{}{})
}
