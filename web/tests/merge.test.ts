import { describe, expect, it } from 'vitest'
import type { Event } from '@/api/types'
import { applyEvent, emptyModel, mergeLog } from '@/state/merge'
import { call, exchange, server, streamed } from './samples'

describe('events', () => {
  it('apply in place, and twice is like once', () => {
    const model = emptyModel()
    const events: Event[] = [
      { type: 'server', server: server('s1') },
      { type: 'call', call: call('c1', 's1') },
      { type: 'exchange_started', exchange: exchange({ id: '1', status: 'running' }) },
      { type: 'exchange_finished', exchange: exchange({ id: '1', status: 'finished' }) },
    ]
    for (const event of [...events, ...events]) applyEvent(model, event)
    expect(model.servers).toHaveLength(1)
    expect(model.calls).toHaveLength(1)
    expect(model.exchanges.s1).toHaveLength(1)
    expect(model.exchanges.s1![0]!.exchange.status).toBe('finished')
  })

  it('let a stream that runs grow, each event once, and forget what the host has dropped', () => {
    const model = emptyModel()
    const running = exchange({ id: '1', status: 'running' })
    const event = (seq: number, events_dropped = 0): Event => ({ type: 'exchange_streamed', server: 's1', exchange: '1', event: streamed(seq), events_dropped })
    applyEvent(model, event(0))
    applyEvent(model, { type: 'exchange_started', exchange: running })
    const seqs = () => model.exchanges.s1![0]!.exchange.response!.events.map(({ seq }) => seq)
    for (const seq of [0, 1, 1, 0]) applyEvent(model, event(seq))
    expect(seqs()).toEqual([0, 1])
    expect(running.exchange.response!.events).toEqual([])
    applyEvent(model, event(2, 1))
    expect(seqs()).toEqual([1, 2])
    expect(model.exchanges.s1![0]!.exchange.response!.events_dropped).toBe(1)
    applyEvent(model, { type: 'exchange_finished', exchange: exchange({ id: '1' }) })
    applyEvent(model, event(3, 1))
    expect(seqs()).toEqual([])
  })

  it('take the calls and exchanges of a removed server along', () => {
    const model = emptyModel()
    applyEvent(model, { type: 'server', server: server('s1') })
    applyEvent(model, { type: 'call', call: call('c1', 's1') })
    applyEvent(model, { type: 'exchange_started', exchange: exchange({ id: '1' }) })
    applyEvent(model, { type: 'server_removed', server: 's1' })
    expect(model).toEqual(emptyModel())
  })

  it('leave nothing of a server to see once nobody is logged in', () => {
    const model = emptyModel()
    const view = server('s1')
    expect(applyEvent(model, { type: 'server', server: view })).toBeUndefined()
    const out = { ...view, status: { ...view.status, kind: 'login_required' as const } }
    expect(applyEvent(model, { type: 'server', server: out })).toEqual({ kind: 'forget', server: 's1' })
  })

  it('ask for what they do not carry', () => {
    const model = emptyModel()
    expect(applyEvent(model, { type: 'resync' })).toEqual({ kind: 'resync' })
    expect(applyEvent(model, { type: 'list_changed', server: 's1', list: 'tools' })).toEqual({ kind: 'refetch', server: 's1', list: 'tools' })
  })
})

describe('a fetched log', () => {
  it('has the newer state of a stream that runs, whichever came first', () => {
    const upTo = (seq: number) => {
      const view = exchange({ id: '1', status: 'running' })
      view.exchange.response!.events = Array.from({ length: seq + 1 }, (_, at) => streamed(at))
      return view
    }
    for (const [present, fetched] of [[3, 1], [1, 3]] as const) {
      expect(mergeLog([upTo(present)], [upTo(fetched)])[0]!.exchange.response!.events).toHaveLength(4)
    }
  })

  it('does not undo what an event brought first', () => {
    const arrived = [exchange({ id: '2', at: 20, status: 'finished' }), exchange({ id: '3', at: 30, status: 'running' })]
    const fetched = [exchange({ id: '1', at: 10 }), exchange({ id: '2', at: 20, status: 'running' })]
    const merged = mergeLog(arrived, fetched)
    expect(merged.map((view) => [view.exchange.id, view.exchange.status])).toEqual([
      ['1', 'finished'],
      ['2', 'finished'],
      ['3', 'running'],
    ])
  })

  it('keeps the order of those sent in one millisecond', () => {
    const merged = mergeLog([], ['10', '9', '11'].map((id) => exchange({ id, at: 5 })))
    expect(merged.map((view) => view.exchange.id)).toEqual(['9', '10', '11'])
  })
})
