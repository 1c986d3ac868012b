// The TypeScript SDK's client: connects once, calls `echo` so many times, and says what it cost.
// Run with --no-warnings: node 20 prints one for each call past 1,500, as fetch listens to the signal that the transport
// gives it until the next garbage collection.
// `node --no-warnings client.mjs --url URL --calls N --concurrency C [--era modern|legacy]`
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client, preloadSchemas, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    calls: { type: 'string' },
    concurrency: { type: 'string', default: '1' },
    era: { type: 'string', default: 'modern' },
  },
});
const calls = Number(values.calls);
const pin = values.era === 'legacy' ? {} : { versionNegotiation: { mode: { pin: '2026-07-28' } } };

preloadSchemas();
const client = new Client({ name: 'bench', version: '1.0.0' }, pin);
await client.connect(new StreamableHTTPClientTransport(new URL(values.url)));

async function call(calls, concurrency) {
  let taken = 0;
  const caller = async () => {
    while (taken < calls) {
      taken += 1;
      const result = await client.callTool({ name: 'echo', arguments: { text: 'hello' } });
      if (result.isError) throw new Error(JSON.stringify(result));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
}

await call(100, 1);
const cpu = process.cpuUsage();
const start = performance.now();
await call(calls, Number(values.concurrency));
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpu);
// What `process.resourceUsage` says goes on from before `exec`: it is that of whoever started node, if that was more.
const peak = Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
console.log(JSON.stringify({ calls, seconds, cpu_seconds: (user + system) / 1e6, peak_rss_kib: peak }));
process.exit(0);
