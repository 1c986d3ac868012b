import { onScopeDispose } from 'vue'
import type { Exchange } from '@/api/types'
import { outcomeOf, outcomes, phases, statusText, titleOf } from '@/wire/words'
import { announce } from './announcer'
import { useChosen } from './chosen'
import { useHost } from './host'
import { statuses } from '@/servers/status'

/** Tells screen readers what happens on the wire and to the server, politely. */
export function useAnnouncedWire(): void {
  const { onEvent, model } = useHost()
  const { id } = useChosen()
  const status = new Map<string, string>()
  const stop = onEvent((event) => {
    if (event.type === 'exchange_finished' && event.exchange.server === id.value) {
      announce(sentence(event.exchange.exchange))
    }
    if (event.type === 'server' && status.get(event.server.id) !== event.server.status.kind) {
      status.set(event.server.id, event.server.status.kind)
      announce(`${event.server.name}: ${statuses[event.server.status.kind].word}`)
    }
    if (event.type === 'call' && event.call.server === id.value && event.call.status.kind !== 'running') {
      announce(`${event.call.name}: ${event.call.status.kind.replaceAll('_', ' ')}`)
    }
  })
  for (const server of model.servers) status.set(server.id, server.status.kind)
  onScopeDispose(stop)
}

function sentence(exchange: Exchange): string {
  return `${phases[exchange.phase].title}: ${titleOf(exchange)}, ${statusText(exchange)}, ${outcomes[outcomeOf(exchange)].word}`
}
