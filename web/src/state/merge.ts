import { markRaw } from 'vue'
import type { CallView, Event, ExchangeView, ListKind, Offered, ServerView, State } from '@/api/types'

/** All that the page knows, as plain data. `exchanges` holds those of the servers whose log was fetched, by server. */
export interface Model {
  version: string
  offered: Offered[]
  /** Whether a server that is not offered can be added. Most hosts allow it, so nothing jumps while the state is fetched. */
  anyServer: boolean
  servers: ServerView[]
  calls: CallView[]
  exchanges: Record<string, ExchangeView[]>
}

/** What an event asks the page to do beyond changing the model. */
export type Effect = { kind: 'resync' } | { kind: 'forget'; server: string } | { kind: 'refetch'; server: string; list: ListKind }

export const emptyModel = (): Model => ({ version: '', offered: [], anyServer: true, servers: [], calls: [], exchanges: {} })

/** Takes the host's word for everything but the exchanges, which are fetched by server. */
export function applyState(model: Model, state: State): void {
  model.version = state.version
  model.offered = state.offered
  model.anyServer = state.any_server
  model.servers = state.servers
  model.calls = state.calls
  const known = new Set(state.servers.map((server) => server.id))
  for (const server of Object.keys(model.exchanges)) if (!known.has(server)) delete model.exchanges[server]
}

/** Applies one event in place. Every event carries the whole thing as it is now, so applying one twice changes nothing. */
export function applyEvent(model: Model, event: Event): Effect | undefined {
  switch (event.type) {
    case 'resync':
      return { kind: 'resync' }
    case 'server':
      upsert(model.servers, event.server, (server) => server.id)
      // Whoever is not logged in any more, here or elsewhere, sees nothing of what the server has.
      return event.server.status.kind === 'login_required' ? { kind: 'forget', server: event.server.id } : undefined
    case 'server_removed':
      model.servers = model.servers.filter((server) => server.id !== event.server)
      model.calls = model.calls.filter((call) => call.server !== event.server)
      delete model.exchanges[event.server]
      return
    case 'list_changed':
      return { kind: 'refetch', server: event.server, list: event.list }
    case 'resource_updated':
      // The view of that resource listens for itself.
      return
    case 'call':
      upsert(model.calls, event.call, (call) => call.id)
      return
    case 'call_removed':
      model.calls = model.calls.filter((call) => call.id !== event.call)
      return
    case 'exchange_started':
    case 'exchange_updated':
    case 'exchange_finished':
      mergeExchange((model.exchanges[event.exchange.server] ??= []), event.exchange)
      return
    case 'exchange_streamed':
      stream(model.exchanges[event.server] ?? [], event)
      return
  }
}

/** A fetched log and the events that overtook it become one list: a finished exchange never becomes unfinished again. */
export function mergeLog(present: ExchangeView[], fetched: ExchangeView[]): ExchangeView[] {
  const merged = fetched.map((view) => markRaw(view))
  for (const view of present) {
    const other = merged.find(({ exchange }) => exchange.id === view.exchange.id)
    // Of two states of a stream that runs, the one with more of it is the newer one.
    if (!other || isFinished(view) || lastSeq(view) >= lastSeq(other)) mergeExchange(merged, view)
  }
  return merged.sort((a, b) => a.exchange.at - b.exchange.at || compareIds(a, b))
}

/** A stream that runs grows by one event, and forgets what its host has dropped. What came already does not come again. */
function stream(list: ExchangeView[], { exchange: id, event, events_dropped }: Extract<Event, { type: 'exchange_streamed' }>): void {
  const index = list.findLastIndex((view) => view.exchange.id === id)
  const view = list[index]
  const response = view?.exchange.response
  if (!view || !response || isFinished(view) || event.seq <= lastSeq(view)) return
  const events = [...response.events, event].filter(({ seq }) => seq >= events_dropped)
  list[index] = markRaw({ ...view, exchange: { ...view.exchange, response: { ...response, events, events_dropped } } })
}

const lastSeq = (view: ExchangeView) => view.exchange.response?.events.at(-1)?.seq ?? -1

function mergeExchange(list: ExchangeView[], view: ExchangeView): void {
  const index = list.findLastIndex((other) => other.exchange.id === view.exchange.id)
  // Bodies can be large and are replaced, never changed: nothing in them is worth watching.
  if (index < 0) list.push(markRaw(view))
  else if (!isFinished(list[index]!) || isFinished(view)) list[index] = markRaw(view)
}

const isFinished = (view: ExchangeView) => view.exchange.status !== 'running'

function compareIds(a: ExchangeView, b: ExchangeView): number {
  return String(a.exchange.id).localeCompare(String(b.exchange.id), 'en', { numeric: true })
}

function upsert<T>(list: T[], item: T, key: (item: T) => string): void {
  const index = list.findIndex((other) => key(other) === key(item))
  if (index < 0) list.push(item)
  else list[index] = item
}
