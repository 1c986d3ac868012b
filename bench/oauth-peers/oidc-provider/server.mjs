// oidc-provider as an authorization server with its own adapter, which keeps the thousand entries that were used last in
// memory: `node server.mjs --listen 127.0.0.1:PORT`. `GET /bench` gives a grant with a refresh token to each client of the benchmark.
//
// As ours where it can be: ES256 access tokens for one resource, refresh tokens that change with each use, an hour for access
// tokens, DPoP offered. It introspects opaque tokens only, so a token request with a `resource` gets a JWT and one without an
// opaque one.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Provider } from 'oidc-provider';
import { exportJWK, generateKeyPair } from 'jose';

const { values } = parseArgs({ options: { listen: { type: 'string' } } });
const [host, port] = values.listen.split(':');
const RESOURCE = 'http://127.0.0.1:8199/mcp';
const SCOPE = 'bench';
const HOUR = 3600;
// As many as the benchmark has clients at once.
const GRANTS = 64;

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const provider = new Provider('http://127.0.0.1:8199', {
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: ['a key of the benchmark'] },
  clients: [
    {
      client_id: 'bench-service',
      client_secret: 'a-secret-of-the-benchmark-that-is-none',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'bench-public',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://web.example/callback'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  scopes: [SCOPE, 'offline_access'],
  rotateRefreshToken: true,
  ttl: { AccessToken: HOUR, ClientCredentials: HOUR, RefreshToken: 30 * 24 * HOUR, Grant: 180 * 24 * HOUR },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: SCOPE,
        audience: RESOURCE,
        accessTokenTTL: HOUR,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

async function refreshToken(number) {
  const accountId = `user${number}`;
  const client = await provider.Client.find('bench-public');
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addResourceScope(RESOURCE, SCOPE);
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId,
    client,
    grantId,
    gty: 'authorization_code',
    resource: RESOURCE,
    rotations: 0,
    scope: SCOPE,
  });
  return [client.clientId, await token.save()];
}

const answer = provider.callback();
const server = createServer((req, res) => {
  if (req.url !== '/bench') return void answer(req, res);
  Promise.all(Array.from({ length: GRANTS }, (_, number) => refreshToken(number))).then(
    (refresh) => res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ refresh })),
    (error) => res.writeHead(500).end(String(error.stack)),
  );
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), host);
