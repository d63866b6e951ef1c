package keeper

import (
	"context"

	"tacit/client"
)

// Access is the part of [API] that says who else may do what: for the owner, and for whoever has admin on policies or tokens.
type Access interface {
	// TokenCreate makes a token; a token makes one of its own principal with no more than it has.
	TokenCreate(ctx context.Context, c Caller, r TokenRequest) (client.TokenCreated, error)
	TokenList(ctx context.Context, c Caller) (client.Tokens, error)
	// TokenRevoke revokes one by its ID, or all of a principal.
	TokenRevoke(ctx context.Context, c Caller, which string) (client.TokensRevoked, error)

	Grant(ctx context.Context, c Caller, principal, rule string) (client.Grant, error)
	GrantList(ctx context.Context, c Caller) (client.Grants, error)
	GrantRemove(ctx context.Context, c Caller, id string) (client.Grant, error)

	PolicyShow(ctx context.Context, c Caller) (client.Policies, error)
	PolicySet(ctx context.Context, c Caller, text string) (client.Policies, error)
	PolicyTest(ctx context.Context, c Caller, file []byte) (client.PolicyTested, error)
	PolicyExplain(ctx context.Context, c Caller, r ExplainRequest) (client.PolicyExplained, error)
}

var _ Access = (*Keeper)(nil)
