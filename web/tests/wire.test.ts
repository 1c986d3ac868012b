import { describe, expect, it } from 'vitest'
import { contentOf } from '@/wire/body'
import { filterLog, noFilter } from '@/wire/filter'
import { groupPhases } from '@/wire/group'
import { fit, layOut } from '@/wire/lanes/layout'
import { piecesOf } from '@/wire/mask'
import { outcomeOf } from '@/wire/words'
import { call, exchange, numbered } from './samples'

const header = (name: string, value: string) => ({ name, value, matters: true })
const response = (status: number, more: object = {}) => ({ status, headers: [], body: null, events: [], events_dropped: 0, first_byte_ms: null, ...more })

describe('grouping', () => {
  it('puts neighbours of a phase together, and opens the phase anew when it comes back', () => {
    const log = numbered((['negotiate', 'discover', 'discover', 'negotiate'] as const).map((phase, at) => exchange({ id: `${at}`, phase })))
    expect(groupPhases(log, []).map((group) => [group.title, group.items.length])).toEqual([
      ['Negotiate', 1],
      ['Discover', 2],
      ['Negotiate', 1],
    ])
  })

  it('keeps two calls at once apart, each with its later rounds', () => {
    const log = numbered([
      exchange({ id: '1', call: 'a' }),
      exchange({ id: '2', call: 'b' }),
      exchange({ id: '3', phase: 'refresh' }),
      exchange({ id: '4', call: 'a' }),
    ])
    const groups = groupPhases(log, [call('a', 's1', { name: 'list_posts' }), call('b', 's1', { name: 'post://7', kind: 'resource' })])
    expect(groups.map((group) => [group.title, group.items.map((item) => item.number)])).toEqual([
      ['Call list_posts', [1, 4]],
      ['Read post://7', [2]],
      ['Refresh', [3]],
    ])
  })
})

describe('outcomes', () => {
  it.each([
    [exchange({ response: null, status: 'running' }), 'running'],
    [exchange({ response: response(200) }), 'ok'],
    [exchange({ response: response(302) }), 'redirect'],
    [exchange({ from: 'browser', response: null }), 'browser'],
    [exchange({ response: response(401) }), 'challenge'],
    [exchange({ response: response(403, { headers: [header('www-authenticate', 'Bearer error="insufficient_scope"')] }) }), 'scope'],
    [exchange({ response: response(403) }), 'refused'],
    [exchange({ response: response(404) }), 'refused'],
    [exchange({ response: response(502) }), 'failed'],
    [exchange({ response: null, status: 'failed', failure: { kind: 'connect', message: '' } }), 'failed'],
    [exchange({ status: 'failed', failure: { kind: 'closed', message: '' } }), 'ok'],
    [
      exchange({
        rpc: { method: 'tools/call', id: '1', name: null, revision: null },
        response: response(200, { body: { media_type: 'application/json', text: '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}', bytes: 9, truncated: false } }),
      }),
      'refused',
    ],
  ])('%#', (view, expected) => expect(outcomeOf(view.exchange)).toBe(expected))
})

describe('the filter', () => {
  const log = numbered([
    exchange({ id: '1', phase: 'log_in', request: { method: 'POST', url: 'http://as/token', headers: [header('accept', 'x/y')], body: null } }),
    exchange({ id: '2', response: response(404) }),
  ])
  it.each([
    [{}, [1, 2]],
    [{ text: 'TOKEN post' }, [1]],
    [{ text: 'x/y' }, [1]],
    [{ text: 'nothing' }, []],
    [{ phase: 'call' as const }, [2]],
    [{ errors: true }, [2]],
  ])('%j', (filter, expected) => expect(filterLog(log, { ...noFilter(), ...filter }).map((item) => item.number)).toEqual(expected))
})

describe('lanes', () => {
  const log = numbered([
    exchange({ id: '1', phase: 'negotiate', at: 0, duration_ms: 10 }),
    exchange({ id: '2', phase: 'log_in', from: 'browser', to: 'authorization_server', at: 50_000, duration_ms: null, response: null, status: 'running' }),
  ])

  it('has a lane for each party that takes part, in the order of the flow', () => {
    const picture = layOut(groupPhases(log, []), 800)
    expect(picture.lanes.map((lane) => lane.party)).toEqual(['browser', 'client', 'authorization_server', 'mcp_server'])
    expect(picture.width).toBe(800)
    expect(picture.lanes.map((lane) => lane.x)).toEqual([...picture.lanes.map((lane) => lane.x)].sort((a, b) => a - b))
  })

  it('goes down in time, without an answer where none came', () => {
    const picture = layOut(groupPhases(log, []), 800)
    const [first, second] = picture.arrows
    expect(first!.answer?.label).toBe('200, 10 ms')
    expect(second!.answer).toBeUndefined()
    expect(second!.y).toBeGreaterThan(first!.answer!.y)
    expect(picture.height).toBeGreaterThan(second!.y)
    expect(picture.pauses.map((pause) => pause.text)).toEqual(['50.0 s later'])
  })

  it('keeps room for words in a narrow pane, and cuts those that do not fit', () => {
    const picture = layOut(groupPhases(log, []), 320)
    expect(picture.width).toBeGreaterThan(320)
    expect(fit('GET /.well-known/oauth-protected-resource/mcp', 160)).toMatch(/^GET .*…$/)
  })
})

describe('bodies', () => {
  it.each([
    ['{"a":1}', 'application/json', { kind: 'json', value: { a: 1 } }],
    ['{"a":1}', '', { kind: 'json', value: { a: 1 } }],
    ['{"a":', 'application/json', { kind: 'text' }],
    ['a=1&b=x+y%21', 'application/x-www-form-urlencoded', { kind: 'form', pairs: [['a', '1'], ['b', 'x y!']] }],
    ['a=%zz', 'application/x-www-form-urlencoded', { kind: 'form', pairs: [['a', '%zz']] }],
    ['<p>', 'text/html', { kind: 'text' }],
    [null, '', { kind: 'none' }],
  ])('%s as %s', (text, type, expected) => expect(contentOf(text, type)).toEqual(expected))
})

describe('masks', () => {
  it.each([
    ['Bearer eyJh…x9Qz', ['Bearer ', '[eyJh…x9Qz]']],
    ['code=••••&state=abcd…efgh', ['code=', '[••••]', '&state=', '[abcd…efgh]']],
    ['code=••••ed2c&iss=x', ['code=', '[••••ed2c]', '&iss=x']],
    ['and so on…', ['and so on…']],
    ['', ['']],
  ])('%s', (text, expected) => expect(piecesOf(text).map((piece) => (piece.masked ? `[${piece.text}]` : piece.text))).toEqual(expected))
})
