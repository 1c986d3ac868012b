/**
 * The URL that somebody means who types into the field for one, or what is wrong with it. The scheme may be left away, as in a
 * browser: this machine is reached over http, everything else over https.
 */
export function addressOf(typed: string): { url?: string; problem?: string } {
  const text = typed.trim()
  // Nothing yet, or somebody is still typing.
  if (/^$|:\/\/$/.test(text)) return {}
  const scheme = text.match(/^([a-z][a-z0-9+.-]*):\/\//i)?.[1]?.toLowerCase()
  if (scheme && scheme !== 'http' && scheme !== 'https') return { problem: 'An MCP server is reached over http or https.' }
  const here = /^(localhost|127\.[\d.]+|\[::1\])([:/?]|$)/i.test(text)
  const url = scheme ? text : `${here ? 'http' : 'https'}://${text}`
  return URL.canParse(url) ? { url } : { problem: 'This is not a URL.' }
}
