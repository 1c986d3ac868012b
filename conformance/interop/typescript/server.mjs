// A server on the official SDK 2.x (2026-07-28, and the revisions before it without sessions): `node server.mjs PORT`.
// What it offers is what every server here does; xtask/src/interop/servers.rs says what is asked of it.
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, inputRequired, inputResponse, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const text = (text) => ({ content: [{ type: 'text', text }] });

function build() {
  const server = new McpServer({ name: 'theirs', version: '1.0.0' });
  server.registerTool(
    'add',
    { description: 'Adds', inputSchema: z.object({ a: z.number(), b: z.number() }), outputSchema: z.object({ sum: z.number() }) },
    ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
  );
  server.registerTool('count', { description: 'Counts', inputSchema: z.object({ to: z.number().int() }) }, async ({ to }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (let progress = 1; progressToken !== undefined && progress <= to; progress += 1) {
      await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: to } });
    }
    return text(`counted to ${to}`);
  });
  server.registerTool('ask', { description: 'Asks for a name', inputSchema: z.object({}) }, (_, ctx) => {
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'name');
    if (answer.kind === 'missing') {
      const question = inputRequired.elicit({ message: 'Who are you?', requestedSchema: z.object({ name: z.string() }) });
      return inputRequired({ inputRequests: { name: question } });
    }
    return text(answer.action === 'accept' ? `Hello, ${answer.content.name}.` : 'Hello, whoever you are.');
  });
  server.registerResource('hello', 'note://hello', { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'Hello.' }],
  }));
  server.registerPrompt('greet', { argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}.` } }],
  }));
  return server;
}

createServer(toNodeHandler(createMcpHandler(build))).listen(Number(process.argv[2]), '127.0.0.1');
