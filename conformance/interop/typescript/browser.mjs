// A browser without JavaScript: cookies, redirects and forms, as a person would meet the login pages.
import { parse } from 'node-html-parser';

export class Browser {
  #cookies = new Map();

  /** Follows redirects until a page is shown, or until one leads to `stopAt`; returns that URL or the page. */
  async open(url, stopAt, init = {}) {
    for (let hop = 0; hop < 10; hop += 1) {
      if (stopAt && String(url).startsWith(stopAt)) return { arrived: new URL(url) };
      const headers = { ...init.headers, cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
      const response = await fetch(url, { ...init, headers, redirect: 'manual' });
      for (const cookie of response.headers.getSetCookie()) {
        const [pair] = cookie.split(';');
        this.#cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
      }
      const location = response.headers.get('location');
      if (!location || response.status < 300 || response.status > 399) {
        return { url: new URL(url), status: response.status, page: parse(await response.text()) };
      }
      url = new URL(location, url);
      init = {};
    }
    throw new Error(`too many redirects, the last one to ${url}`);
  }

  /** Submits the page's form with `values` on top of its hidden fields, pressing the button named by `button`. */
  async submit({ url, page }, values, stopAt, button) {
    const form = page.querySelector('form');
    if (!form) throw new Error(`no form on ${url}:\n${page.text.trim()}`);
    const fields = new URLSearchParams();
    for (const input of form.querySelectorAll('input')) {
      const type = input.getAttribute('type');
      if (type === 'checkbox' && !input.hasAttribute('checked')) continue;
      if (input.getAttribute('name') && type !== 'submit') {
        fields.append(input.getAttribute('name'), input.getAttribute('value') ?? 'on');
      }
    }
    for (const [name, value] of Object.entries(values)) fields.set(name, value);
    if (button) fields.set(button.name, button.value);
    return this.open(new URL(form.getAttribute('action') || url, url), stopAt, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url.origin },
      body: fields,
    });
  }

  /** The whole login: credentials, then consent where it is asked, up to the redirect to `callback`. */
  async logIn(authorizationUrl, callback, username, password) {
    let step = await this.open(authorizationUrl, callback);
    for (let page = 0; page < 4 && !step.arrived; page += 1) {
      const buttons = step.page.querySelectorAll('form button[name]').map((button) => ({
        name: button.getAttribute('name'),
        value: button.getAttribute('value'),
      }));
      const allow = buttons.find(({ value }) => /allow|approve/i.test(value ?? ''));
      const asksPassword = step.page.querySelector('input[type=password]');
      step = await this.submit(step, asksPassword ? { username, password } : {}, callback, asksPassword ? undefined : allow);
    }
    if (!step.arrived) throw new Error(`the login did not come back: ${step.page.text.trim().replace(/\s+/g, ' ')}`);
    return step.arrived;
  }
}
