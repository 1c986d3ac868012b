import { describe, expect, it } from 'vitest'
import { rowsOf } from '@/json/rows'
import { tableOf } from '@/json/table'
import { expand, matches } from '@/resources/template'
import { blockOf } from '@/results/content'
import { gather } from '@/state/announcer'
import { search } from '@/palette/search'
import { choices, spokenOf, wordsOf } from '@/servers/revisions'
import { curlOf } from '@/tools/curl'
import { server } from './samples'

describe('URI templates', () => {
  it.each([
    ['post://{id}', { id: '7' }, 'post://7'],
    ['post://{id}', { id: 'a b/ü' }, 'post://a%20b%2F%C3%BC'],
    ['file://{+path}', { path: 'a/b c' }, 'file://a/b%20c'],
    ['x{/a,b}{?q,r}', { a: '1', b: '2', q: 'y' }, 'x/1/2?q=y'],
    ['x{?q}{&r}', { q: '1', r: '2' }, 'x?q=1&r=2'],
    ['x{#f}', {}, 'x'],
    ['{v:3}', { v: 'value' }, 'val'],
  ])('%s', (template, values, expected) => expect(expand(template, values)).toBe(expected))

  it('find what came from them', () => {
    expect(matches('post://{id}', 'post://7')).toBe(true)
    expect(matches('post://{id}.md', 'post://7xmd')).toBe(false)
  })
})

describe('Revisions to choose from', () => {
  it('are five and "whatever both speak", each said once', () => {
    expect(choices.map((choice) => choice.value)).toEqual(['either', 'modern', 'legacy', '2025-06-18', '2025-03-26', '2024-11-05'])
    expect(new Set(choices.map((choice) => choice.text)).size).toBe(choices.length)
  })

  it.each([
    ['either', { era: 'either' }],
    ['legacy', { era: 'legacy' }],
    ['2025-03-26', { era: 'legacy', newest: '2025-03-26' }],
    ['2099-01-01', { era: 'either' }],
  ])('%s', (value, spoken) => expect(spokenOf(value)).toEqual(spoken))

  it('are told afterwards', () => {
    expect(wordsOf({ era: 'either', newest: null })).toBeUndefined()
    expect(wordsOf({ era: 'modern', newest: null })).toContain('2026-07-28')
    expect(wordsOf({ era: 'legacy', newest: '2025-03-26' })).toBe('nothing newer than 2025-03-26 was tried')
  })
})

describe('JSON rows', () => {
  const folding = (toggled: [string, boolean][] = []) => ({ depth: 2, toggled: new Map(toggled), shown: new Map() })

  it('start inside of the document, and fold', () => {
    const value = { a: { b: [1, 2] }, 'c/d': null }
    expect(rowsOf(value, folding()).map((row) => [row.pointer, row.depth])).toEqual([
      ['/a', 0],
      ['/a/b', 1],
      ['/c~1d', 0],
    ])
    expect(rowsOf(value, folding([['/a', false]])).map((row) => row.pointer)).toEqual(['/a', '/c~1d'])
  })

  it('end a long list with what is left', () => {
    const rows = rowsOf(Array.from({ length: 250 }, (_, at) => at), folding([['', true]]))
    expect(rows).toHaveLength(101)
    expect(rows.at(-1)).toMatchObject({ kind: 'more', size: 150 })
  })
})

describe('tables', () => {
  it.each([
    [[{ a: 1 }, { b: 2 }], ['a', 'b']],
    [{ posts: [{ a: 1 }], next: 'x' }, ['a']],
    [{ one: [{ a: 1 }], two: [{ b: 1 }] }, undefined],
    [[1, 2], undefined],
    [{ posts: [] }, undefined],
  ])('%j', (value, columns) => expect(tableOf(value)?.columns).toEqual(columns))
})

describe('content blocks', () => {
  it.each([
    [{ type: 'text', text: 'x' }, 'text'],
    [{ type: 'image', data: '', mimeType: 'image/png' }, 'image'],
    [{ type: 'resource_link', uri: 'a:b', name: 'n' }, 'link'],
    [{ type: 'resource', resource: { uri: 'a:b', blob: '', mimeType: 'audio/wav' } }, 'audio'],
    [{ type: 'resource', resource: { uri: 'a:b', blob: '', mimeType: 'application/zip' } }, 'file'],
    [{ type: 'hologram' }, 'unknown'],
    [7, 'unknown'],
  ])('%j', (block, kind) => expect(blockOf(block).kind).toBe(kind))
})

describe('a call as curl', () => {
  it('quotes for the shell and leaves the token to who keeps it', () => {
    const command = curlOf({ ...server('s1'), authorization: 'authorized' }, 'say', { text: "it's" })
    expect(command).toContain(`"text":"it'\\''s"`)
    expect(command).toMatch(/^barewire token '[^']+' \| curl -N '[^']+'/)
    expect(command).toContain('-H @-')
    expect(command).toContain("'Mcp-Name: say'")
  })

  it('encodes names that a header cannot carry', () => {
    expect(curlOf(server('s1'), 'grüße', {})).toContain('=?base64?Z3LDvMOfZQ==?=')
  })
})

describe('announcements', () => {
  it.each([
    [['a'], 'a'],
    [['a', 'b'], 'a. b'],
    [['a', 'b', 'c'], '3 updates. c'],
  ])('%j', (texts, expected) => expect(gather(texts)).toBe(expected))
})

describe('the palette', () => {
  const command = (text: string, group = 'Tools') => ({ id: text, group, text, icon: 'tool' as const, run: () => undefined })
  const commands = [command('Read post'), command('post list'), command('1 POST /mcp', 'Exchanges')]

  it('puts what begins with the text first', () => {
    expect(search(commands, 'post').map((found) => found.text)).toEqual(['post list', 'Read post', '1 POST /mcp'])
  })

  it('leaves the exchanges out until something is typed', () => {
    expect(search(commands, '').map((found) => found.text)).toEqual(['Read post', 'post list'])
  })
})
