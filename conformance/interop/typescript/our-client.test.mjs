// `barewire` as the client of servers that are not ours: the official everything server (2025 era, sessions, SSE, and
// the transport of 2024-11-05)
// and a small server on the official SDK 2.x (2026-07-28).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const binary = process.env.BAREWIRE_BINARY ?? '../../../target/debug/barewire';
const run = promisify(execFile);

async function barewire(...args) {
  const { stdout } = await run(binary, [...args, '--json'], { timeout: 30_000 });
  return JSON.parse(stdout);
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

// Over Streamable HTTP, and over the HTTP+SSE transport of 2024-11-05 (`SSEServerTransport` of the SDK 1.x), where the
// same URL takes no POST.
for (const [transport, path] of [['streamableHttp', 'mcp'], ['sse', 'sse']]) {
  test(`the official everything server, ${transport}`, { timeout: 60_000 }, async (t) => {
    const port = await freePort();
    const script = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js');
    const server = spawn(process.execPath, [script, transport], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => server.kill());
    const origin = `http://localhost:${port}`;
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (await fetch(origin).then(() => true, () => false)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const url = `${origin}/${path}`;

    const { tools } = await barewire('tools', 'list', url);
    assert.ok(tools.some(({ name }) => name === 'echo'), JSON.stringify(tools.map(({ name }) => name)));
    for (const revision of ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']) {
      const echoed = await barewire('call', url, 'echo', `message=in ${revision}`, '--revision', revision);
      assert.match(echoed.content[0].text, new RegExp(`in ${revision}`));
    }
    const { prompts } = await barewire('prompts', 'list', url);
    assert.ok(prompts.length > 0);
    const { resources } = await barewire('resources', 'list', url);
    assert.ok(resources.length > 0);
    const read = await barewire('resources', 'read', url, resources[0].uri);
    assert.ok(read.contents.length > 0);
  });
}

test('a server on the official SDK 2.x', { timeout: 60_000 }, async (t) => {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'theirs', version: '1.0.0' });
    server.registerTool('add', { description: 'Adds', inputSchema: z.object({ a: z.number(), b: z.number() }), outputSchema: z.object({ sum: z.number() }) }, ({ a, b }) => ({
      content: [{ type: 'text', text: String(a + b) }],
      structuredContent: { sum: a + b },
    }));
    return server;
  });
  const http = createServer(toNodeHandler(handler)).listen(0, '127.0.0.1');
  t.after(() => http.close());
  await once(http, 'listening');
  const url = `http://127.0.0.1:${http.address().port}/mcp`;

  const { tools } = await barewire('tools', 'list', url);
  assert.deepEqual(tools.map(({ name }) => name), ['add']);
  const sum = await barewire('call', url, 'add', 'a=19', 'b=23');
  assert.deepEqual(sum.structuredContent, { sum: 42 });
});
