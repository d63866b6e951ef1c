package server

import (
	"context"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// access lists the operations of keeper.Access.
func access(k keeper.Access) []route {
	type (
		ctx    = context.Context
		caller = keeper.Caller
		none   = struct{}
	)
	return []route{
		call(wire.TokenCreate, small, func(ctx ctx, c caller, r *client.TokenRequest) (client.TokenCreated, error) {
			return k.TokenCreate(ctx, c, wire.ToToken(*r))
		}),
		call(wire.TokenList, small, func(ctx ctx, c caller, _ *none) (client.Tokens, error) { return k.TokenList(ctx, c) }),
		call(wire.TokenRevoke, small, func(ctx ctx, c caller, r *client.TokenRevokeRequest) (client.TokensRevoked, error) {
			return k.TokenRevoke(ctx, c, r.Which)
		}),
		call(wire.GrantAdd, small, func(ctx ctx, c caller, r *client.GrantRequest) (client.Grant, error) {
			return k.Grant(ctx, c, r.Principal, r.Rule)
		}),
		call(wire.GrantList, small, func(ctx ctx, c caller, _ *none) (client.Grants, error) { return k.GrantList(ctx, c) }),
		call(wire.GrantRemove, small, func(ctx ctx, c caller, r *client.GrantRemoveRequest) (client.Grant, error) {
			return k.GrantRemove(ctx, c, r.ID)
		}),
		call(wire.PolicyShow, small, func(ctx ctx, c caller, _ *none) (client.Policies, error) { return k.PolicyShow(ctx, c) }),
		call(wire.PolicySet, large, func(ctx ctx, c caller, r *client.PolicySetRequest) (client.Policies, error) {
			return k.PolicySet(ctx, c, r.Text)
		}),
		call(wire.PolicyTest, large, func(ctx ctx, c caller, r *client.PolicyTestRequest) (client.PolicyTested, error) {
			return k.PolicyTest(ctx, c, []byte(r.File))
		}),
		call(wire.PolicyExplain, small, func(ctx ctx, c caller, r *client.ExplainRequest) (client.PolicyExplained, error) {
			return k.PolicyExplain(ctx, c, wire.ToExplain(*r))
		}),
	}
}
