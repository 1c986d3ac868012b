// The official TypeScript SDKs, 2.x (2026-07-28 and, pinned to it, 2025-11-25) and 1.x, against `barewire demo`:
// discovery, registration, login, list, call, structured output, step-up, elicitation, progress, refresh.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import * as two from '@modelcontextprotocol/client';
import { Client as ClientOne } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as TransportOne } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError as UnauthorizedOne } from '@modelcontextprotocol/sdk/client/auth.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import * as apps from '@modelcontextprotocol/ext-apps/app-bridge';
import { EXTENSION_ID } from '@modelcontextprotocol/ext-apps/server';
import { Browser } from './browser.mjs';

const server = new URL(process.env.BAREWIRE_SERVER_URL ?? 'http://localhost:8000/mcp');
const callback = 'http://localhost:43117/callback';
/** What a host declares that shows apps. */
const extensions = { [EXTENSION_ID]: { mimeTypes: [apps.RESOURCE_MIME_TYPE] } };

/** A line for the table of docs/interop.md: what was done, and went well. */
function done(client, revision, step) {
  const report = process.env.BAREWIRE_INTEROP_REPORT;
  if (report) appendFileSync(report, `${JSON.stringify({ client, revision, step })}\n`);
}

/** What an application keeps for the SDK: everything in memory, and a browser that a script drives. */
class Provider {
  redirectUrl = callback;
  clientMetadata = {
    client_name: 'interop test',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  };
  browser = new Browser();
  askedScopes = [];

  constructor(username) {
    this.username = username;
  }
  state() {
    return (this.expectedState = crypto.randomUUID());
  }
  saveDiscoveryState(state) {
    this.discovered = state;
  }
  discoveryState() {
    return this.discovered;
  }
  clientInformation() {
    return this.client;
  }
  saveClientInformation(client) {
    this.client = client;
  }
  tokens() {
    return this.saved;
  }
  saveTokens(tokens) {
    this.saved = tokens;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
  async redirectToAuthorization(url) {
    this.askedScopes.push(url.searchParams.get('scope'));
    this.answer = await this.browser.logIn(url, callback, this.username, 'secret');
    assert.equal(this.answer.searchParams.get('state'), this.expectedState);
    assert.equal(this.answer.searchParams.get('iss'), server.origin);
  }
}

const eras = {
  'SDK 2.x on 2026-07-28': {
    revision: '2026-07-28',
    make: () => new two.Client({ name: 'interop', version: '1' }, { capabilities: { elicitation: { form: {} }, extensions }, versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    transport: (authProvider) => new two.StreamableHTTPClientTransport(server, { authProvider }),
    unauthorized: two.UnauthorizedError,
    onElicit: (client, answer) => client.setRequestHandler('elicitation/create', answer),
    call: (client, params, options) => client.callTool(params, options),
  },
  'SDK 2.x choosing by itself': {
    revision: '2026-07-28',
    make: () => new two.Client({ name: 'interop', version: '1' }, { capabilities: { elicitation: { form: {} }, extensions }, versionNegotiation: { mode: 'auto' } }),
    transport: (authProvider) => new two.StreamableHTTPClientTransport(server, { authProvider }),
    unauthorized: two.UnauthorizedError,
    onElicit: (client, answer) => client.setRequestHandler('elicitation/create', answer),
    call: (client, params, options) => client.callTool(params, options),
  },
  'SDK 2.x in its 2025 mode': {
    revision: '2025-11-25',
    make: () => new two.Client({ name: 'interop', version: '1' }, { capabilities: { elicitation: { form: {} }, extensions } }),
    transport: (authProvider) => new two.StreamableHTTPClientTransport(server, { authProvider }),
    unauthorized: two.UnauthorizedError,
    onElicit: (client, answer) => client.setRequestHandler('elicitation/create', answer),
    call: (client, params, options) => client.callTool(params, options),
  },
  'SDK 1.x': {
    revision: '2025-11-25',
    make: () => new ClientOne({ name: 'interop', version: '1' }, { capabilities: { elicitation: {}, extensions } }),
    transport: (authProvider) => new TransportOne(server, { authProvider }),
    unauthorized: UnauthorizedOne,
    onElicit: (client, answer) => client.setRequestHandler(ElicitRequestSchema, answer),
    call: (client, params, options) => client.callTool(params, undefined, options),
  },
};

/** Connects as an application does: the first try is refused and leads through the browser, the second one is in. */
async function connect(era, provider) {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const client = era.make();
    const transport = era.transport(provider);
    try {
      await client.connect(transport);
      return { client, transport };
    } catch (error) {
      if (!(error instanceof era.unauthorized)) throw error;
      await finish(transport, provider);
    }
  }
  throw new Error('still unauthorized after two logins');
}

async function finish(transport, provider) {
  await transport.finishAuth(provider.answer.searchParams.get('code'), provider.answer.searchParams.get('iss'));
}

/** A call that may need more scopes than the login gave: refused, asked for in the browser, repeated. */
async function callWithStepUp(era, connection, provider, params, options) {
  try {
    return await era.call(connection.client, params, options);
  } catch (error) {
    if (!(error instanceof era.unauthorized)) throw error;
    await finish(connection.transport, provider);
    return era.call(connection.client, params, options);
  }
}

for (const [name, era] of Object.entries(eras)) {
  test(name, { timeout: 60_000 }, async (t) => {
    const provider = new Provider('johndoe');
    let connection;
    let failed;
    // Each step needs the one before it: after the first failure the rest says nothing new.
    const step = (kind, title, work) =>
      t.test(title, async () => {
        if (failed) return t.diagnostic(`not run after the failure of: ${failed}`);
        await work().catch((error) => {
          failed = title;
          throw error;
        });
        done(name, era.revision, kind);
      });

    await step('login', 'discovers, registers, logs in and connects', async () => {
      connection = await connect(era, provider);
      assert.equal(connection.client.getServerVersion()?.name !== undefined, true, 'the server says who it is');
      assert.equal(connection.client.getNegotiatedProtocolVersion?.() ?? connection.transport.protocolVersion, era.revision);
      assert.match(provider.askedScopes[0], /posts:read/);
      assert.doesNotMatch(provider.askedScopes[0], /posts:write/);
    });

    await step('list', 'lists tools, resources, templates and prompts', async () => {
      const { tools } = await connection.client.listTools();
      for (const tool of ['list_posts', 'search_posts', 'read_post', 'create_post', 'update_post', 'delete_post']) {
        assert.ok(tools.some((listed) => listed.name === tool), `${tool} is listed`);
      }
      assert.ok((await connection.client.listResources()).resources.length > 0);
      assert.ok((await connection.client.listResourceTemplates()).resourceTemplates.length > 0);
      assert.ok((await connection.client.listPrompts()).prompts.length > 0);
    });

    await step('call', 'reads: structured content under its schema, and a resource', async () => {
      const page = await era.call(connection.client, { name: 'list_posts', arguments: {} });
      assert.ok(page.structuredContent, 'list_posts has structured content');
      assert.ok(page.content.length > 0);
      const { resources } = await connection.client.listResources();
      const read = await connection.client.readResource({ uri: resources[0].uri });
      assert.equal(read.contents[0].uri, resources[0].uri);
    });

    // As a host does with the official package of MCP Apps.
    await step('app', 'finds the app of a tool and reads it', async () => {
      const { tools } = await connection.client.listTools();
      const uris = new Map(tools.map((tool) => [tool.name, apps.getToolUiResourceUri(tool)]));
      const uri = uris.get('read_post');
      assert.match(uri, /^ui:/);
      assert.equal(uris.get('list_posts'), undefined);
      const tool = tools.find(({ name }) => name === 'read_post');
      assert.ok(apps.McpUiToolMetaSchema.safeParse(tool._meta.ui).success);
      assert.ok(!apps.isToolVisibilityAppOnly(tool) && !apps.isToolVisibilityModelOnly(tool));
      const { contents } = await connection.client.readResource({ uri });
      assert.deepEqual(contents.map((part) => [part.uri, part.mimeType]), [[uri, apps.RESOURCE_MIME_TYPE]]);
      assert.match(contents[0].text, /^<!doctype html>/);
      assert.deepEqual(apps.McpUiResourceMetaSchema.parse(contents[0]._meta.ui), { prefersBorder: true });
      const { resources } = await connection.client.listResources();
      const listed = resources.find((resource) => resource.uri === uri);
      assert.deepEqual([listed.mimeType, listed._meta.ui], [apps.RESOURCE_MIME_TYPE, { prefersBorder: true }]);
    });

    await step('refusal', 'refuses a wrong argument in a way the client understands', async () => {
      const outcome = await era.call(connection.client, { name: 'read_post', arguments: { id: 'not a number' } }).catch((error) => error);
      assert.ok(outcome instanceof Error || outcome.isError === true);
    });

    await step('progress', 'is told how far a call is', async () => {
      const seen = [];
      const exported = await era.call(connection.client, { name: 'export_posts', arguments: { pause_ms: 0 } }, { onprogress: (progress) => seen.push(progress) });
      assert.notEqual(exported.isError, true, JSON.stringify(exported));
      assert.ok(seen.length > 0, 'there was progress');
      assert.equal(seen.at(-1).progress, seen.at(-1).total);
    });

    // The 1.x SDK answers a 403 by refreshing the token it holds, which cannot widen it, and gives up. Without a refresh
    // token it asks for more as it should.
    if (era.unauthorized === UnauthorizedOne) delete provider.saved.refresh_token;

    let id;
    await step('step-up', 'writes after step-up, keeping the scopes it had', async () => {
      const created = await callWithStepUp(era, connection, provider, {
        name: 'create_post',
        arguments: { title: `Written by ${name}`, content: 'Over the wire.' },
      });
      assert.notEqual(created.isError, true, JSON.stringify(created));
      id = created.structuredContent.id;
      assert.ok(id);
      assert.match(provider.askedScopes.at(-1), /posts:write/);
      assert.match(provider.askedScopes.at(-1), /posts:read/);
      await era.call(connection.client, { name: 'list_posts', arguments: {} });
    });

    await step('question', 'is asked before a post is deleted: declined, it stays; accepted, it is gone', async () => {
      const questions = [];
      let answer = { action: 'decline' };
      era.onElicit(connection.client, async (request) => {
        questions.push(request.params.message);
        return answer;
      });
      await era.call(connection.client, { name: 'delete_post', arguments: { id } });
      const still = await era.call(connection.client, { name: 'read_post', arguments: { id } });
      assert.notEqual(still.isError, true, 'a declined deletion deletes nothing');
      answer = { action: 'accept', content: { confirm: true } };
      await era.call(connection.client, { name: 'delete_post', arguments: { id } });
      assert.ok(questions.length >= 2, 'each deletion asked');
      const gone = await era.call(connection.client, { name: 'read_post', arguments: { id } }).catch((error) => ({ isError: true, error }));
      assert.equal(gone.isError, true);
    });

    await step('refresh', 'refreshes when its access token is refused', async () => {
      const { refresh_token: before } = provider.saved;
      assert.ok(before, 'a refresh token was issued');
      provider.saved = { ...provider.saved, access_token: `${provider.saved.access_token.slice(0, -6)}AAAAAA` };
      const page = await era.call(connection.client, { name: 'list_posts', arguments: {} });
      assert.ok(page.structuredContent);
      assert.notEqual(provider.saved.refresh_token, before, 'refresh rotates');
    });

    await connection?.client.close();
  });
}

// The transport of 2024-11-05 from the start: the login is for the address of the stream, which the SDK compares.
test('SDK 1.x logs in at /sse', { timeout: 60_000 }, async () => {
  const provider = new Provider('johndoe');
  const at = new URL('/sse', server);
  const era = { ...eras['SDK 1.x'], transport: (authProvider) => new SSEClientTransport(at, { authProvider }) };
  const { client } = await connect(era, provider);
  assert.ok((await client.listTools()).tools.some((tool) => tool.name === 'list_posts'));
  const claims = JSON.parse(Buffer.from(provider.saved.access_token.split('.')[1], 'base64url'));
  assert.equal(claims.aud, at.href);
  await client.close();
});

// The transport of 2024-11-05, with the token that a login at /mcp gave.
test('SDK 1.x over HTTP with SSE', { timeout: 60_000 }, async () => {
  const era = eras['SDK 1.x'];
  const provider = new Provider('johndoe');
  await (await connect(era, provider)).client.close();

  const client = era.make();
  const transport = new SSEClientTransport(new URL('/sse', server), { authProvider: provider });
  let revision;
  transport.setProtocolVersion = (negotiated) => {
    revision = negotiated;
  };
  await client.connect(transport);
  const did = (step) => done('SDK 1.x over HTTP+SSE', revision, step);
  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === 'list_posts'));
  did('list');
  const pages = await Promise.all([1, 2, 3].map(() => era.call(client, { name: 'list_posts', arguments: {} })));
  for (const page of pages) assert.ok(page.structuredContent);
  const { resources } = await client.listResources();
  assert.equal((await client.readResource({ uri: resources[0].uri })).contents[0].uri, resources[0].uri);
  did('call');
  await assert.rejects(era.call(client, { name: 'create_post', arguments: { title: 't', content: 'c' } }), /403|scope/i);
  await client.close();

  // Nobody comes in without a token.
  const stranger = new SSEClientTransport(new URL('/sse', server));
  await assert.rejects(era.make().connect(stranger), /401/);
});
