// What the browser tests share: a Chromium, one page in it, and what is checked in every state of that page.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

export const hostUrl = process.env.BAREWIRE_HOST_URL ?? 'http://localhost:5173'
export const serverUrl = process.env.BAREWIRE_SERVER_URL ?? 'http://localhost:8000/mcp'
/** Of the data server, which is the authorization server's, too. */
export const origin = new URL(serverUrl).origin

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * Steps that stand on those before them: after one has failed the others would only fail slowly. A failure leaves a picture
 * of the page with the name of the test.
 */
export function steps(test, page) {
  const results = new URL('../test-results/', import.meta.url)
  let failed = false
  return (name, run) =>
    it(name, async (t) => {
      if (failed) return t.skip('an earlier step failed')
      try {
        await run(t)
      } catch (error) {
        failed = true
        await mkdir(results, { recursive: true })
        await page().screenshot({ path: fileURLToPath(new URL(`${test}.png`, results)) }).catch(() => {})
        t.diagnostic(`at ${page().url()}; see test-results/${test}.png`)
        throw error
      }
    })
}

/** A page that remembers what went wrong in it, and the secrets that passed through the browser. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', acceptDownloads: true, ...options })
  const page = await context.newPage()
  const troubles = []
  const secrets = new Set()
  page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    // Chromium reports any 4xx of a navigation by itself; what counts are refusals of the policy and errors of ours.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) troubles.push(message.text())
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    for (const name of ['code', 'access_token', 'refresh_token']) {
      const value = url.searchParams.get(name)
      if (value) secrets.add(value)
    }
  })
  page.setDefaultTimeout(15_000)
  return { context, page, troubles, secrets }
}

/** Signs in and consents, on whatever of the two pages the authorization server shows. */
export async function authorize(page, { user = 'johndoe', password = 'secret', decision = 'Allow' } = {}) {
  const signIn = page.getByRole('button', { name: 'Sign in', exact: true })
  const decide = page.getByRole('button', { name: decision, exact: true })
  await signIn.or(decide).first().waitFor()
  if (await signIn.isVisible()) {
    await page.getByLabel('User name').fill(user)
    await page.getByLabel('Password').fill(password)
    await signIn.click()
    await decide.waitFor()
  }
  await decide.click()
  await page.waitForURL((url) => url.origin === new URL(hostUrl).origin && !url.pathname.startsWith('/callback'))
}

/** No violation that axe-core can find, in both themes. */
export async function assertAccessible(page, state) {
  await page.evaluate(axe)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.waitForFunction((scheme) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches, colorScheme)
    // Native controls take the scheme over a frame later than what the style sheet paints.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    const violations = await page.evaluate(async () => {
      const results = await globalThis.axe.run(document, { resultTypes: ['violations'] })
      return results.violations.map((violation) => ({
        rule: violation.id,
        help: violation.help,
        where: violation.nodes.slice(0, 4).map((node) => `${node.target.join(' ')}: ${node.failureSummary}`),
      }))
    })
    assert.deepEqual(violations, [], `${state}, ${colorScheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
}

/** On a phone nothing may stick out to the right, in any of the three panes. */
export async function assertFits(page, state) {
  await page.setViewportSize({ width: 360, height: 780 })
  for (const pane of ['Servers', 'Work', 'Wire']) {
    await page.getByRole('navigation', { name: 'Panes' }).getByRole('button', { name: new RegExp(`^${pane}`) }).click()
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(excess <= 0, `${state}: ${pane} is ${excess} px too wide`)
  }
  await page.setViewportSize({ width: 1440, height: 900 })
}

const SIGNED = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/

/** Nothing that would be worth stealing. */
export function assertNoSecrets(text, secrets, where) {
  for (const secret of secrets) assert.ok(!text.includes(secret), `${where} contains a secret that went through the browser`)
  assert.ok(!SIGNED.test(text), `${where} contains a signed token`)
  assert.ok(!/password=(?!•|%E2%80%A2)[^&"\s]/.test(text), `${where} contains a password`)
}
