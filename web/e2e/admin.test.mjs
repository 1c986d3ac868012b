// Administrators at the authorization server, in a real browser, against a running `barewire demo`: a person's page, an
// application that somebody else has connected, and its very next call. Nothing here stays, so that other flows go on beside.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Application } from './application.mjs'
import { launch, steps } from './support.mjs'
import { Visitor } from './visitor.mjs'

describe('administration', () => {
  let browser, admin, page, guest, app
  const name = `Sketcher ${randomBytes(3).toString('hex')}`
  const visitor = `visitor-${randomBytes(3).toString('hex')}`
  const password = 'a few words'

  before(async () => {
    browser = await launch()
    admin = await Visitor.open(browser)
    page = admin.page
    guest = await Visitor.open(browser)
  })
  after(() => browser?.close())

  const step = steps('admin', () => page)

  step('leads from a page of administrators to the login, and back', async () => {
    await admin.open('/admin')
    await admin.heading('Sign in')
    await admin.givePassword('admin')
    await admin.heading('People')
    await page.getByRole('link', { name: 'johndoe' }).waitFor()
    await admin.assertGood('people')
    assert.ok((await page.locator('main').boundingBox()).width > 1100, 'a wide screen is used')
  })

  step('adds a person, who connects an application', async () => {
    await page.getByLabel('User name').fill(visitor)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await admin.heading(`${visitor} is added`)
    await admin.assertGood('a person is added')

    app = await Application.register(name)
    await guest.page.goto(app.url)
    await guest.givePassword(visitor, password)
    await guest.allow(app)
    await app.connect()
    assert.equal(await app.call('list_posts'), 200)
  })

  /** The attempts of applications of this name, as soon as there are so many. */
  const attempts = async (of, count) => {
    await admin.open(`/admin/funnel?client=${encodeURIComponent(of)}`)
    await admin.heading('Attempts to connect')
    const found = page.getByRole('row').filter({ hasText: of })
    for (let left = 50; (await found.count()) < count && left; left -= 1) {
      await page.waitForTimeout(200)
      await page.reload()
    }
    assert.equal(await found.count(), count, `attempts of ${of}`)
    return found
  }

  step('sees which attempts to connect failed, where and why', async () => {
    const clumsy = await Application.register(`Clumsy ${name}`)
    await guest.page.goto(clumsy.url)
    const refused = await clumsy.exchange(await guest.decide('Allow'), 'x'.repeat(43))
    assert.deepEqual([refused.status, refused.error], [400, 'invalid_grant'])
    const unwanted = await Application.register(`Unwanted ${name}`)
    await guest.page.goto(unwanted.url)
    await guest.decide('Deny')

    const [token] = await (await attempts(clumsy.name, 1)).all()
    await token.getByText('Stopped: token').waitFor()
    await token.getByText('wrong_verifier').waitFor()
    await token.getByText('does not belong to the challenge').waitFor()
    await admin.assertGood('a failed attempt')
    const [consent] = await (await attempts(unwanted.name, 1)).all()
    await consent.getByText('Stopped: consent').waitFor()
    await consent.getByText('The user said no.').waitFor()
    const [connected] = await (await attempts(app.clientId, 1)).all()
    await connected.getByText(/^Connected in/).waitFor()
    await page.getByLabel('How it ended').selectOption('Given up')
    await admin.press('Find')
    await page.getByText('No attempt fits.').waitFor()
    await admin.assertGood('no attempts')
    await admin.follow('Show all')
    await page.getByText('wrong_verifier').waitFor()
    await admin.assertGood('attempts')
  })

  step("revokes another user's connected app: the very next call is refused", async () => {
    await admin.open(`/admin/people?search=${visitor.toUpperCase()}`)
    await page.getByRole('link', { name: visitor }).click()
    await admin.heading(visitor)
    await admin.assertGood('a person')
    await page.getByRole('link', { name, exact: true }).click()
    await admin.heading(`${name} for ${visitor}`)
    await admin.assertGood('a connected app')
    await page.getByRole('checkbox', { name: /posts:write/ }).uncheck()
    await admin.press('Save')
    await admin.heading('Saved')
    assert.equal(await app.call('list_posts'), 200)
    assert.equal(await app.call('create_post', { title: 'Never', content: 'Never.' }), 403)
    await admin.follow('Back')
    await admin.press('Disconnect it')
    await admin.heading('Disconnected')
    assert.equal(await app.call('list_posts'), 401)
    await admin.assertGood('disconnected by an administrator')
    await admin.follow('Connected apps')
    await page.getByText('Ended by an administrator').first().waitFor()
    await admin.assertGood('connected apps')
  })

  step('disables the person, who cannot sign in', async () => {
    await admin.open(`/admin/people/${visitor}`)
    await admin.press(`Disable ${visitor}`)
    await admin.heading('Disabled')
    await guest.open('/account/apps')
    await guest.heading('Sign in')
    await guest.givePassword(visitor, password)
    await guest.alert('do not belong together')
    await admin.follow('Back')
    await page.getByText('nobody signs in as this person').waitFor()
    await admin.assertGood('a disabled person')
    await admin.open('/admin/people/admin')
    await page.getByText('You cannot disable yourself').waitFor()
  })

  step('finds the application, disables and deletes it', async () => {
    await admin.follow('Applications')
    await admin.heading('Applications')
    await admin.assertGood('applications')
    await page.getByLabel('Name or identifier begins with').fill(name.toLowerCase())
    await admin.press('Find')
    await page.getByRole('link', { name }).click()
    await admin.heading(name)
    await admin.assertGood('an application')
    await admin.press(`Disable ${name}`)
    await admin.heading('Disabled')
    await admin.follow('Back')
    await admin.press('Delete, with all its connections')
    await admin.heading('Deleted')
    await admin.open(`/admin/clients?search=${encodeURIComponent(name)}`)
    await page.getByText('No name or identifier begins with').waitFor()
    await admin.assertGood('no applications')
    await admin.open('/admin/apps?user=nobody')
    await page.getByText('Nothing is connected that fits').waitFor()
    await admin.assertGood('nothing connected')
  })

  step('is not there for others', async () => {
    const john = await Visitor.open(browser)
    await john.signIn('johndoe')
    assert.equal((await john.open('/admin/people')).status(), 404)
    await john.close()
  })

  it('never broke its own policy, and threw nothing', () => assert.deepEqual([...admin.troubles, ...guest.troubles], []))
})
