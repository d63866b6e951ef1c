package broker

import (
	"encoding/json"

	"golang.org/x/oauth2"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// oauthSecret is the placeholder of the secret of an OAuth service.
const oauthSecret = "secret"

// oauthClient is what a secret says: a JSON object with the members below. Others are kept and not looked at; token_uri, which some
// providers put there, does not move the endpoint.
type oauthClient struct {
	id           string // client_id
	secret       string // client_secret; empty for a public client
	refreshToken string // refresh_token
	accessToken  string // access_token: only of services that give no refresh tokens
	method       string // token_endpoint_auth_method (RFC 7591): client_secret_basic, client_secret_post, none; empty: found out
}

// newOAuthClient reads the secret of a credential, and notes what of it must not come back.
func newOAuthClient(c *compiler) (oauthClient, error) {
	if _, err := c.value(oauthSecret, ""); err != nil {
		return oauthClient{}, err
	}
	client, ok := parseOAuthClient(c.values[oauthSecret])
	if !ok {
		return oauthClient{}, c.bad(oauthSecret, "it is no JSON object with client_id")
	}
	for _, s := range client.secrets() {
		c.hide(s)
	}
	return client, nil
}

func parseOAuthClient(v secret.Value) (oauthClient, bool) {
	fields, ok := jsonFields(v)
	c := oauthClient{
		id: fields["client_id"], secret: fields["client_secret"], refreshToken: fields["refresh_token"],
		accessToken: fields["access_token"], method: fields["token_endpoint_auth_method"],
	}
	return c, ok && c.id != ""
}

// secrets returns what authenticates: all but the id.
func (c oauthClient) secrets() []string {
	var all []string
	for _, s := range []string{c.secret, c.refreshToken, c.accessToken} {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

func (c oauthClient) style() oauth2.AuthStyle {
	switch {
	case c.secret == "", c.method == "client_secret_post", c.method == "none":
		return oauth2.AuthStyleInParams
	case c.method == "client_secret_basic":
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleAutoDetect // of ours, not of x/oauth2: see tokenEndpoint.fetch
}

func (c oauthClient) config(e *tokenEndpoint, style oauth2.AuthStyle) *oauth2.Config {
	return &oauth2.Config{ClientID: c.id, ClientSecret: c.secret, Endpoint: oauth2.Endpoint{TokenURL: e.url, AuthStyle: style}}
}

// withMembers returns the JSON object v with some members set, and those whose value is empty removed. The others stay as they are.
func withMembers(v secret.Value, members map[string]string) (secret.Value, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(v.Reveal(), &object); err != nil || object == nil {
		return secret.Value{}, fault.New(fault.Invalid, "the secret is no JSON object") // the cause would quote it
	}
	for name, value := range members {
		if value == "" {
			delete(object, name)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return secret.Value{}, fault.New(fault.Failed, "encode %s", name)
		}
		object[name] = text
	}
	b, err := json.Marshal(object)
	if err != nil {
		return secret.Value{}, fault.New(fault.Failed, "encode the secret")
	}
	return secret.New(b), nil
}
