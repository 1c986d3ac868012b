// A person's account at the authorization server, in a real browser, against a running `barewire demo`: password, code,
// passkey, and an application that is narrowed and disconnected. Jane does it, so that John's flow goes on beside.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Application } from './application.mjs'
import { launch, steps } from './support.mjs'
import { Visitor } from './visitor.mjs'

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
  let browser, jane, page, key, used, recovery, app

  before(async () => {
    browser = await launch()
    jane = await Visitor.open(browser)
    page = jane.page
  })
  after(() => browser?.close())

  const step = steps('account', () => page)

  const signOut = async () => {
    await jane.open('/account/security')
    await jane.press('Sign out')
    await jane.heading('Sign in')
  }

  step('leads from a page of the account to the login, and back', async () => {
    await jane.open('/account/apps')
    await jane.heading('Sign in')
    await jane.assertGood('login')
    await jane.givePassword(user, 'not the one')
    await jane.alert('do not belong together')
    await jane.assertGood('a wrong password')
    await jane.givePassword(user)
    await jane.heading('Connected apps')
    await page.getByText('No application is connected').waitFor()
    await jane.assertGood('no apps')
  })

  step('sets up an authenticator app', async () => {
    await jane.follow('Sign-in')
    await jane.heading('How you sign in')
    await jane.assertGood('security')
    await jane.follow('Set up an app')
    await jane.assertGood('no authenticator app')
    await page.getByLabel('Current password').fill(password)
    await jane.press('Set up an app')
    key = await page.locator('.key').innerText()
    await page.getByRole('img', { name: /QR code/ }).waitFor()
    await jane.assertGood('setting up')
    used = code(key)
    await page.getByLabel('Code', { exact: true }).fill(used)
    await jane.press('Turn it on')
    await jane.heading('The app is turned on')
    recovery = await page.locator('.codes li').allInnerTexts()
    assert.equal(recovery.length, 10)
    await jane.assertGood('recovery codes')
  })

  step('asks for the code after the password, and takes none twice', async () => {
    await signOut()
    await jane.givePassword(user)
    await jane.heading('Second step')
    await jane.assertGood('second step')
    await page.getByLabel('Code', { exact: true }).fill(used)
    await jane.press('Sign in')
    await jane.alert('was used before')
    await jane.assertGood('a wrong code')
    await page.getByLabel('Code', { exact: true }).fill(code(key, 1))
    await jane.press('Sign in')
    await jane.heading('You are signed in')
    await jane.assertGood('signed in')
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
    await jane.open('/account/passkeys')
    await jane.assertGood('no passkeys')
    await page.getByLabel('Its name').fill('The virtual one')
    await page.getByLabel('Current password').fill(password)
    await jane.press('Add a passkey')
    await jane.assertGood('making a passkey')
    await jane.press('Make the passkey')
    await jane.heading('The passkey The virtual one is added')
    await jane.open('/account/passkeys')
    await page.getByText('Not used yet.').waitFor()
    await jane.assertGood('passkeys')
    for (let round = 0; round < 2; round += 1) {
      await signOut()
      await jane.press('Sign in with a passkey')
      await jane.heading('You are signed in')
    }
  })

  step('is told what is wrong with a request that nobody can answer', async () => {
    await jane.open('/authorize?client_id=nobody&response_type=code')
    await jane.heading('This application is not known here')
    await jane.assertGood('an error')
  })

  step('is asked by an application, and allows it', async () => {
    app = await Application.register('Painter')
    await page.goto(app.url)
    await jane.assertGood('consent')
    await jane.allow(app)
    await app.connect()
    assert.equal(await app.call('create_post', { title: 'By an application', content: 'Soon without leave.' }), 200)
  })

  step('narrows it: the very next call is refused, others go on', async () => {
    await jane.open('/account/apps')
    await jane.assertGood('apps')
    await jane.follow('Painter')
    await jane.assertGood('an app')
    await page.getByRole('checkbox', { name: /posts:write/ }).uncheck()
    await jane.press('Save')
    await page.getByText('Saved.').waitFor()
    await jane.assertGood('a narrowed app')
    assert.equal(await app.call('create_post', { title: 'Never', content: 'Never.' }), 403)
    assert.equal(await app.call('list_posts'), 200)
  })

  step('disconnects it: the very next call is refused', async () => {
    await jane.press(/^Disconnect/)
    await jane.heading('Painter is disconnected')
    await jane.assertGood('disconnected')
    assert.equal(await app.call('list_posts'), 401)
    await jane.open('/account/apps')
    await page.getByText('No application is connected').waitFor()
  })

  step('shows where she is signed in, and ends it elsewhere', async () => {
    const other = await Visitor.open(browser)
    await other.open('/login')
    await other.givePassword(user)
    await other.page.getByLabel('Code', { exact: true }).fill(recovery[0])
    await other.press('Sign in')
    await other.heading('You are signed in')
    await jane.open('/account/sessions')
    await page.getByText('this one').waitFor()
    await jane.assertGood('sessions')
    await jane.press('Sign out everywhere else')
    await jane.heading('Signed out there')
    await other.open('/account/sessions')
    await other.heading('Sign in')
    await other.close()
  })

  step('takes it all back', async () => {
    await jane.open('/account/passkeys')
    await page.getByRole('radio').check()
    await page.locator('#current-for-removal').fill(password)
    await jane.press('Remove the chosen one')
    await jane.heading('The passkey is removed')
    await jane.open('/account/totp')
    await jane.assertGood('authenticator app')
    await page.locator('#current-for-removal').fill(password)
    await jane.press('Turn the app off')
    await jane.heading('The authenticator app is turned off')
    await signOut()
    await jane.givePassword(user)
    await jane.heading('You are signed in')
    await jane.open('/account/password')
    await jane.assertGood('password')
  })

  step('needs no script for any of it', async () => {
    const plain = await Visitor.open(browser, { javaScriptEnabled: false })
    const etcher = await Application.register('Etcher')
    await plain.page.goto(etcher.url)
    await plain.heading('Sign in')
    assert.equal(await plain.page.getByRole('button', { name: 'Sign in with a passkey' }).count(), 0, 'what needs a script is not offered')
    await plain.givePassword(user)
    await plain.allow(etcher)
    await etcher.connect()
    await plain.open('/account/apps')
    await plain.follow('Etcher')
    await plain.page.getByRole('checkbox', { name: /posts:write/ }).uncheck()
    await plain.press('Save')
    await plain.page.getByText('Saved.').waitFor()
    assert.equal(await etcher.call('create_post', { title: 'Never', content: 'Never.' }), 403)
    await plain.press(/^Disconnect/)
    await plain.heading('Etcher is disconnected')
    assert.equal(await etcher.call('list_posts'), 401)
    await plain.close()
  })

  it('never broke its own policy, and threw nothing', () => assert.deepEqual(jane.troubles, []))
})
