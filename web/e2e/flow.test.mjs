// The whole flow, as a person goes through it, against a running `barewire demo`.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { assertAccessible, assertFits, assertNoSecrets, authorize, hostUrl, launch, newPage, serverUrl, steps } from './support.mjs'

describe('the flow', () => {
  let browser, page, troubles, secrets

  before(async () => {
    browser = await launch()
    ;({ page, troubles, secrets } = await newPage(browser))
    await page.goto(hostUrl)
  })
  after(() => browser?.close())

  const step = steps('flow', () => page)

  const work = () => page.getByRole('region', { name: 'Work', exact: true })
  const rows = () => page.locator('[data-exchange]')
  const row = (text) => rows().filter({ hasText: text })
  const phase = (name) => page.getByRole('region', { name: 'Wire' }).getByRole('heading', { name, level: 3 })
  const openTool = (name) => page.getByRole('navigation', { name: 'Servers and what they have' }).getByRole('link', { name: new RegExp(`^${name}\\b`) }).click()
  const call = () => page.getByRole('button', { name: /^Call/ }).click()
  const outcome = (name) => work().getByRole('heading', { name }).waitFor()

  step('starts with nothing, and says what will happen', async () => {
    await page.getByRole('heading', { name: 'See MCP work' }).waitFor()
    await assertAccessible(page, 'no server')
    await assertFits(page, 'no server')
  })

  step('says what is wrong with a URL that is no MCP server', async () => {
    await page.getByLabel('URL of an MCP server').fill(new URL('/', serverUrl).href)
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByRole('button', { name: 'Connect again' }).waitFor()
    await assertAccessible(page, 'failed')
    await page.getByRole('button', { name: 'Remove this server' }).click()
    await page.getByRole('heading', { name: 'See MCP work' }).waitFor()
  })

  step('connects, and is asked to log in: the first exchange is a 401', async () => {
    await page.getByLabel('URL of an MCP server').fill(serverUrl)
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByRole('heading', { name: 'This server asks you to log in' }).waitFor()
    await phase('Discover').waitFor()
    assert.match(await rows().first().textContent(), /401, wants a token/)
    await assertAccessible(page, 'login required')
  })

  step('shows a login that was denied, and lets it be tried again', async () => {
    await work().getByRole('button', { name: /^Log in/ }).click()
    await authorize(page, { decision: 'Deny' })
    await page.getByRole('button', { name: 'Log in again' }).waitFor()
    await assertAccessible(page, 'denied')
  })

  step('logs in, consents, and comes back as somebody', async () => {
    await page.getByRole('button', { name: 'Log in again' }).click()
    await authorize(page)
    await page.getByRole('link', { name: /^list_posts/ }).waitFor()
    await page.getByRole('banner').getByText('johndoe').waitFor()
    for (const name of ['Discover', 'Log in', 'Negotiate', 'List']) await phase(name).first().waitFor()
    // Against a demo that knows this host already nothing has to be registered.
    await phase('Register').or(work().getByText('registered dynamically')).first().waitFor()
    await row('/users/me/').first().waitFor()
    await assertAccessible(page, 'ready')
  })

  step('lists posts through the form of the tool, as a table', async () => {
    await openTool('list_posts')
    await call()
    await outcome('done')
    const table = page.getByRole('region', { name: 'Result of list_posts' })
    assert.ok((await table.getByRole('row').count()) > 3)
    await page.getByText('Raw', { exact: true }).click()
    await page.getByRole('tree', { name: 'The result as it was on the wire' }).waitFor()
    await assertAccessible(page, 'a result')
    await assertFits(page, 'a result')
  })

  step('shows progress, and cancels', async () => {
    await openTool('export_posts')
    await page.getByLabel(/pause_ms/).fill('1500')
    await page.getByLabel(/pause_ms/).press('ControlOrMeta+Enter')
    await page.getByRole('progressbar').waitFor()
    await page.getByRole('button', { name: 'Cancel', exact: true }).click()
    await outcome('cancelled')
  })

  step('does not send what the schema refuses, and says why', async () => {
    await openTool('create_post')
    const before = await rows().count()
    await call()
    await page.getByText('Needed.').first().waitFor()
    assert.equal(await rows().count(), before)
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-invalid')), 'true')
  })

  step('steps up on the first write, and the call goes on by itself', async () => {
    await page.getByLabel(/^title/).fill('Written by a test')
    await page.getByLabel(/^content/).fill('It will be gone in a moment.')
    await call()
    await outcome('needs more scope')
    await assertAccessible(page, 'scope required')
    await page.getByRole('button', { name: 'Ask for posts:write' }).click()
    await authorize(page)
    await page.getByRole('heading', { name: 'create_post', exact: true }).waitFor()
    await outcome('done')
    await page.getByText('Written by a test').first().waitFor()
  })

  /** The id of the post that the call above gave back. */
  const createdId = async () => {
    await work().getByText('Raw', { exact: true }).click()
    const text = await work().getByRole('tree', { name: 'The result as it was on the wire' }).innerText()
    const id = /\bid:\s*(\d+)/.exec(text.replaceAll('\u00a0', ' '))?.[1]
    assert.ok(id, 'the id of the post that was created')
    return id
  }
  const deletePost = async (id) => {
    await openTool('delete_post')
    await page.getByLabel(/^id/).fill(id)
    await call()
    await outcome('waits for your answer')
    await assertAccessible(page, 'a question')
    await page.getByLabel(/Delete it for good/).check()
    await page.getByRole('button', { name: 'Accept' }).click()
    await outcome('done')
    await work().getByRole('tree', { name: 'Result of delete_post' }).getByText('true').waitFor()
  }

  step('answers a question in the middle of a call', async () => deletePost(await createdId()))

  step('reads a resource through its template, with completion', async () => {
    await page.getByRole('link', { name: /post/i }).and(page.locator('[title^="post://"]')).first().click()
    await work().getByRole('combobox').first().click()
    await page.getByRole('listbox', { name: /^Suggestions/ }).getByRole('option').first().click()
    await page.getByRole('button', { name: /^Read/ }).click()
    await outcome('done')
  })

  step('gets a prompt', async () => {
    await openTool('summarize_post')
    await work().getByRole('combobox').first().fill('1')
    await page.getByRole('button', { name: /^Get/ }).click()
    await outcome('done')
    await work().getByText('user', { exact: true }).first().waitFor()
  })

  step('explains each exchange, and shows no secret in any', async () => {
    const count = await rows().count()
    for (let at = 0; at < count; at += 1) {
      await rows().nth(at).getByRole('button').click()
      const detail = page.getByRole('region', { name: /^Exchange \d+$/ })
      const why = detail.getByRole('region', { name: 'Why' })
      assert.ok((await why.innerText()).length > 20)
      assertNoSecrets(await page.content(), secrets, `exchange ${at + 1}`)
    }
    await row('/token').first().getByRole('button').click()
    await page.getByText(/decoded; ends/).first().waitFor()
    await assertAccessible(page, 'an open exchange')
    await page.getByRole('button', { name: 'Whole width' }).click()
    await assertAccessible(page, 'an open exchange, wide')
    await page.keyboard.press('w')
    await page.keyboard.press('Escape')
  })

  step('goes through the wire by keyboard', async () => {
    const opened = (number) => page.getByRole('region', { name: `Exchange ${number}`, exact: true }).waitFor()
    await rows().first().getByRole('button').click()
    await opened(1)
    await page.keyboard.press('Escape')
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await opened(2)
    await page.keyboard.press('j')
    await opened(3)
    await page.keyboard.press('k')
    await opened(2)
    await page.keyboard.press('Escape')
    await page.getByRole('region', { name: /^Exchange \d+$/ }).waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await assertAccessible(page, 'the keys')
    await page.keyboard.press('Escape')
    await page.keyboard.press('ControlOrMeta+k')
    await page.getByRole('combobox', { name: /^Search/ }).fill('search_posts')
    await assertAccessible(page, 'the palette')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'search_posts', exact: true }).waitFor()
  })

  step('filters', async () => {
    const all = await rows().count()
    await page.getByLabel('Filter the wire').fill('/token')
    await page.waitForFunction((all) => document.querySelectorAll('[data-exchange]').length < all, all)
    await page.getByLabel('Filter the wire').fill('')
    await page.getByRole('button', { name: /^refusals/ }).click()
    for (const text of await rows().allTextContents()) assert.match(text, /[45]\d\d, |Refused|refused/)
    await page.getByRole('button', { name: /^refusals/ }).click()
  })

  step('draws the same data as lanes, and saves the picture', async () => {
    await page.getByRole('radiogroup', { name: 'View of the wire' }).getByText('Lanes').click()
    const drawing = page.getByRole('group', { name: 'The exchanges as arrows between lanes' })
    for (const lane of ['Browser', 'Host', 'Authorization server', 'MCP server']) await drawing.getByText(lane, { exact: true }).waitFor()
    await assertAccessible(page, 'lanes')
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the lanes as SVG' }).click()])
    const svg = await readFile(await download.path(), 'utf8')
    assert.ok(svg.startsWith('<svg xmlns='), 'an SVG of its own')
    assert.ok(!/var\(--|class=|data-/.test(svg), 'nothing of the page is left in it')
    assertNoSecrets(svg, secrets, 'the SVG')
    await page.getByRole('radiogroup', { name: 'View of the wire' }).getByText('List').click()
  })

  step('saves a HAR of it all, without secrets', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as HAR' }).click()])
    const text = await readFile(await download.path(), 'utf8')
    const { log } = JSON.parse(text)
    assert.equal(log.version, '1.2')
    assert.ok(log.entries.length > 10)
    assert.equal(log.entries.find((entry) => entry.request.url.startsWith(serverUrl)).response.status, 401)
    assertNoSecrets(text, secrets, 'the HAR')
    assert.ok(secrets.size > 0, 'a code went through the browser')
  })

  step('is as it was after a reload', async () => {
    const count = await rows().count()
    await page.reload()
    await page.getByRole('banner').getByText('johndoe').waitFor()
    await page.getByRole('heading', { name: 'search_posts', exact: true }).waitFor()
    await page.waitForFunction((count) => document.querySelectorAll('[data-exchange]').length >= count, count)
    assert.match(await rows().first().textContent(), /401, wants a token/)
    await openTool('list_posts')
    await outcome('done')
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)
    assertNoSecrets(kept, secrets, 'what the browser keeps for scripts')
    assert.doesNotMatch(kept, /barewire_session/)
  })

  step('speaks the older era with the same server, beside', async () => {
    await page.getByRole('link', { name: 'Connect a server', exact: true }).click()
    await page.getByLabel('URL of an MCP server').fill(serverUrl)
    await page.getByLabel('Revision').selectOption('legacy')
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    // The token is for the same resource, so nobody is asked again.
    await page.getByRole('banner').getByText('2025-11-25').waitFor()
    await row('initialize').first().waitFor()
    await openTool('create_post')
    await page.getByLabel(/^title/).fill('Written in the older era')
    await page.getByLabel(/^content/).fill('It will be gone in a moment.')
    await call()
    await outcome('done')
    await deletePost(await createdId())
    assertNoSecrets(await page.content(), secrets, 'the older era')
    await assertAccessible(page, 'two servers')
  })

  step('proposes an older revision, chosen in the form', async () => {
    await page.getByRole('link', { name: 'Connect a server', exact: true }).click()
    await page.getByLabel('URL of an MCP server').fill(serverUrl)
    await page.getByLabel('Revision').selectOption('2025-03-26')
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByRole('banner').getByText('2025-03-26').waitFor()
  })

  step('logs out', async () => {
    await page.getByRole('navigation', { name: 'Servers and what they have' }).getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'This server asks you to log in' }).waitFor()
    await page.getByRole('link', { name: /^list_posts/ }).waitFor({ state: 'detached' })
  })

  it('never broke its own policy, and threw nothing', () => assert.deepEqual(troubles, []))
})
