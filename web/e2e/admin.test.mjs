// Administrators at the authorization server, in a real browser, against a running `barewire demo`: a person's page, an
// application that somebody else has connected, and its very next call. Nothing here stays, so that other flows go on beside.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertAccessible, launch, newPage, serverUrl } from './support.mjs'

const origin = new URL(serverUrl).origin
const callback = 'http://localhost:9/callback'
const results = new URL('../test-results/', import.meta.url)

describe('administration', () => {
  let browser, page, troubles, call
  const name = `Sketcher ${randomBytes(3).toString('hex')}`
  const visitor = `visitor-${randomBytes(3).toString('hex')}`
  const password = 'a few words'

  before(async () => {
    browser = await launch()
    ;({ page, troubles } = await newPage(browser))
  })
  after(() => browser?.close())

  let failed = false
  const step = (name, run) =>
    it(name, async (t) => {
      if (failed) return t.skip('an earlier step failed')
      try {
        await run()
      } catch (error) {
        failed = true
        await mkdir(results, { recursive: true })
        await page.screenshot({ path: fileURLToPath(new URL('admin.png', results)) }).catch(() => {})
        t.diagnostic(`at ${page.url()}; see test-results/admin.png`)
        throw error
      }
    })

  const open = (path) => page.goto(origin + path)
  const heading = (name) => page.getByRole('heading', { name, level: 1 }).waitFor()
  const press = (name) => page.getByRole('button', { name }).click()
  const givePassword = async (on, user, secret) => {
    await on.getByLabel('User name').fill(user)
    await on.getByLabel('Password').fill(secret)
    await on.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  /** In order on a phone, too, and for whoever does not see it; pictures for whoever wants to look. */
  const assertGood = async (state) => {
    await assertAccessible(page, state)
    await page.setViewportSize({ width: 360, height: 780 })
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(excess <= 0, `${state} is ${excess} px too wide`)
    if (process.env.BAREWIRE_PICTURES) await pictures(state)
    await page.setViewportSize({ width: 1440, height: 900 })
  }
  const pictures = async (state) => {
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: `${process.env.BAREWIRE_PICTURES}/${state.replaceAll(' ', '-')}-${width}-${colorScheme}.png`, fullPage: true })
      }
    }
    await page.emulateMedia({ colorScheme: 'light' })
  }

  step('leads from a page of administrators to the login, and back', async () => {
    await open('/admin')
    await heading('Sign in')
    await givePassword(page, 'admin', 'secret')
    await heading('People')
    await page.getByRole('link', { name: 'johndoe' }).waitFor()
    await assertGood('people')
  })

  step('adds a person, who connects an application', async () => {
    await page.getByLabel('User name').fill(visitor)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await heading(`${visitor} is added`)
    await assertGood('a person is added')

    const other = await newPage(browser)
    const registered = await fetch(`${origin}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: name, redirect_uris: [callback], application_type: 'native', token_endpoint_auth_method: 'none' }),
    })
    const { client_id } = await registered.json()
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
    await other.page.route(`${callback}**`, (route) => route.fulfill({ body: 'back at the application' }))
    await other.page.goto(`${origin}/authorize?${query}`)
    await givePassword(other.page, visitor, password)
    await other.page.getByRole('button', { name: 'Allow', exact: true }).click()
    await other.page.waitForURL(`${callback}**`)
    const code = new URL(other.page.url()).searchParams.get('code')
    const redeemed = await fetch(`${origin}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'authorization_code', client_id, code, redirect_uri: callback, code_verifier: verifier }),
    })
    const { access_token } = await redeemed.json()
    await other.context.close()
    call = async () => {
      const answer = await fetch(serverUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${access_token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
      })
      await answer.text()
      return answer.status
    }
    assert.notEqual(await call(), 401)
  })

  step("revokes another user's connected app: the very next call is refused", async () => {
    await open(`/admin/people?search=${visitor.toUpperCase()}`)
    await page.getByRole('link', { name: visitor }).click()
    await heading(visitor)
    await assertGood('a person')
    await page.getByRole('link', { name }).click()
    await heading(`${name} for ${visitor}`)
    await assertGood('a connected app')
    await page.getByRole('checkbox', { name: /posts:write/ }).uncheck()
    await press('Save')
    await heading('Saved')
    assert.notEqual(await call(), 401)
    await page.getByRole('link', { name: 'Back' }).click()
    await press('Disconnect it')
    await heading('Disconnected')
    assert.equal(await call(), 401)
    await assertGood('disconnected')
    await page.getByRole('link', { name: 'Connected apps' }).click()
    await page.getByText('Ended by an administrator').first().waitFor()
    await assertGood('connected apps')
  })

  step('disables the person, who cannot sign in', async () => {
    await open(`/admin/people/${visitor}`)
    await press(`Disable ${visitor}`)
    await heading('Disabled')
    const other = await newPage(browser)
    await other.page.goto(`${origin}/login`)
    await givePassword(other.page, visitor, password)
    await other.page.getByRole('alert').getByText('do not belong together').waitFor()
    await other.context.close()
    await page.getByRole('link', { name: 'Back' }).click()
    await page.getByText('nobody signs in as this person').waitFor()
    await assertGood('a disabled person')
    await open('/admin/people/admin')
    await page.getByText('You cannot disable yourself').waitFor()
  })

  step('finds the application, disables and deletes it', async () => {
    await page.getByRole('link', { name: 'Applications' }).click()
    await heading('Applications')
    await assertGood('applications')
    await page.getByLabel('Name or identifier begins with').fill(name.toLowerCase())
    await press('Find')
    await page.getByRole('link', { name }).click()
    await heading(name)
    await assertGood('an application')
    await press(`Disable ${name}`)
    await heading('Disabled')
    await page.getByRole('link', { name: 'Back' }).click()
    await press('Delete, with all its connections')
    await heading('Deleted')
    await open(`/admin/clients?search=${encodeURIComponent(name)}`)
    await page.getByText('No name or identifier begins with').waitFor()
    await assertGood('no applications')
    await open('/admin/apps?user=nobody')
    await page.getByText('Nothing is connected that fits').waitFor()
    await assertGood('nothing connected')
  })

  step('is not there for others', async () => {
    const other = await newPage(browser)
    await other.page.goto(`${origin}/login`)
    await givePassword(other.page, 'johndoe', 'secret')
    await other.page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    assert.equal((await other.page.goto(`${origin}/admin/people`)).status(), 404)
    await other.context.close()
  })

  step('never broke its own policy, and threw nothing', () => assert.deepEqual(troubles, []))
})
