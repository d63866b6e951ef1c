package remote

import (
	"context"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// ServiceList implements keeper.API.
func (c *Client) ServiceList(ctx context.Context, who keeper.Caller) (client.Services, error) {
	return post[client.Services](ctx, c, who, wire.ServiceList, struct{}{})
}

// ServiceDescribe implements keeper.API.
func (c *Client) ServiceDescribe(ctx context.Context, who keeper.Caller, id string) (client.ServiceDescription, error) {
	return post[client.ServiceDescription](ctx, c, who, wire.ServiceDescribe, client.ServiceRef{Service: id})
}

// CapabilityList implements keeper.API.
func (c *Client) CapabilityList(ctx context.Context, who keeper.Caller, r keeper.CapabilityListRequest) (client.Capabilities, error) {
	return post[client.Capabilities](ctx, c, who, wire.CapabilityList, client.CapabilityListRequest(r))
}

// CapabilityDescribe implements keeper.API.
func (c *Client) CapabilityDescribe(ctx context.Context, who keeper.Caller, id string) (client.CapabilityDescription, error) {
	return post[client.CapabilityDescription](ctx, c, who, wire.CapabilityDescribe, client.CapabilityRef{Capability: id})
}

// CapabilityLimit implements keeper.API.
func (c *Client) CapabilityLimit(ctx context.Context, who keeper.Caller, r keeper.LimitRequest) (client.CapabilityDescription, error) {
	return change[client.CapabilityDescription](ctx, c, who, wire.CapabilityLimit, wire.FromLimit(r))
}

// CapabilityBind implements keeper.API.
func (c *Client) CapabilityBind(ctx context.Context, who keeper.Caller, r keeper.BindRequest) (client.Binding, error) {
	return change[client.Binding](ctx, c, who, wire.CapabilityBind, wire.FromBind(r))
}

// CapabilityUnbind implements keeper.API.
func (c *Client) CapabilityUnbind(ctx context.Context, who keeper.Caller, r keeper.BindRequest) (client.Binding, error) {
	return change[client.Binding](ctx, c, who, wire.CapabilityUnbind, wire.FromBind(r))
}

// CapabilityBindings implements keeper.API.
func (c *Client) CapabilityBindings(ctx context.Context, who keeper.Caller) (client.Bindings, error) {
	return post[client.Bindings](ctx, c, who, wire.CapabilityBindings, struct{}{})
}

// CredentialList implements keeper.API.
func (c *Client) CredentialList(ctx context.Context, who keeper.Caller) (client.Credentials, error) {
	return post[client.Credentials](ctx, c, who, wire.CredentialList, struct{}{})
}

// CredentialRemove implements keeper.API.
func (c *Client) CredentialRemove(ctx context.Context, who keeper.Caller, id string) (client.CredentialRemoved, error) {
	return change[client.CredentialRemoved](ctx, c, who, wire.CredentialRemove, client.CredentialRef{Credential: id})
}
