// OAuth clients that know nothing of MCP against the authorization server of `barewire demo`: every grant type, tokens bound to
// a key, pushed requests, registration and its management, introspection, revocation, token exchange. Each library does the
// same; what it is called with is in `libraries.mjs`. The settings of the demo are in `../oauth.toml`.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { libraries } from './libraries.mjs';

const server = new URL(process.env.BAREWIRE_SERVER_URL ?? 'http://localhost:8000/mcp');
const other = new URL('/sse', server);
const callback = 'http://localhost:43119/callback';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/** Of a client with a secret that is sent back to this machine. */
const metadata = {
  client_name: 'oauth test',
  redirect_uris: [callback],
  grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_post',
  application_type: 'native',
};

/** A line for the table of docs/interop.md: what was done, and went well. */
function done(client, step) {
  const report = process.env.BAREWIRE_INTEROP_REPORT;
  if (report) appendFileSync(report, `${JSON.stringify({ client, revision: libraries[client].version, step })}\n`);
}

/** What a token says, without a look at its signature. */
function claims(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

/** What the library calls the error that the server answered with. */
const refusal = (code) => (error) => {
  assert.equal(error.error ?? error.cause?.error, code, error);
  return true;
};

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

async function isLetIn(library, token, DPoP) {
  const headers = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2025-11-25',
  };
  const answer = await library.call(token, 'POST', server, headers, JSON.stringify(ping), DPoP).catch((error) => error.response ?? error.cause);
  return answer.status === 200;
}

/** Logs in with the password and allows. */
async function authorize(library, { more = {}, push = false, DPoP } = {}) {
  const request = await library.request({ redirect_uri: callback, scope: 'posts:read', resource: server.href, ...more });
  const url = push ? await library.push(request, DPoP) : library.url(request);
  if (push) assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const answer = await new Browser().logIn(url, callback, 'johndoe', 'secret');
  return library.redeem(request, answer, DPoP);
}

/** What the person does whose device shows this link. */
async function allowDevice(link) {
  const browser = new Browser();
  let step = await browser.open(link);
  for (let page = 0; page < 4; page += 1) {
    const asksPassword = step.page.querySelector('input[type=password]');
    const allow = step.page.querySelectorAll('form button[name]').find((button) => button.getAttribute('value') === 'allow');
    const press = allow && { name: allow.getAttribute('name'), value: 'allow' };
    step = await browser.submit(step, asksPassword ? { username: 'johndoe', password: 'secret' } : {}, undefined, press);
    if (press) return;
  }
  throw new Error(`nothing to allow: ${step.page.text.trim().replace(/\s+/g, ' ')}`);
}

/** The keys of the client `service`, where the server fetches them. */
const kid = crypto.randomUUID();
let keys;
let keyServer;
before(async () => {
  keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const jwk = await crypto.subtle.exportKey('jwk', keys.publicKey);
  const jwks = JSON.stringify({ keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, kid, use: 'sig' }] });
  keyServer = createServer((_, response) => response.setHeader('content-type', 'application/json').end(jwks));
  await new Promise((listening) => keyServer.listen(Number(process.env.BAREWIRE_KEYS_PORT ?? 43121), '127.0.0.1', listening));
});
after(() => keyServer.close());

for (const [name, Library] of Object.entries(libraries)) {
  test(name, { timeout: 120_000 }, async (t) => {
    const step = (kind, title, work) => t.test(title, async () => (await work(), done(name, kind)));
    const registered = await Library.register(server, metadata);
    const client = await Library.with(server, registered, { secret: registered.client_secret });

    await step('code', 'logs in with a code and PKCE, for one resource', async () => {
      const tokens = await authorize(client);
      const { aud, sub, scope, client_id } = claims(tokens.access_token);
      assert.deepEqual([aud, sub, scope, client_id], [server.href, 'johndoe', 'posts:read', registered.client_id]);
      assert.ok(await isLetIn(client, tokens.access_token));
    });

    await step('refresh', 'gets further tokens without the user', async () => {
      const tokens = await authorize(client);
      const renewed = await client.refresh(tokens.refresh_token);
      assert.notEqual(renewed.refresh_token, tokens.refresh_token);
      assert.ok(await isLetIn(client, renewed.access_token));
    });

    await step('introspection', 'asks about its tokens', async () => {
      const tokens = await authorize(client);
      const told = await client.introspect(tokens.access_token);
      assert.deepEqual([told.active, told.sub, told.aud, told.scope], [true, 'johndoe', server.href, 'posts:read']);
      assert.equal((await client.introspect('no.such.token')).active, false);
    });

    await step('revocation', 'ends what it has, at once', async () => {
      const tokens = await authorize(client);
      await client.revoke(tokens.refresh_token);
      assert.equal((await client.introspect(tokens.access_token)).active, false);
      assert.ok(!(await isLetIn(client, tokens.access_token)));
      await assert.rejects(client.refresh(tokens.refresh_token), refusal('invalid_grant'));
    });

    await step('pushed request', 'pushes its request and sends the reference', async () => {
      const tokens = await authorize(client, { push: true });
      assert.ok(await isLetIn(client, tokens.access_token));
    });

    await step('DPoP', 'binds its tokens to a key', async () => {
      const device = { ...metadata, token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true };
      const identity = await Library.register(server, device);
      const bound = await Library.with(server, identity, {});
      for (const alg of ['ES256', 'Ed25519', 'RS256', 'PS256']) {
        const [DPoP, thief] = [await bound.dpop(alg), await bound.dpop(alg)];
        const tokens = await authorize(bound, { push: true, DPoP });
        assert.equal(tokens.token_type, 'dpop', alg);
        assert.ok(await isLetIn(bound, tokens.access_token, DPoP), alg);
        assert.ok(!(await isLetIn(bound, tokens.access_token)), `${alg}, as a bearer token`);
        assert.ok(!(await isLetIn(bound, tokens.access_token, thief)), `${alg}, with another key`);
        await assert.rejects(bound.refresh(tokens.refresh_token, thief), refusal('invalid_grant'));
        const renewed = await bound.refresh(tokens.refresh_token, DPoP);
        assert.equal(renewed.token_type, 'dpop', alg);
        assert.ok(await isLetIn(bound, renewed.access_token, DPoP), alg);
      }
    });

    await step('device', 'logs in where there is no browser', async () => {
      const begun = await client.beginDevice({ scope: 'posts:read', resource: server.href });
      const [tokens] = await Promise.all([client.endDevice(begun), allowDevice(begun.verification_uri_complete)]);
      assert.ok(await isLetIn(client, tokens.access_token));
    });

    await step('client credentials', 'gets a token for itself, by a signature', async () => {
      const service = await Library.with(server, { client_id: 'service' }, { key: { key: keys.privateKey, kid } });
      const tokens = await service.clientCredentials({ scope: 'posts:read', resource: server.href });
      assert.equal(claims(tokens.access_token).sub, 'client:service');
      assert.ok(await isLetIn(service, tokens.access_token));
    });

    await step('token exchange', 'exchanges what it was sent for a token of its own', async () => {
      const tokens = await authorize(client);
      const gateway = await Library.with(server, { client_id: 'gateway' }, { secret: 'a secret of the gateway that nobody guesses' });
      const parameters = { subject_token: tokens.access_token, subject_token_type: ACCESS_TOKEN, resource: other.href };
      const exchanged = await gateway.exchange(TOKEN_EXCHANGE, { ...parameters, scope: 'posts:read' });
      assert.equal(exchanged.issued_token_type, ACCESS_TOKEN);
      const { aud, sub, act } = claims(exchanged.access_token);
      assert.deepEqual([aud, sub, act], [other.href, 'johndoe', { sub: 'client:gateway' }]);
      assert.deepEqual((await gateway.introspect(exchanged.access_token)).act, act);
      await assert.rejects(client.exchange(TOKEN_EXCHANGE, parameters), refusal('unauthorized_client'));
      await assert.rejects(gateway.exchange(TOKEN_EXCHANGE, { ...parameters, scope: 'posts:write' }), refusal('invalid_scope'));
      await client.revoke(tokens.refresh_token);
      assert.equal((await gateway.introspect(exchanged.access_token)).active, false);
    });

    await step('registration', 'registers, and reads, replaces and deletes that', async () => {
      const own = await Library.register(server, metadata);
      const at = new URL(own.registration_client_uri);
      const send = async (token, method, body) => {
        const headers = body ? { 'content-type': 'application/json' } : {};
        return client.call(token, method, at, headers, body && JSON.stringify(body));
      };
      const read = await (await send(own.registration_access_token, 'GET')).json();
      assert.equal(read.client_name, metadata.client_name);
      const replaced = await (await send(own.registration_access_token, 'PUT', { ...metadata, client_id: own.client_id, client_name: 'renamed' })).json();
      assert.equal(replaced.client_name, 'renamed');
      const now = await Library.with(server, own, { secret: own.client_secret });
      const tokens = await authorize(now);
      assert.equal((await send(replaced.registration_access_token, 'DELETE')).status, 204);
      assert.ok(!(await isLetIn(now, tokens.access_token)));
      await assert.rejects(now.refresh(tokens.refresh_token), { status: 401 });
    });
  });
}
