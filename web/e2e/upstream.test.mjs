// People log in at their organisation's identity provider, the certified `oidc-provider`, in a real browser; an application
// gets what their groups allow; and when somebody leaves, their grant ends and nobody else's.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Application } from './application.mjs'
import { launch, origin, steps } from './support.mjs'
import { Visitor } from './visitor.mjs'

const provider = process.env.BAREWIRE_UPSTREAM_URL

/** Signs in at the provider, as somebody whom it knows, as far as the first page of ours after it. */
async function logIn({ page }, login, url) {
  await page.goto(url)
  await page.getByRole('link', { name: 'Sign in with Corporate' }).click()
  await page.waitForURL((url) => url.origin === provider)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('anything')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL((url) => url.origin === origin)
}

describe('a login at an identity provider', () => {
  let browser, ada, grace, first, second, hers

  before(async () => {
    browser = await launch()
    ada = await Visitor.open(browser)
    grace = await Visitor.open(browser)
  })
  after(() => browser?.close())

  const step = steps('upstream', () => ada.page)

  step('offers the provider beside the password', async () => {
    await ada.open('/login')
    await ada.page.getByLabel('Password').waitFor()
    await ada.assertGood('login with a provider')
  })

  step('comes in through it, and an application may do what her groups allow', async () => {
    first = await Application.register('Painter')
    await logIn(ada, 'ada', first.url)
    await ada.page.getByText('You are signed in as corporate:ada@corporate.example').waitFor()
    await ada.assertGood('consent of somebody from a provider')
    await ada.allow(first)
    assert.equal(first.tokens.scope, 'posts:read posts:write')
    await first.connect()
    assert.equal(await first.call('create_post', { title: 'Through the front door', content: 'By Ada.' }), 200)
  })

  step('is known from then on, and connects another application', async () => {
    second = await Application.register('Sculptor')
    await ada.page.goto(second.url)
    await ada.allow(second)
    await second.connect()
  })

  step('lets somebody else do less', async () => {
    hers = await Application.register('Reader')
    await logIn(grace, 'grace', hers.url)
    await grace.allow(hers)
    assert.equal(hers.tokens.scope, 'posts:read')
    await hers.connect()
    assert.equal(await hers.call('list_posts'), 200)
    assert.equal(await hers.call('create_post', { title: 'Never', content: 'Never.' }), 403)
  })

  step('says to whom it may not let in why, and how to go on', async () => {
    const eve = await Visitor.open(browser)
    await logIn(eve, 'eve', `${origin}/login`)
    await eve.heading('Your account may not sign in here')
    await eve.assertGood('not let in')
    await eve.follow(/Go back/)
    await eve.heading('Sign in')
    await eve.close()
  })

  step('asks there again when a token is refreshed, with a new token each time', async () => {
    for (let round = 0; round < 3; round += 1) assert.equal((await first.refresh()).status, 200)
    assert.equal(await first.call('list_posts'), 200)
  })

  step('ends the grant of somebody who left, and no other', async () => {
    const answer = await fetch(`${provider}/-/dismiss?account=ada`, { method: 'POST' })
    assert.equal(answer.status, 204)
    const refused = await first.refresh()
    assert.deepEqual([refused.status, refused.error], [400, 'invalid_grant'])
    assert.equal(await first.call('list_posts'), 401)
    assert.equal(await second.call('list_posts'), 200)
    assert.equal(await hers.call('list_posts'), 200)
    assert.equal((await hers.refresh()).status, 200)
    assert.equal((await second.refresh()).error, 'invalid_grant')
    await ada.open('/account/apps')
    await ada.page.getByRole('link', { name: 'Sign in with Corporate' }).waitFor()
  })

  it('never broke its own policy, and threw nothing', () => assert.deepEqual([...ada.troubles, ...grace.troubles], []))
})
