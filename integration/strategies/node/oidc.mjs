// An authorisation server: oidc-provider, with rotating refresh tokens. Prints its address, and runs until its input ends.
import http from 'node:http'
import Provider from 'oidc-provider'

const server = http.createServer()
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const issuer = `http://127.0.0.1:${server.address().port}`

const client = (id, method, more = {}) => ({
  client_id: id,
  client_secret: 'the s3cret/+: of ' + id,
  token_endpoint_auth_method: method,
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1:7777/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  ...more,
})

const provider = new Provider(issuer, {
  clients: [client('basic', 'client_secret_basic'), client('post', 'client_secret_post')],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: true },
  },
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'things'],
  issueRefreshToken: async () => true,
  rotateRefreshToken: true, // a second use of one revokes the grant
  ttl: { AccessToken: 600, ClientCredentials: 600, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600, AuthorizationCode: 60, IdToken: 600 },
  cookies: { keys: ['of the tests'] },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
})
server.on('request', provider.callback())
console.log(issuer)
process.stdin.resume().on('end', () => process.exit(0))
