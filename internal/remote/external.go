package remote

import (
	"context"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// Decide implements keeper.API.
func (c *Client) Decide(ctx context.Context, who keeper.Caller, r keeper.DecideRequest) (client.Decided, error) {
	return change[client.Decided](ctx, c, who, wire.Decide, wire.FromDecide(r))
}

// Record implements keeper.API.
func (c *Client) Record(ctx context.Context, who keeper.Caller, r keeper.RecordRequest) error {
	_, err := change[client.Recorded](ctx, c, who, wire.Record, wire.FromRecord(r))
	return err
}
