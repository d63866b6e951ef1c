package wire

import (
	"tacit/client"
	"tacit/internal/keeper"
)

// FromToken returns the shape of r.
func FromToken(r keeper.TokenRequest) client.TokenRequest {
	return client.TokenRequest{Principal: r.Principal, Allow: r.Allow, ExpiresAt: r.ExpiresAt, Uses: r.Uses, Workspace: r.Workspace, Group: r.Group}
}

// ToToken returns what r asks for.
func ToToken(r client.TokenRequest) keeper.TokenRequest {
	return keeper.TokenRequest{Principal: r.Principal, Allow: r.Allow, ExpiresAt: utc(r.ExpiresAt), Uses: r.Uses, Workspace: r.Workspace, Group: r.Group}
}

// FromExplain returns the shape of r.
func FromExplain(r keeper.ExplainRequest) client.ExplainRequest { return client.ExplainRequest(r) }

// ToExplain returns what r asks for.
func ToExplain(r client.ExplainRequest) keeper.ExplainRequest { return keeper.ExplainRequest(r) }
