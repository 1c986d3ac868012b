import { computed, reactive, ref } from 'vue'
import { api, ApiError } from '@/api/client'
import { openEvents } from '@/api/events'
import type { Event } from '@/api/types'
import { forgetLists, refetchList } from './lists'
import { applyEvent, applyState, emptyModel, mergeLog, type Model } from './merge'

/** How the page stands with its host. */
export type Link = 'loading' | 'live' | 'reconnecting' | 'unreachable'

// The cast spares the compiler from unwrapping recursive JSON types; the model holds no refs.
const model = (reactive as (model: Model) => Model)(emptyModel())
const link = ref<Link>('loading')
const dropped = reactive<Record<string, number>>({})
const listeners = new Set<(event: Event) => void>()
let close: (() => void) | undefined
let retry: ReturnType<typeof setTimeout> | undefined
let missing: ReturnType<typeof setTimeout> | undefined

/** Loads what there is and follows it from there. Called once, and again after a `resync`. */
async function start(): Promise<void> {
  clearTimeout(retry)
  try {
    const state = await api.state()
    applyState(model, state)
    await Promise.all(Object.keys(model.exchanges).map((server) => loadExchanges(server)))
    close?.()
    close = openEvents(state.last_event, { event: receive, open: live, lost })
    live()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    link.value = 'unreachable'
    retry = setTimeout(start, 3000)
  }
}

function live(): void {
  clearTimeout(missing)
  link.value = 'live'
}

// A stream that is back within a moment, or that ends because the reader leaves the page, is nothing to speak of.
const MOMENT = 1200

function lost(): void {
  clearTimeout(missing)
  missing = setTimeout(() => (link.value = 'reconnecting'), MOMENT)
}

function receive(event: Event): void {
  const effect = applyEvent(model, event)
  if (effect?.kind === 'resync') void start()
  if (effect?.kind === 'forget') forgetLists(effect.server)
  if (effect?.kind === 'refetch') void refetchList(effect.server, effect.list)
  for (const listener of listeners) listener(event)
}

const loading = new Map<string, Promise<void>>()

/** Fetches the log of a server once; from then on the events keep it whole. */
function loadExchanges(server: string): Promise<void> {
  const running = loading.get(server)
  if (running) return running
  const load = api
    .exchanges(server)
    .then((list) => {
      model.exchanges[server] = mergeLog(model.exchanges[server] ?? [], list.exchanges)
      dropped[server] = list.dropped
    })
    .finally(() => loading.delete(server))
  loading.set(server, load)
  return load
}

async function forgetExchanges(server: string): Promise<void> {
  await api.forgetExchanges(server)
  model.exchanges[server] = []
  dropped[server] = 0
}

/** The host as the page knows it, live. One for the whole page. */
export function useHost() {
  return {
    model,
    link,
    dropped,
    servers: computed(() => model.servers),
    start,
    loadExchanges,
    forgetExchanges,
    onEvent(listener: (event: Event) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
