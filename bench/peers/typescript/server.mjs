// The official TypeScript SDK 2.x on plain node:http: `node server.mjs --listen 127.0.0.1:PORT [--auth] [--sse]`.
//
// For speed: NODE_ENV=production; no Express in between; the body is read and parsed once and handed on; schemas are made
// once and their lazy parts built at start; sessions answer with JSON; the listener of @hono/node-server, by which the
// SDK's own session transport is served, in place of its `toNodeHandler` (12 % less CPU; its JSON Schemas in place of
// zod's make no difference). A new McpServer for each request of 2026-07-28 is how the SDK is made: its handler refuses
// one that serves already. JSON in a session drops the notifications of a call, so `--sse` turns it off where they are
// measured.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { bearerAuthChallengeResponse, createMcpHandler, isInitializeRequest, preloadSchemas, verifyBearerToken } from '@modelcontextprotocol/server';
import { bench } from './tools.mjs';
import { issue } from './token.mjs';

const { values } = parseArgs({ options: { listen: { type: 'string' }, auth: { type: 'boolean' }, sse: { type: 'boolean' } } });
const [host, port] = values.listen.split(':');
const origin = `http://${values.listen}`;

preloadSchemas();
const bearer = values.auth ? await issue(origin, `${origin}/mcp`) : undefined;
if (bearer) console.log(`token: ${bearer.token}`);

// 2026-07-28, and 2025-11-25 without a session. The limit of 1,024 streams is raised to measure idle ones.
const sessionless = createMcpHandler(bench, { maxSubscriptions: 20_000 });
const sessions = new Map();

async function session() {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    enableJsonResponse: !values.sse,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  await bench().connect(transport);
  return transport;
}

async function read(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return JSON.parse(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
}

async function answer(req, res) {
  if (req.url !== '/mcp') return void res.writeHead(404).end();
  if (bearer) {
    try {
      req.auth = await verifyBearerToken(req.headers.authorization, bearer.options);
    } catch (error) {
      const refused = bearerAuthChallengeResponse(error, bearer.options);
      return void res.writeHead(refused.status, Object.fromEntries(refused.headers)).end(await refused.text());
    }
  }
  const body = req.method === 'POST' ? await read(req) : undefined;
  const id = req.headers['mcp-session-id'];
  if (id !== undefined) {
    const transport = sessions.get(id);
    return transport ? transport.handleRequest(req, res, body) : void res.writeHead(404).end();
  }
  if (isInitializeRequest(body)) return (await session()).handleRequest(req, res, body);
  const listener = (request) => sessionless.fetch(request, { parsedBody: body, authInfo: req.auth });
  return getRequestListener(listener, { overrideGlobalObjects: false })(req, res);
}

const server = createServer((req, res) => {
  answer(req, res).catch(() => {
    if (!res.headersSent) res.writeHead(400);
    res.end();
  });
});
// Its 5 seconds would close the connections of a benchmark that pauses.
server.keepAliveTimeout = 60_000;
server.listen(Number(port), host);
