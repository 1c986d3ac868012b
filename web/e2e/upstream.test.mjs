// People log in at their organisation's identity provider, the certified `oidc-provider`, in a real browser; an application
// gets what their groups allow; and when somebody leaves, their grant ends and nobody else's.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertAccessible, launch, newPage, serverUrl } from './support.mjs'

const origin = new URL(serverUrl).origin
const provider = process.env.BAREWIRE_UPSTREAM_URL
const callback = 'http://localhost:9/callback'

/** An application that asks for everything. */
async function register(name) {
  const answer = await fetch(`${origin}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: [callback],
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    }),
  })
  const { client_id } = await answer.json()
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: callback,
    scope: 'posts:read posts:write',
    resource: serverUrl,
    state: 'x',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const token = async (fields) => {
    const answer = await fetch(`${origin}/token`, { method: 'POST', body: new URLSearchParams({ client_id, ...fields }) })
    return { status: answer.status, ...(await answer.json()) }
  }
  return {
    url: `${origin}/authorize?${query}`,
    async redeem(url) {
      const code = new URL(url).searchParams.get('code')
      this.tokens = await token({ grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier })
      assert.equal(this.tokens.status, 200, JSON.stringify(this.tokens))
    },
    async refresh() {
      const answer = await token({ grant_type: 'refresh_token', refresh_token: this.tokens.refresh_token })
      if (answer.status === 200) this.tokens = answer
      return answer
    },
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
    },
    async connect() {
      const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '0' } }
      assert.equal(await this.send('initialize', hello), 200)
    },
    call(name, args) {
      return this.send('tools/call', { name, arguments: args })
    },
  }
}

describe('a login at an identity provider', () => {
  let browser, ada, grace

  before(async () => {
    browser = await launch()
    ada = await person('ada')
    grace = await person('grace')
  })
  after(() => browser?.close())

  /** A browser of somebody whom the provider knows. */
  async function person(login) {
    const { page, troubles } = await newPage(browser)
    await page.route(`${callback}**`, (route) => route.fulfill({ body: 'back at the application' }))
    return {
      page,
      troubles,
      /** As far as the first page of ours after the provider's. */
      async logIn(url) {
        await page.goto(url)
        await page.getByRole('link', { name: 'Sign in with Corporate' }).click()
        await page.waitForURL((url) => url.origin === provider)
        await page.locator('input[name=login]').fill(login)
        await page.locator('input[name=password]').fill('anything')
        await page.getByRole('button', { name: 'Sign-in' }).click()
        await page.getByRole('button', { name: 'Continue' }).click()
        await page.waitForURL((url) => url.origin === origin)
      },
      async allow(app) {
        await page.getByRole('button', { name: 'Allow', exact: true }).click()
        await page.waitForURL(`${callback}**`)
        await app.redeem(page.url())
      },
    }
  }

  let failed = false
  const step = (name, run) =>
    it(name, async (t) => {
      if (failed) return t.skip('an earlier step failed')
      try {
        await run()
      } catch (error) {
        failed = true
        await mkdir(new URL('../test-results/', import.meta.url), { recursive: true })
        await ada.page.screenshot({ path: fileURLToPath(new URL('../test-results/upstream.png', import.meta.url)) }).catch(() => {})
        t.diagnostic(`at ${ada.page.url()}; see test-results/upstream.png`)
        throw error
      }
    })

  let first, second, hers

  step('offers the provider beside the password', async () => {
    await ada.page.goto(`${origin}/login`)
    await ada.page.getByLabel('Password').waitFor()
    await assertAccessible(ada.page, 'login with a provider')
    await ada.page.setViewportSize({ width: 360, height: 780 })
    const excess = await ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(excess <= 0, `${excess} px too wide`)
    await ada.page.setViewportSize({ width: 1440, height: 900 })
  })

  step('comes in through it, and an application may do what her groups allow', async () => {
    first = await register('Painter')
    await ada.logIn(first.url)
    await ada.page.getByText('You are signed in as corporate:ada@corporate.example').waitFor()
    await assertAccessible(ada.page, 'consent')
    await ada.allow(first)
    assert.equal(first.tokens.scope, 'posts:read posts:write')
    await first.connect()
    assert.equal(await first.call('create_post', { title: 'Through the front door', content: 'By Ada.' }), 200)
  })

  step('is known from then on, and connects another application', async () => {
    second = await register('Sculptor')
    await ada.page.goto(second.url)
    await ada.allow(second)
    await second.connect()
  })

  step('lets somebody else do less', async () => {
    hers = await register('Reader')
    await grace.logIn(hers.url)
    await grace.allow(hers)
    assert.equal(hers.tokens.scope, 'posts:read')
    await hers.connect()
    assert.equal(await hers.call('list_posts', {}), 200)
    assert.equal(await hers.call('create_post', { title: 'Never', content: 'Never.' }), 403)
  })

  step('says to whom it may not let in why, and how to go on', async () => {
    const eve = await person('eve')
    await eve.logIn(`${origin}/login`)
    await eve.page.getByRole('heading', { name: 'Your account may not sign in here' }).waitFor()
    await assertAccessible(eve.page, 'not let in')
    await eve.page.getByRole('link', { name: /Go back/ }).click()
    await eve.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  step('asks there again when a token is refreshed, with a new token each time', async () => {
    for (let round = 0; round < 3; round += 1) assert.equal((await first.refresh()).status, 200)
    assert.equal(await first.call('list_posts', {}), 200)
  })

  step('ends the grant of somebody who left, and no other', async () => {
    const answer = await fetch(`${provider}/-/dismiss?account=ada`, { method: 'POST' })
    assert.equal(answer.status, 204)
    const refused = await first.refresh()
    assert.deepEqual([refused.status, refused.error], [400, 'invalid_grant'])
    assert.equal(await first.call('list_posts', {}), 401)
    assert.equal(await second.call('list_posts', {}), 200)
    assert.equal(await hers.call('list_posts', {}), 200)
    assert.equal((await hers.refresh()).status, 200)
    assert.equal((await second.refresh()).error, 'invalid_grant')
    await ada.page.goto(`${origin}/account/apps`)
    await ada.page.getByRole('link', { name: 'Sign in with Corporate' }).waitFor()
  })

  step('never broke its own policy, and threw nothing', () => assert.deepEqual([...ada.troubles, ...grace.troubles], []))
})
