// The three tools; the schemas and the users are made once.
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const echo = { description: 'Says it again.', inputSchema: z.object({ text: z.string() }) };
const echoWithProgress = { ...echo, description: 'Says it again, after three steps.' };
const getUser = {
  description: "A user's record.",
  inputSchema: z.object({ id: z.int().min(0) }),
  outputSchema: z.object({
    id: z.int().min(0),
    name: z.string(),
    email: z.string(),
    active: z.boolean(),
    roles: z.array(z.string()),
    created: z.string(),
  }),
};

// The same records as in bench/src/users.rs.
const users = Array.from({ length: 1000 }, (_, index) => {
  const id = index + 1;
  return {
    id,
    name: `User ${id}`,
    email: `user${id}@example.com`,
    active: id % 10 !== 0,
    roles: id % 2 === 0 ? ['reader', 'writer'] : ['reader'],
    created: `2026-01-${String(1 + (id % 28)).padStart(2, '0')}T00:00:00Z`,
  };
});

const says = (text) => ({ content: [{ type: 'text', text }] });

export function bench() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool('echo', echo, ({ text }) => says(text));
  server.registerTool('get_user', getUser, ({ id }) => {
    const user = users[id - 1];
    if (user === undefined) return { ...says('There is no such user.'), isError: true };
    return { ...says(JSON.stringify(user)), structuredContent: user };
  });
  server.registerTool('echo_with_progress', echoWithProgress, async ({ text }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    if (progressToken !== undefined) {
      for (const progress of [1, 2, 3]) {
        await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } });
      }
    }
    return says(text);
  });
  return server;
}
