// A person's account at the authorization server, in a real browser, against a running `barewire demo`: password, code,
// passkey, and an application that is narrowed and disconnected. Jane does it, so that John's flow goes on beside.
import assert from 'node:assert/strict'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertAccessible, launch, newPage, serverUrl } from './support.mjs'

const origin = new URL(serverUrl).origin
const callback = 'http://localhost:9/callback'
const user = 'janedoe'
const password = 'secret'

/** What an authenticator app shows for this key, so many steps from now (RFC 6238). */
function code(key, offset = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...key.replaceAll(' ', '')].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + offset))
  const mac = createHmac('sha1', secret).update(step).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

describe('the account', () => {
  let browser, page, troubles, key, used, recovery, app

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
        await mkdir(new URL('../test-results/', import.meta.url), { recursive: true })
        await page.screenshot({ path: fileURLToPath(new URL('../test-results/account.png', import.meta.url)) }).catch(() => {})
        t.diagnostic(`at ${page.url()}; see test-results/account.png`)
        throw error
      }
    })

  const open = (path) => page.goto(origin + path)
  const heading = (name) => page.getByRole('heading', { name, level: 1 }).waitFor()
  const press = (name) => page.getByRole('button', { name }).click()
  const signOut = async () => {
    await open('/account/security')
    await press('Sign out')
    await heading('Sign in')
  }
  const givePassword = async () => {
    await page.getByLabel('User name').fill(user)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  /** In order on a phone, too, and for whoever does not see it. */
  const assertGood = async (state) => {
    await assertAccessible(page, state)
    await page.setViewportSize({ width: 360, height: 780 })
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(excess <= 0, `${state} is ${excess} px too wide`)
    await page.setViewportSize({ width: 1440, height: 900 })
  }

  step('leads from a page of the account to the login, and back', async () => {
    await open('/account/apps')
    await heading('Sign in')
    await assertGood('login')
    await givePassword()
    await heading('Connected apps')
    await page.getByText('No application is connected').waitFor()
    await assertGood('no apps')
  })

  step('sets up an authenticator app', async () => {
    await page.getByRole('link', { name: 'Sign-in', exact: true }).click()
    await heading('How you sign in')
    await assertGood('security')
    await page.getByRole('link', { name: 'Set up an app' }).click()
    await assertGood('no authenticator app')
    await page.getByLabel('Current password').fill(password)
    await press('Set up an app')
    key = await page.locator('.key').innerText()
    await page.getByRole('img', { name: /QR code/ }).waitFor()
    await assertGood('setting up')
    used = code(key)
    await page.getByLabel('Code', { exact: true }).fill(used)
    await press('Turn it on')
    await heading('The app is turned on')
    recovery = await page.locator('.codes li').allInnerTexts()
    assert.equal(recovery.length, 10)
    await assertGood('recovery codes')
  })

  step('asks for the code after the password, and takes none twice', async () => {
    await signOut()
    await givePassword()
    await heading('Second step')
    await assertGood('second step')
    await page.getByLabel('Code', { exact: true }).fill(used)
    await press('Sign in')
    await page.getByRole('alert').getByText('was used before').waitFor()
    await assertGood('a wrong code')
    await page.getByLabel('Code', { exact: true }).fill(code(key, 1))
    await press('Sign in')
    await heading('You are signed in')
    await assertGood('signed in')
  })

  step('makes a passkey, and signs in with it alone', async () => {
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('WebAuthn.enable')
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    await open('/account/passkeys')
    await assertGood('no passkeys')
    await page.getByLabel('Its name').fill('The virtual one')
    await page.getByLabel('Current password').fill(password)
    await press('Add a passkey')
    await assertGood('making a passkey')
    await press('Make the passkey')
    await heading('The passkey The virtual one is added')
    await open('/account/passkeys')
    await page.getByText('Not used yet.').waitFor()
    await assertGood('passkeys')
    for (let round = 0; round < 2; round += 1) {
      await signOut()
      await press('Sign in with a passkey')
      await heading('You are signed in')
    }
  })

  step('is asked by an application, and allows it', async () => {
    const registered = await fetch(`${origin}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Painter', redirect_uris: [callback], application_type: 'native', token_endpoint_auth_method: 'none' }),
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
    await page.route(`${callback}**`, (route) => route.fulfill({ body: 'back at the application' }))
    await open(`/authorize?${query}`)
    await assertGood('consent')
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.waitForURL(`${callback}**`)
    const redeemed = await fetch(`${origin}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'authorization_code', client_id, code: new URL(page.url()).searchParams.get('code'), redirect_uri: callback, code_verifier: verifier }),
    })
    const { access_token } = await redeemed.json()
    app = {
      session: undefined,
      async send(method, params) {
        const answer = await fetch(serverUrl, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${access_token}`,
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
      call: (name, args) => app.send('tools/call', { name, arguments: args }),
    }
    const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'painter', version: '0' } }
    assert.equal(await app.send('initialize', hello), 200)
    assert.equal(await app.call('create_post', { title: 'By an application', content: 'Soon without leave.' }), 200)
  })

  step('narrows it: the very next call is refused, others go on', async () => {
    await open('/account/apps')
    await assertGood('apps')
    await page.getByRole('link', { name: 'Painter' }).click()
    await assertGood('an app')
    await page.getByRole('checkbox', { name: /posts:write/ }).uncheck()
    await press('Save')
    await page.getByText('Saved.').waitFor()
    await assertGood('a narrowed app')
    assert.equal(await app.call('create_post', { title: 'Never', content: 'Never.' }), 403)
    assert.equal(await app.call('list_posts', {}), 200)
  })

  step('disconnects it: the very next call is refused', async () => {
    await press(/^Disconnect/)
    await heading('Painter is disconnected')
    await assertGood('disconnected')
    assert.equal(await app.call('list_posts', {}), 401)
    await open('/account/apps')
    await page.getByText('No application is connected').waitFor()
  })

  step('shows where she is signed in, and ends it elsewhere', async () => {
    const other = await newPage(browser)
    await other.page.goto(`${origin}/login`)
    await other.page.getByLabel('User name').fill(user)
    await other.page.getByLabel('Password').fill(password)
    await other.page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await other.page.getByLabel('Code', { exact: true }).fill(recovery[0])
    await other.page.getByRole('button', { name: 'Sign in' }).click()
    await other.page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    await open('/account/sessions')
    await page.getByText('this one').waitFor()
    await assertGood('sessions')
    await press('Sign out everywhere else')
    await heading('Signed out there')
    await other.page.goto(`${origin}/account/sessions`)
    await other.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await other.context.close()
  })

  step('takes it all back', async () => {
    await open('/account/passkeys')
    await page.getByRole('radio').check()
    await page.locator('#current-for-removal').fill(password)
    await press('Remove the chosen one')
    await heading('The passkey is removed')
    await open('/account/totp')
    await assertGood('authenticator app')
    await page.locator('#current-for-removal').fill(password)
    await press('Turn the app off')
    await heading('The authenticator app is turned off')
    await signOut()
    await givePassword()
    await heading('You are signed in')
    await open('/account/password')
    await assertGood('password')
  })

  step('never broke its own policy, and threw nothing', () => assert.deepEqual(troubles, []))
})
