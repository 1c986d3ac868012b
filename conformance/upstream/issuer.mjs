// The certified `oidc-provider` as the issuer of access tokens for somebody else's server: `node issuer.mjs PORT`.
// Anybody logs in with any password. A token is a JWT (RFC 9068) for the resource that was asked for (RFC 8707); those of the
// client `opaque` say nothing, and have to be asked about (RFC 7662). `POST /-/keys?add` is what whoever runs it does to
// change the signing key, and `?drop` what they do when the old one is over.
import { createServer } from 'node:http'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import Provider, { errors } from 'oidc-provider'

const port = Number(process.argv[2])
const client_secret = process.env.CLIENT_SECRET
const resources = ['https://rs.example/mcp', 'https://rs.example/other']
const cookies = { keys: [randomBytes(16).toString('hex')] }

const app = {
  redirect_uris: ['http://localhost:5173/callback'],
  application_type: 'native',
  response_types: ['code'],
  grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'none',
}
const program = { client_secret, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] }

let made = 0
function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  made += 1
  return { ...privateKey.export({ format: 'jwk' }), kid: `k${made}`, use: 'sig', alg: 'RS256' }
}

function provider(keys) {
  const provider = new Provider(`http://localhost:${port}`, {
    clients: [
      { client_id: 'app', ...app },
      { client_id: 'opaque', ...app },
      { client_id: 'backend', token_endpoint_auth_method: 'client_secret_post', ...program },
      // The server of ours that asks about tokens, with its secret in the header.
      { client_id: 'rs', token_endpoint_auth_method: 'client_secret_basic', ...program },
    ],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_context, client) => client.clientId === 'rs' },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => client.clientId === token.clientId },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_context, resource, client) {
          if (!resources.includes(resource)) throw new errors.InvalidTarget()
          return {
            scope: 'posts.read posts.write',
            audience: resource,
            accessTokenTTL: 600,
            accessTokenFormat: client.clientId === 'opaque' ? 'opaque' : 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          }
        },
      },
    },
    scopes: ['openid'],
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    jwks: { keys },
    cookies,
    ttl: { AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 3600, Grant: 3600 },
  })
  provider.on('server_error', (_context, error) => console.error(error))
  provider.on('grant.error', (_context, error) => console.error(error.message, error.error_description))
  return provider.callback()
}

// The first one signs.
let keys = [key()]
let handle = provider(keys)
createServer((request, response) => {
  const url = new URL(request.url, `http://localhost:${port}`)
  if (request.method === 'POST' && url.pathname === '/-/keys') {
    keys = url.searchParams.has('add') ? [key(), ...keys] : keys.slice(0, 1)
    handle = provider(keys)
    response.writeHead(204).end()
    return
  }
  handle(request, response)
}).listen(port, 'localhost')
