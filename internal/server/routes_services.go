package server

import (
	"context"
	"net/http"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// services lists the operations of keeper.Services.
func (s *server) services() []route {
	type (
		ctx    = context.Context
		caller = keeper.Caller
		none   = struct{}
	)
	k := s.API
	return []route{
		call(wire.ServiceList, small, func(ctx ctx, c caller, _ *none) (client.Services, error) { return k.ServiceList(ctx, c) }),
		call(wire.ServiceDescribe, small, func(ctx ctx, c caller, r *client.ServiceRef) (client.ServiceDescription, error) {
			return k.ServiceDescribe(ctx, c, r.Service)
		}),
		call(wire.CapabilityList, small, func(ctx ctx, c caller, r *client.CapabilityListRequest) (client.Capabilities, error) {
			return k.CapabilityList(ctx, c, keeper.CapabilityListRequest(*r))
		}),
		call(wire.CapabilityDescribe, small, func(ctx ctx, c caller, r *client.CapabilityRef) (client.CapabilityDescription, error) {
			return k.CapabilityDescribe(ctx, c, r.Capability)
		}),
		call(wire.CapabilityLimit, small, func(ctx ctx, c caller, r *client.LimitRequest) (client.CapabilityDescription, error) {
			return k.CapabilityLimit(ctx, c, wire.ToLimit(*r))
		}),
		call(wire.CapabilityBind, small, func(ctx ctx, c caller, r *client.BindRequest) (client.Binding, error) {
			return k.CapabilityBind(ctx, c, wire.ToBind(*r))
		}),
		call(wire.CapabilityUnbind, small, func(ctx ctx, c caller, r *client.BindRequest) (client.Binding, error) {
			return k.CapabilityUnbind(ctx, c, wire.ToBind(*r))
		}),
		call(wire.CapabilityBindings, small, func(ctx ctx, c caller, _ *none) (client.Bindings, error) { return k.CapabilityBindings(ctx, c) }),
		call(wire.CredentialList, small, func(ctx ctx, c caller, _ *none) (client.Credentials, error) { return k.CredentialList(ctx, c) }),
		call(wire.CredentialRemove, small, func(ctx ctx, c caller, r *client.CredentialRef) (client.CredentialRemoved, error) {
			return k.CredentialRemove(ctx, c, r.Credential)
		}),
		{http.MethodPost, wire.Invoke, wire.JSON, maxInvoke, s.invoke},
		{http.MethodPost, wire.Use, wire.Stream, 0, s.use},
	}
}
