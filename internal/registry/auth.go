package registry

// A Kind is a way to authenticate. It is the key under `auth:` in a service file.
type Kind string

// The kinds.
const (
	KindHeader  Kind = "header"
	KindHeaders Kind = "headers"
	KindQuery   Kind = "query"
	KindQueries Kind = "queries"
	KindPath    Kind = "path"
	KindBasic   Kind = "basic"
	KindBody    Kind = "body"
	KindOAuth2  Kind = "oauth2"
	KindSigV4   Kind = "sigv4"
	KindHMAC    Kind = "hmac"
	KindMTLS    Kind = "mtls"
)

// Auth says how a request to the service is authenticated. Which fields count depends on Kind. Values are templates: text with
// {{placeholder}} or, for a field of a secret that is a JSON object, {{placeholder.field}}.
type Auth struct {
	Kind Kind

	Fields []Field // header, headers, query, queries, body: where, and the template of the value; hmac: headers beside the signature's
	Prefix string  // path: the template of what stands before the path

	Username, Password string // basic

	OAuth2 OAuth2
	SigV4  SigV4
	HMAC   HMAC

	Certificate, PrivateKey string // mtls: PEM
}

// A Field is a named place on the wire and the template of what goes there. Header names are lower case.
type Field struct {
	Name  string
	Value string
}

// OAuth2 is RFC 6749. The secret is a JSON object with client_id, client_secret and, for refresh_token, refresh_token; an
// authorisation_code service is given one by `oauth login`.
type OAuth2 struct {
	Grant    string // refresh_token, client_credentials, authorization_code (with PKCE, RFC 7636)
	TokenURL string
	AuthURL  string // authorization_code
	Scopes   []string
}

// SigV4 is AWS Signature Version 4. The secrets are placeholders access_key_id, secret_access_key and, when there is one,
// session_token.
type SigV4 struct {
	Service string // "s3"; empty: from the host
	Region  string // empty: from the host, else from the placeholder region
}

// HMAC signs a canonical string with the placeholder secret.
type HMAC struct {
	Algorithm string // sha256, sha512, sha1
	Header    string // that takes the signature, lower case
	Value     string // its template; {{signature}} is the MAC in hex, {{signature.base64}} in base64, {{timestamp}} seconds since 1970
	Canonical string // the template of what is signed: {{method}}, {{path}}, {{query}}, {{host}}, {{timestamp}}, {{body}}, {{body.sha256}}
}
