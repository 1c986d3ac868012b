// Somebody at the pages of the authorization server, in a browser of their own.
import assert from 'node:assert/strict'
import { assertAccessible, newPage, origin } from './support.mjs'
import { callback } from './application.mjs'

export class Visitor {
  static async open(browser, options = {}) {
    const visitor = Object.assign(new Visitor(), await newPage(browser, options))
    await visitor.page.route(`${callback}**`, (route) => route.fulfill({ body: 'back at the application' }))
    return visitor
  }

  open(path) {
    return this.page.goto(origin + path)
  }

  heading(name) {
    return this.page.getByRole('heading', { name, level: 1 }).waitFor()
  }

  alert(text) {
    return this.page.getByRole('alert').getByText(text).waitFor()
  }

  press(name) {
    return this.page.getByRole('button', { name }).click()
  }

  follow(name) {
    return this.page.getByRole('link', { name, exact: typeof name === 'string' }).click()
  }

  /** Gives name and password; what comes then is the next page's matter. */
  async givePassword(user, password = 'secret') {
    await this.page.getByLabel('User name').fill(user)
    await this.page.getByLabel('Password').fill(password)
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }

  async signIn(user, password = 'secret') {
    await this.open('/login')
    await this.givePassword(user, password)
    await this.heading('You are signed in')
  }

  /** Answers the question that an application had asked; where that leads. */
  async decide(decision) {
    await this.page.getByRole('button', { name: decision, exact: true }).click()
    await this.page.waitForURL(`${callback}**`)
    return this.page.url()
  }

  /** Lets an application that has asked in, and it comes for its tokens. */
  async allow(application) {
    await application.redeem(await this.decide('Allow'))
  }

  /** Nothing sticks out to the right, whatever the width; and nobody is kept out who does not see it. Pictures are for whoever wants to look. */
  async assertGood(state) {
    const { page } = this
    await assertAccessible(page, state)
    for (const width of [360, 800, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(excess <= 0, `${state} is ${excess} px wider than ${width}`)
      if (process.env.BAREWIRE_PICTURES && width !== 800) await this.#picture(state, width)
    }
  }

  async #picture(state, width) {
    for (const colorScheme of ['light', 'dark']) {
      await this.page.emulateMedia({ colorScheme })
      const path = `${process.env.BAREWIRE_PICTURES}/${state.replaceAll(' ', '-')}-${width}-${colorScheme}.png`
      await this.page.screenshot({ path, fullPage: true })
    }
    await this.page.emulateMedia({ colorScheme: 'light' })
  }

  close() {
    return this.context.close()
  }
}
