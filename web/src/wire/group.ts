import type { CallView, ExchangeView, Phase } from '@/api/types'
import { phases } from './words'

/** An exchange with its place in the log: the number the reader sees. */
export interface Numbered {
  number: number
  view: ExchangeView
}

/** The exchanges of one step of the flow, in order. */
export interface Group {
  /** Stable while the group grows: the id of its first exchange. */
  id: string
  phase: Phase
  title: string
  why: string
  items: Numbered[]
}

/**
 * Groups a log into steps. Neighbours of one phase belong together; calls are told apart by what they were made for, so
 * that two calls at once are two groups, each of which its own later exchanges find again.
 */
export function groupPhases(items: Numbered[], calls: CallView[]): Group[] {
  const byId = new Map(calls.map((call) => [call.id, call]))
  const groups: Group[] = []
  const open = new Map<string, Group>()
  for (const item of items) {
    const { exchange, call } = item.view
    const own = exchange.phase === 'call' && call ? `call:${call}` : undefined
    const last = groups.at(-1)
    const group = own ? open.get(own) : last?.phase === exchange.phase && !isOwn(last) ? last : undefined
    if (group) {
      group.items.push(item)
      continue
    }
    const started: Group = {
      id: exchange.id,
      phase: exchange.phase,
      title: title(item, call ? byId.get(call) : undefined),
      why: phases[exchange.phase]?.why ?? '',
      items: [item],
    }
    groups.push(started)
    if (own) open.set(own, started)
  }
  return groups
}

const isOwn = (group: Group) => group.phase === 'call' && group.items[0]!.view.call !== null

function title({ view }: Numbered, call: CallView | undefined): string {
  const base = phases[view.exchange.phase]?.title ?? view.exchange.phase
  if (view.exchange.phase !== 'call') return base
  const name = call?.name ?? view.exchange.rpc?.name
  // Beside the calls there is what helps to make them.
  if (!call && view.exchange.step === 'complete') return 'Complete'
  const verb = { tool: 'Call', resource: 'Read', prompt: 'Get' }[call?.kind ?? 'tool']
  return name ? `${verb} ${name}` : base
}
