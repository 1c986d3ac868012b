// The certified `oidc-provider` as an organisation's identity provider: `node provider.mjs PORT REDIRECT_URI`.
// Everybody can log in with any password; who is in which groups stands below. `POST /-/dismiss?account=NAME` is what
// whoever runs it does when somebody leaves.
import { createServer } from 'node:http'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import Provider from 'oidc-provider'

const [port, redirectUri] = process.argv.slice(2)
const groups = { ada: ['staff', 'writers'], grace: ['staff'], eve: ['guests'] }
const dismissed = new Set()
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: 'barewire',
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  // Claims other than `sub` are at the userinfo endpoint, as the standard has it.
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'offline_access', 'groups', 'profile'],
  findAccount: (_context, id) =>
    dismissed.has(id)
      ? undefined
      : { accountId: id, claims: () => ({ sub: id, preferred_username: `${id}@corporate.example`, groups: groups[id] ?? [] }) },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'r1', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, RefreshToken: 3600, Interaction: 600, Session: 3600, Grant: 3600 },
})
provider.on('server_error', (_context, error) => console.error(error))
provider.on('grant.error', (_context, error) => console.error(error.message, error.error_description))

const handle = provider.callback()
createServer((request, response) => {
  const url = new URL(request.url, `http://localhost:${port}`)
  if (request.method === 'POST' && url.pathname === '/-/dismiss') {
    dismissed.add(url.searchParams.get('account'))
    response.writeHead(204).end()
    return
  }
  handle(request, response)
}).listen(Number(port), 'localhost')
