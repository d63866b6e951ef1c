package remote

import (
	"context"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// TokenCreate implements keeper.API.
func (c *Client) TokenCreate(ctx context.Context, who keeper.Caller, r keeper.TokenRequest) (client.TokenCreated, error) {
	return change[client.TokenCreated](ctx, c, who, wire.TokenCreate, wire.FromToken(r))
}

// TokenList implements keeper.API.
func (c *Client) TokenList(ctx context.Context, who keeper.Caller) (client.Tokens, error) {
	return post[client.Tokens](ctx, c, who, wire.TokenList, struct{}{})
}

// TokenRevoke implements keeper.API.
func (c *Client) TokenRevoke(ctx context.Context, who keeper.Caller, which string) (client.TokensRevoked, error) {
	return change[client.TokensRevoked](ctx, c, who, wire.TokenRevoke, client.TokenRevokeRequest{Which: which})
}

// Grant implements keeper.API.
func (c *Client) Grant(ctx context.Context, who keeper.Caller, principal, rule string) (client.Grant, error) {
	return change[client.Grant](ctx, c, who, wire.GrantAdd, client.GrantRequest{Principal: principal, Rule: rule})
}

// GrantList implements keeper.API.
func (c *Client) GrantList(ctx context.Context, who keeper.Caller) (client.Grants, error) {
	return post[client.Grants](ctx, c, who, wire.GrantList, struct{}{})
}

// GrantRemove implements keeper.API.
func (c *Client) GrantRemove(ctx context.Context, who keeper.Caller, id string) (client.Grant, error) {
	return change[client.Grant](ctx, c, who, wire.GrantRemove, client.GrantRemoveRequest{ID: id})
}

// PolicyShow implements keeper.API.
func (c *Client) PolicyShow(ctx context.Context, who keeper.Caller) (client.Policies, error) {
	return post[client.Policies](ctx, c, who, wire.PolicyShow, struct{}{})
}

// PolicySet implements keeper.API.
func (c *Client) PolicySet(ctx context.Context, who keeper.Caller, text string) (client.Policies, error) {
	return change[client.Policies](ctx, c, who, wire.PolicySet, client.PolicySetRequest{Text: text})
}

// PolicyTest implements keeper.API.
func (c *Client) PolicyTest(ctx context.Context, who keeper.Caller, file []byte) (client.PolicyTested, error) {
	return post[client.PolicyTested](ctx, c, who, wire.PolicyTest, client.PolicyTestRequest{File: string(file)})
}

// PolicyExplain implements keeper.API.
func (c *Client) PolicyExplain(ctx context.Context, who keeper.Caller, r keeper.ExplainRequest) (client.PolicyExplained, error) {
	return post[client.PolicyExplained](ctx, c, who, wire.PolicyExplain, wire.FromExplain(r))
}
