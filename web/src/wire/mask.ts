/** A piece of text, and whether it stands for a secret. */
export interface Piece {
  text: string
  masked: boolean
}

// What `crates/exchange` writes where a secret was: all of it hidden, perhaps with a fingerprint behind so that two can be
// matched; or its ends shown.
const MASK = /•{4,}(?:[0-9a-f]{4}\b)?|[\w+/=~.-]{4}…[\w+/=~.-]{4}/g

/** Splits a text at its masked secrets. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let from = 0
  for (const match of text.matchAll(MASK)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), masked: false })
    pieces.push({ text: match[0], masked: true })
    from = match.index + match[0].length
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from), masked: false })
  return pieces
}
