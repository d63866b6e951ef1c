package server

import (
	"context"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// external are the operations about secrets that the caller asks another provider for.
func external(k keeper.API) []route {
	return []route{
		call(wire.Decide, large, func(ctx context.Context, c keeper.Caller, r *client.DecideRequest) (client.Decided, error) {
			return k.Decide(ctx, c, wire.ToDecide(*r))
		}),
		call(wire.Record, large, func(ctx context.Context, c keeper.Caller, r *client.RecordRequest) (client.Recorded, error) {
			return client.Recorded{Recorded: len(r.Outcomes)}, k.Record(ctx, c, wire.ToRecord(*r))
		}),
	}
}
