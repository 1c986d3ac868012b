import type { Phase } from '@/api/types'
import type { Numbered } from './group'
import { isTrouble, titleOf } from './words'

export interface Filter {
  text: string
  phase: Phase | 'all'
  errors: boolean
}

export const noFilter = (): Filter => ({ text: '', phase: 'all', errors: false })

/** Every word of the text has to occur somewhere in the exchange: URL, headers, bodies, or what is said about it. */
export function filterLog(items: Numbered[], filter: Filter): Numbered[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  return items.filter(({ number, view: { exchange } }) => {
    if (filter.phase !== 'all' && exchange.phase !== filter.phase) return false
    if (filter.errors && !isTrouble(exchange)) return false
    if (words.length === 0) return true
    const head = `#${number} ${titleOf(exchange)} ${exchange.request.url} ${exchange.response?.status ?? ''} ${exchange.narration.what} ${exchange.narration.why} ${exchange.narration.conclusions.map((conclusion) => conclusion.text).join(' ')}`.toLowerCase()
    return words.every((word) => head.includes(word) || bodies(exchange).some((text) => text.toLowerCase().includes(word)))
  })
}

function bodies(exchange: Numbered['view']['exchange']): string[] {
  const { request, response } = exchange
  const headers = [...request.headers, ...(response?.headers ?? [])].map((header) => `${header.name}: ${header.value}`)
  const events = response?.events.map((event) => event.data) ?? []
  return [request.body?.text ?? '', response?.body?.text ?? '', ...headers, ...events]
}
