import type { Event } from './types'

export interface EventsHandlers {
  /** An event, in order, each once. */
  event: (event: Event) => void
  /** The connection is there again (or for the first time). */
  open: () => void
  /** The connection is gone; it is tried again by itself. */
  lost: () => void
}

/**
 * The one SSE connection of the page. The browser resumes a dropped stream with `Last-Event-ID`; where it gives up
 * (the host answered an error, or was down for longer) this starts a new stream after the last event that was seen.
 */
export function openEvents(after: string, handlers: EventsHandlers): () => void {
  let last = after
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0

  function open() {
    source = new EventSource(`/api/events?after=${encodeURIComponent(last)}`)
    source.onopen = () => {
      failures = 0
      handlers.open()
    }
    source.onmessage = (message) => {
      if (message.lastEventId) last = message.lastEventId
      handlers.event(JSON.parse(message.data) as Event)
    }
    source.onerror = () => {
      handlers.lost()
      if (source.readyState !== EventSource.CLOSED) return
      failures += 1
      timer = setTimeout(open, Math.min(500 * 2 ** failures, 10_000))
    }
  }

  open()
  return () => {
    clearTimeout(timer)
    source.close()
  }
}
