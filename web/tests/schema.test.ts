import { describe, expect, it } from 'vitest'
import { fieldOf } from '@/schema/field'
import { initialOf } from '@/schema/initial'
import { resolve, type Schema } from '@/schema/resolve'
import { validate } from '@/schema/validate'

const kind = (schema: Schema, root: Schema = schema) => fieldOf(schema, root).kind

describe('a schema becomes a field', () => {
  it.each<[string, Schema]>([
    ['text', { type: 'string' }],
    ['text', { type: ['string', 'null'] }],
    ['text', { anyOf: [{ type: 'string' }, { type: 'null' }] }],
    ['number', { type: 'integer', format: 'uint32', minimum: 0 }],
    ['boolean', { type: 'boolean' }],
    ['choice', { type: 'string', enum: ['a', 'b'] }],
    ['choice', { oneOf: [{ const: 'a', title: 'A' }, { const: 'b' }] }],
    ['choices', { type: 'array', uniqueItems: true, items: { type: 'string', enum: ['a', 'b'] } }],
    ['choices', { type: 'array', items: { anyOf: [{ const: 'a', title: 'A' }] } }],
    ['array', { type: 'array', items: { type: 'string' } }],
    ['json', { type: 'array', prefixItems: [{ type: 'string' }] }],
    ['object', { type: 'object', properties: { a: {} } }],
    ['object', { properties: { a: {} } }],
    ['object', { type: 'object', properties: {} }],
    ['map', { type: 'object', additionalProperties: { type: 'string' } }],
    ['json', { type: 'object' }],
    ['json', {}],
    ['variants', { oneOf: [{ type: 'string' }, { type: 'integer' }] }],
    ['constant', { const: 7 }],
  ])('%s: %j', (expected, schema) => expect(kind(schema)).toBe(expected))

  it('through references, with what stands beside them', () => {
    const root: Schema = { $defs: { Tag: { type: 'string', description: 'Any.' } } }
    expect(fieldOf({ $ref: '#/$defs/Tag', description: 'This one.' }, root)).toMatchObject({ kind: 'text', description: 'This one.' })
  })

  it('that may be null without a union', () => {
    expect(resolve({ anyOf: [{ $ref: '#/$defs/A' }, { type: 'null' }] }, { $defs: { A: { type: 'integer' } } })).toEqual({
      schema: { type: 'integer' },
      nullable: true,
    })
  })

  it('with the parts of allOf together', () => {
    const field = fieldOf({ allOf: [{ properties: { a: {} }, required: ['a'] }, { properties: { b: {} }, required: ['b'] }] }, {})
    expect(field).toMatchObject({ kind: 'object', properties: [{ name: 'a', required: true }, { name: 'b', required: true }] })
  })

  it('whose variants are called by title or by their constant', () => {
    const field = fieldOf({ oneOf: [{ title: 'A circle' }, { properties: { kind: { const: 'square' } } }, { type: 'null' }] }, {})
    expect(field.nullable).toBe(true)
    expect(field.kind === 'variants' && field.variants.map((variant) => variant.label)).toEqual(['A circle', 'square'])
  })

  it('that refers to itself, one level at a time', () => {
    const root: Schema = { type: 'object', properties: { child: { $ref: '#' }, loop: { $ref: '#/properties/loop' } } }
    expect(kind(root)).toBe('object')
    expect(kind({ $ref: '#/properties/child' }, root)).toBe('object')
    expect(kind({ $ref: '#/properties/loop' }, root)).toBe('json')
  })
})

describe('a form starts with', () => {
  it.each<[unknown, Schema]>([
    [{}, { type: 'object', properties: { a: { type: 'string' } } }],
    [{ a: 1 }, { type: 'object', properties: { a: { type: 'integer', default: 1 } } }],
    [{ b: false }, { type: 'object', properties: { b: { type: 'boolean' } }, required: ['b'] }],
    [{ c: 'x', d: [] }, { type: 'object', properties: { c: { const: 'x' }, d: { type: 'array', items: { type: 'string' } } }, required: ['c', 'd'] }],
    [{ o: { n: 2 } }, { type: 'object', properties: { o: { type: 'object', properties: { n: { default: 2 } } } }, required: ['o'] }],
    [{}, { type: 'object', properties: { o: { type: 'object', properties: { n: { default: 2 } } } } }],
    [{ v: { kind: 'a' } }, { type: 'object', properties: { v: { oneOf: [{ type: 'object', properties: { kind: { const: 'a' } }, required: ['kind'] }, {}] } }, required: ['v'] }],
  ])('%j', (expected, schema) => expect(initialOf(schema, schema)).toEqual(expected))

  it('an end, whatever refers to itself', () => {
    const schema: Schema = { type: 'object', properties: { child: { $ref: '#' } }, required: ['child'] }
    expect(JSON.stringify(initialOf(schema, schema)).length).toBeLessThan(200)
  })
})

describe('validation', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      title: { type: 'string', minLength: 1 },
      'a/b': { type: 'integer' },
      list: { type: 'array', items: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } },
      kind: { enum: ['a', 'b'] },
    },
    required: ['title'],
  }

  it.each<[string[], unknown]>([
    [[], { title: 'x' }],
    [['/title'], {}],
    [['/title'], { title: '' }],
    [['/a~1b'], { title: 'x', 'a/b': 'no' }],
    [['/list/0/n'], { title: 'x', list: [{}] }],
    [['/kind'], { title: 'x', kind: 'c' }],
  ])('%j', (expected, value) => expect(Object.keys(validate(schema, value))).toEqual(expected))

  it('says something about a union that nothing fits', () => {
    expect(Object.keys(validate({ oneOf: [{ type: 'string' }, { type: 'integer' }] }, true))).not.toHaveLength(0)
  })

  it('gives way where it cannot judge', () => {
    expect(validate({ $ref: 'https://elsewhere.example/schema' }, {})).toEqual({})
    expect(validate({ type: 'string', pattern: '(' }, 'x')).toEqual({})
  })
})
