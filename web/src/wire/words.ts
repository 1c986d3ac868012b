import type { Exchange, Party, Phase } from '@/api/types'

/** Each phase: what it is called and, in a sentence, what it is for. */
export const phases: Record<Phase, { title: string; why: string }> = {
  discover: { title: 'Discover', why: 'Find out whether the server wants a token, and who issues it.' },
  register: { title: 'Register', why: 'Become a client that the authorization server knows.' },
  log_in: { title: 'Log in', why: 'The person logs in and consents; the code that comes back becomes a token.' },
  negotiate: { title: 'Negotiate', why: 'Agree on a protocol revision and learn what the server can do.' },
  list: { title: 'List', why: 'Learn what the server has.' },
  call: { title: 'Call', why: 'A tool, a resource or a prompt at work.' },
  stream: { title: 'Stream', why: 'Stay connected, so that the server can say when something changes.' },
  refresh: { title: 'Refresh', why: 'The access token ended; the refresh token gives the next one.' },
  step_up: { title: 'Step up', why: 'The call needs more scope than the token has, so the person is asked again.' },
  other: { title: 'Other', why: 'Not part of the flow itself.' },
}

export const parties: Record<Party, string> = {
  browser: 'Browser',
  client: 'Host',
  authorization_server: 'Authorization server',
  mcp_server: 'MCP server',
}

export type Outcome = 'running' | 'ok' | 'browser' | 'redirect' | 'challenge' | 'scope' | 'refused' | 'failed'

/** What became of an exchange, in the one word that its shape and colour repeat. */
export function outcomeOf(exchange: Exchange): Outcome {
  if (exchange.status === 'failed') return exchange.failure?.kind === 'closed' ? 'ok' : 'failed'
  const status = exchange.response?.status
  if (status === undefined) return exchange.status === 'running' ? 'running' : unseen(exchange)
  if (status === 401) return 'challenge'
  if (status === 403 && challenges(exchange)) return 'scope'
  if (status >= 500) return 'failed'
  if (status >= 400) return 'refused'
  if (status >= 300) return 'redirect'
  return rpcError(exchange) ? 'refused' : exchange.status === 'running' ? 'running' : 'ok'
}

export const outcomes: Record<Outcome, { word: string; shape: 'disc' | 'spin' | 'diamond' | 'bar' | 'triangle' | 'arrow'; tone: 'ok' | 'bad' | 'accent' | 'plain' }> = {
  running: { word: 'running', shape: 'spin', tone: 'plain' },
  ok: { word: 'ok', shape: 'disc', tone: 'ok' },
  browser: { word: 'in the browser', shape: 'arrow', tone: 'plain' },
  redirect: { word: 'redirect', shape: 'arrow', tone: 'plain' },
  challenge: { word: 'wants a token', shape: 'diamond', tone: 'accent' },
  scope: { word: 'wants more scope', shape: 'diamond', tone: 'accent' },
  refused: { word: 'refused', shape: 'bar', tone: 'bad' },
  failed: { word: 'failed', shape: 'triangle', tone: 'bad' },
}

/** What the browser did elsewhere has no response here; what was concluded from it says how it went. */
function unseen(exchange: Exchange): Outcome {
  return exchange.narration.conclusions.at(-1)?.refused ? 'refused' : 'browser'
}

const challenges = (exchange: Exchange) => exchange.response?.headers.some((header) => header.name === 'www-authenticate') ?? false

/** Whether an exchange is one that "errors only" keeps. */
export function isTrouble(exchange: Exchange): boolean {
  return !['ok', 'browser', 'redirect', 'running'].includes(outcomeOf(exchange))
}

/** A JSON-RPC error travels in a 200 as well. */
export function rpcError(exchange: Exchange): { code: number; message: string } | undefined {
  const text = exchange.response?.body?.text
  if (!text || !text.includes('"error"') || !exchange.rpc) return undefined
  try {
    const error = (JSON.parse(text) as { error?: { code: number; message: string } }).error
    return error && typeof error.code === 'number' ? error : undefined
  } catch {
    return undefined
  }
}

/** The status as a person reads it in a row. */
export function statusText(exchange: Exchange): string {
  if (exchange.status === 'failed' && !exchange.response) return exchange.failure?.kind.replaceAll('_', ' ') ?? 'failed'
  if (exchange.response) return String(exchange.response.status)
  return exchange.status === 'running' ? '···' : '–'
}

export function isStream(exchange: Exchange): boolean {
  return (exchange.response?.events.length ?? 0) > 0 || contentType(exchange).startsWith('text/event-stream')
}

export function contentType(exchange: Exchange): string {
  return exchange.response?.headers.find((header) => header.name === 'content-type')?.value ?? ''
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return ''
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Path and query; the origin stands in the details and in the lanes. */
export function pathOf(url: string): string {
  try {
    const parsed = new URL(url)
    return decode(parsed.pathname + parsed.search)
  } catch {
    return url
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** `POST /mcp tools/call create_post`: an exchange in one line of text. */
export function titleOf(exchange: Exchange): string {
  const rpc = [exchange.rpc?.method, exchange.rpc?.name].filter(Boolean).join(' ')
  return `${exchange.request.method} ${pathOf(exchange.request.url).split('?')[0]}${rpc ? ` ${rpc}` : ''}`
}
