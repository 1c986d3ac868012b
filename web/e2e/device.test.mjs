// A device without a browser logs in (RFC 8628), against a running `barewire demo`: it shows a code, and a person types
// that elsewhere, in a real browser. One device is `barewire login --device`; the others ask by HTTP, to be told each status.
// John does it: he connects and disconnects his devices, and other flows of his go on beside.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { post, register } from './application.mjs'
import { launch, origin, serverUrl, steps } from './support.mjs'
import { Visitor } from './visitor.mjs'

const program = process.env.BAREWIRE_PROGRAM
/** A server of the same kind at which the code of a device is over before anybody can type it. */
const hastyUrl = process.env.BAREWIRE_HASTY_URL
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** A device that asks by HTTP. */
class Device {
  static async begin(clientId, server = serverUrl) {
    const { origin } = new URL(server)
    const begun = await post('/device_authorization', { client_id: clientId, resource: server, scope: 'posts:read' }, origin)
    assert.equal(begun.status, 200, JSON.stringify(begun))
    return Object.assign(new Device(), { clientId, origin, begun, code: begun.user_code, link: begun.verification_uri_complete })
  }

  /** Asks once whether it has been let in. */
  poll() {
    return post('/token', { grant_type: GRANT, client_id: this.clientId, device_code: this.begun.device_code }, this.origin)
  }

  /** Asks as often as it may until there is an answer. */
  async wait() {
    for (;;) {
      const answer = await this.poll()
      if (!['authorization_pending', 'slow_down'].includes(answer.error)) return answer
      await pause(1000 * this.begun.interval)
    }
  }
}

describe('a device', { skip: program ? false : 'BAREWIRE_PROGRAM names no barewire' }, () => {
  let browser, john, folder, terminal, running, expected
  const name = `Television ${randomBytes(3).toString('hex')}`

  before(async () => {
    browser = await launch()
    john = await Visitor.open(browser)
    folder = await mkdtemp(join(tmpdir(), 'barewire-device-'))
  })
  after(async () => {
    terminal?.child.kill()
    await browser?.close()
    if (folder) await rm(folder, { recursive: true })
  })

  const step = steps('device', () => john.page)

  /** The program at a terminal of its own, which keeps its logins there. */
  const barewire = (...command) => {
    const child = spawn(program, [...command, '--credentials', join(folder, 'credentials')], { stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => (said.out += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (said.err += text))
    const ended = new Promise((done, fail) => child.on('error', fail).on('close', done))
    return { child, said, ended }
  }
  const call = async () => {
    const { said, ended } = barewire('call', serverUrl, 'list_posts', '--json')
    return { code: await ended, ...said }
  }
  const typeCode = async (code) => {
    await john.page.getByLabel('Code', { exact: true }).fill(code)
    await john.press('Continue')
  }

  step('shows a code and an address, and waits', async () => {
    assert.notEqual((await call()).code, 0, 'nobody is logged in yet')
    terminal = barewire('login', '--device', serverUrl)
    running = true
    terminal.ended.then(() => (running = false))
    for (let left = 300; !expected && running && left; left -= 1) {
      await pause(50)
      expected = /^ +([A-Z]{4}-[A-Z]{4})$/m.exec(terminal.said.err)?.[1]
    }
    assert.ok(expected, terminal.said.err)
    assert.ok(terminal.said.err.includes(`${origin}/device`), terminal.said.err)
  })

  step('sends its person to the login first', async () => {
    await john.open('/device')
    await john.heading('Sign in')
    await john.givePassword('johndoe')
    await john.heading('Connect a device')
    await john.assertGood('device')
  })

  step('is not found by a wrong code, and the place to type stays', async () => {
    await typeCode('BBBB-BBBB')
    await john.alert('No device waits with this code')
    await john.assertGood('device with a wrong code')
    assert.ok(running, 'the device waits on')
  })

  step('is let in by whoever types its code, as people type', async () => {
    await typeCode(expected.toLowerCase().replace('-', ' '))
    await john.heading(/on your device use/)
    await john.page.getByText(expected, { exact: true }).waitFor()
    await john.page.getByText('Is the device in your hands?').waitFor()
    await john.assertGood('device consent')
    await john.press('Allow')
    await john.heading('The device is connected')
    await john.assertGood('device connected')
    assert.equal(await terminal.ended, 0, terminal.said.err)
    assert.match(terminal.said.err, /Logged in to/)
  })

  step('calls the MCP server with its token', async () => {
    const { code, out, err } = await call()
    assert.equal(code, 0, err)
    assert.match(out, /"title"/)
  })

  step('does not get in by its code a second time', async () => {
    await john.open('/device')
    await typeCode(expected)
    await john.alert('No device waits with this code')
  })

  step('is disconnected like any application: the very next call is refused', async () => {
    await john.open('/account/apps')
    await john.follow('Barewire command line')
    await john.press(/^Disconnect/)
    await john.heading('Barewire command line is disconnected')
    const { code, out, err } = await call()
    assert.equal(code, 4, out + err)
  })

  let clientId

  step('is turned away by whoever does not know it', async () => {
    clientId = await register(name, { grant_types: [GRANT], redirect_uris: [] })
    const device = await Device.begin(clientId)
    assert.equal((await device.poll()).error, 'authorization_pending')
    // The link has the code in it, and its person still has to look.
    await john.page.goto(device.link)
    await john.heading('Connect a device')
    assert.equal(await john.page.getByLabel('Code', { exact: true }).inputValue(), device.code)
    await john.press('Continue')
    await john.heading(`Let ${name} on your device use Barewire demo blog for you?`)
    await john.page.getByText('Nobody has checked that this name is its own').waitFor()
    await john.press('Deny')
    await john.heading('The device was turned away')
    await john.assertGood('device turned away')
    const answer = await device.wait()
    assert.deepEqual([answer.status, answer.error], [400, 'access_denied'])
    await john.open('/account/apps')
    assert.equal(await john.page.getByRole('link', { name }).count(), 0)
  })

  step('that was answered in another window is told so', async () => {
    const device = await Device.begin(clientId)
    await john.page.goto(device.link)
    await john.press('Continue')
    await john.heading(/on your device use/)
    const beside = await john.context.newPage()
    await beside.goto(device.link)
    await beside.getByRole('button', { name: 'Continue' }).click()
    await beside.getByRole('button', { name: 'Deny' }).click()
    await beside.getByRole('heading', { name: 'The device was turned away' }).waitFor()
    await beside.close()
    await john.press('Allow')
    await john.heading('This code is over')
    await john.assertGood('device too late')
    assert.equal((await device.wait()).error, 'access_denied')
  })

  step('comes too late', async (t) => {
    if (!hastyUrl) return t.skip('BAREWIRE_HASTY_URL names no server')
    const there = await register(name, { grant_types: [GRANT], redirect_uris: [] }, new URL(hastyUrl).origin)
    const device = await Device.begin(there, hastyUrl)
    const answer = await device.wait()
    assert.deepEqual([answer.status, answer.error], [400, 'expired_token'])
    // In a browser of his own: cookies know no ports.
    const late = await Visitor.open(browser)
    await late.page.goto(device.link)
    await late.givePassword('johndoe')
    await late.press('Continue')
    await late.alert('No device waits with this code')
    assert.deepEqual(late.troubles, [])
    await late.close()
  })

  it('never broke its own policy, and threw nothing', () => assert.deepEqual(john.troubles, []))
})
