// An application as the authorization server and the MCP server meet it: it registers itself, sends a person to be asked,
// comes for its tokens and calls. HTTP and nothing else, so that a test sees each status.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { origin, serverUrl } from './support.mjs'

/** Where the browser comes back to: nobody listens there, the page that was opened answers. */
export const callback = 'http://localhost:9/callback'

/** Registers a client of this name, as RFC 7591 says; its identifier. */
export async function register(name, metadata = {}, at = origin) {
  const answer = await fetch(`${at}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: name, redirect_uris: [callback], application_type: 'native', token_endpoint_auth_method: 'none', ...metadata }),
  })
  assert.equal(answer.status, 201, await answer.clone().text())
  return (await answer.json()).client_id
}

/** What an endpoint says to a form, with its status. */
export async function post(path, fields, at = origin) {
  const answer = await fetch(at + path, { method: 'POST', body: new URLSearchParams(fields) })
  return { status: answer.status, ...(await answer.json()) }
}

/** An application that asks for everything: reading, writing, and to go on without its user. */
export class Application {
  static async register(name) {
    return new Application(name, await register(name, { grant_types: ['authorization_code', 'refresh_token'] }))
  }

  constructor(name, clientId) {
    this.name = name
    this.clientId = clientId
    this.verifier = randomBytes(32).toString('base64url')
  }

  /** Where a person is asked. */
  get url() {
    return `${origin}/authorize?${new URLSearchParams({
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: callback,
      scope: 'posts:read posts:write',
      resource: serverUrl,
      state: 'x',
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })}`
  }

  /** Changes the code with which a person came back into tokens; what the server says to that. */
  exchange(cameBackTo, verifier = this.verifier) {
    const code = new URL(cameBackTo).searchParams.get('code')
    return post('/token', { grant_type: 'authorization_code', client_id: this.clientId, code, redirect_uri: callback, code_verifier: verifier })
  }

  async redeem(cameBackTo) {
    this.tokens = await this.exchange(cameBackTo)
    assert.equal(this.tokens.status, 200, JSON.stringify(this.tokens))
  }

  async refresh() {
    const answer = await post('/token', { grant_type: 'refresh_token', client_id: this.clientId, refresh_token: this.tokens.refresh_token })
    if (answer.status === 200) this.tokens = answer
    return answer
  }

  /** The status of a request at the MCP server. */
  async send(method, params) {
    const answer = await fetch(serverUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.tokens.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        ...(this.session ? { 'mcp-session-id': this.session } : {}),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    await answer.text()
    this.session ??= answer.headers.get('mcp-session-id') ?? undefined
    return answer.status
  }

  async connect() {
    const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: this.name, version: '0' } }
    assert.equal(await this.send('initialize', hello), 200)
  }

  call(name, args = {}) {
    return this.send('tools/call', { name, arguments: args })
  }
}
