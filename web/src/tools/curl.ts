import type { ServerView } from '@/api/types'

/** The revision that needs neither handshake nor session, so that one command is enough. */
const STATELESS = '2026-07-28'

/**
 * A call as a command to paste into a shell. The token stays in the host: `barewire token` presents the one that `barewire login`
 * has kept, and proves possession of its key where it is bound to one, which curl cannot.
 */
export function curlOf(server: ServerView, name: string, args: Record<string, unknown>): string {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: paramsOf(server, name, args) }
  const headers = ['Content-Type: application/json', 'Accept: application/json, text/event-stream', `MCP-Protocol-Version: ${revision(server)}`]
  if (revision(server) === STATELESS) headers.push('Mcp-Method: tools/call', `Mcp-Name: ${headerValue(name)}`)
  else headers.push('Mcp-Session-Id: $SESSION')
  const token = server.authorization === 'none' ? '' : `barewire token ${quote(server.url)} | `
  const lines = [`${token}curl -N ${quote(server.url)}`, ...headers.map((header) => `-H ${quote(header)}`)]
  if (token) lines.push('-H @-')
  lines.push(`-d ${quote(JSON.stringify(body))}`)
  return lines.join(' \\\n  ').replace(`'Mcp-Session-Id: $SESSION'`, '"Mcp-Session-Id: $SESSION"')
}

function paramsOf(server: ServerView, name: string, args: Record<string, unknown>): Record<string, unknown> {
  const params: Record<string, unknown> = { name, arguments: args }
  if (revision(server) === STATELESS) {
    params._meta = { 'io.modelcontextprotocol/protocolVersion': STATELESS, 'io.modelcontextprotocol/clientCapabilities': {} }
  }
  return params
}

const revision = (server: ServerView) => server.revision ?? STATELESS

/** Names that a header cannot carry travel in base64 with the specification's sentinel. */
function headerValue(name: string): string {
  if (/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(name) && !name.startsWith('=?base64?')) return name
  const bytes = new TextEncoder().encode(name)
  return `=?base64?${btoa(String.fromCharCode(...bytes))}?=`
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
