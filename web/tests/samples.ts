import type { CallView, Exchange, ExchangeView, ServerView, StreamEvent } from '@/api/types'

/** Data of the API's shape with only what a test is about spelled out. */
export function exchange(own: Partial<Exchange> & { server?: string; call?: string } = {}): ExchangeView {
  const { server = 's1', call = null, ...rest } = own
  return {
    server,
    call,
    exchange: {
      id: '1',
      at: 1000,
      duration_ms: 5,
      phase: 'call',
      step: 'call_tool',
      from: 'client',
      to: 'mcp_server',
      status: 'finished',
      request: { method: 'POST', url: 'http://localhost:8000/mcp', headers: [], body: null },
      response: { status: 200, headers: [], body: null, events: [], events_dropped: 0, first_byte_ms: 1 },
      failure: null,
      rpc: null,
      narration: { what: 'Call the tool', why: 'Because.', rule: null, other_era: null, conclusions: [] },
      repeats: null,
      tag: null,
      tokens: [],
      ...rest,
    },
  }
}

export const numbered = (views: ExchangeView[]) => views.map((view, at) => ({ number: at + 1, view }))

export function call(id: string, server: string, own: Partial<CallView> = {}): CallView {
  return {
    id,
    server,
    kind: 'tool',
    name: 'list_posts',
    arguments: {},
    status: { kind: 'running' },
    started_at: 0,
    finished_at: null,
    progress: null,
    logs: [],
    result: null,
    error: null,
    exchanges: [],
    ...own,
  }
}

export function server(id: string): ServerView {
  return {
    id,
    url: 'http://localhost:8000/mcp',
    name: 'blog',
    era: 'either',
    newest: null,
    added_at: 0,
    status: { kind: 'ready', message: '', what_next: null, since: 0, retry_at: null },
    authorization: 'none',
    revision: '2026-07-28',
    supported_revisions: [],
    server_info: null,
    capabilities: null,
    instructions: null,
    user: null,
    client: null,
    issuer: null,
    resource: null,
    scopes: [],
    scopes_supported: [],
    token_expires_at: null,
  }
}

/** One event of a stream. */
export const streamed = (seq: number): StreamEvent => ({ seq, at: 1000 + seq, event: null, id: null, retry: null, data: '{}', truncated: false })
