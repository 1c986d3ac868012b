/** A body, understood as far as it can be. */
export type Content =
  | { kind: 'json'; value: unknown }
  | { kind: 'form'; pairs: [string, string][] }
  | { kind: 'text' }
  | { kind: 'none' }

/** Reads a body by what it is, and by its media type where that helps. A body that was cut off stays text. */
export function contentOf(text: string | null | undefined, mediaType: string): Content {
  if (text === null || text === undefined || text === '') return { kind: 'none' }
  if (mediaType === 'application/x-www-form-urlencoded') return { kind: 'form', pairs: pairsOf(text) }
  const start = text.trimStart()[0]
  if (mediaType.endsWith('json') || start === '{' || start === '[') {
    try {
      return { kind: 'json', value: JSON.parse(text) }
    } catch {
      return { kind: 'text' }
    }
  }
  return { kind: 'text' }
}

function pairsOf(text: string): [string, string][] {
  return text.split('&').filter(Boolean).map((pair) => {
    const at = pair.indexOf('=')
    return at < 0 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))]
  })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
