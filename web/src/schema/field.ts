import { isObject, resolve, type Schema } from './resolve'

export interface Option {
  value: unknown
  label: string
  description?: string
}

export interface Property {
  name: string
  schema: unknown
  required: boolean
}

/** What a form shows for a schema. Children are schemas again: they become fields when they are drawn. */
export type Shape =
  | { kind: 'text'; input: 'text' | 'email' | 'url' | 'date' | 'time' | 'datetime-local' | 'password'; multiline: boolean; suggestions: string[] }
  | { kind: 'number'; integer: boolean; min?: number; max?: number }
  | { kind: 'boolean' }
  | { kind: 'constant'; value: unknown }
  | { kind: 'choice'; options: Option[] }
  | { kind: 'choices'; options: Option[] }
  | { kind: 'object'; properties: Property[] }
  | { kind: 'map'; value: unknown }
  | { kind: 'array'; item: unknown; min: number; max: number }
  | { kind: 'variants'; variants: { label: string; schema: unknown }[] }
  | { kind: 'json' }

export type Field = Shape & {
  title?: string
  description?: string
  nullable: boolean
  deprecated: boolean
  default?: unknown
}

/** Decides how a schema is shown. What no form can show well becomes a JSON editor, so nothing is out of reach. */
export function fieldOf(schema: unknown, root: Schema): Field {
  const { schema: resolved, nullable } = resolve(schema, root)
  return {
    ...shapeOf(resolved, root),
    title: text(resolved.title),
    description: text(resolved.description),
    nullable,
    deprecated: resolved.deprecated === true,
    default: resolved.default,
  }
}

function shapeOf(schema: Schema, root: Schema): Shape {
  if ('const' in schema) return { kind: 'constant', value: schema.const }
  const options = optionsOf(schema)
  if (options) return { kind: 'choice', options }
  const union = schema.oneOf ?? schema.anyOf
  if (Array.isArray(union)) return { kind: 'variants', variants: union.map((branch, at) => variant(branch, at, schema, root)) }
  switch (schema.type ?? guessType(schema)) {
    case 'string':
      return textShape(schema)
    case 'integer':
    case 'number':
      return { kind: 'number', integer: schema.type === 'integer', min: number(schema.minimum), max: number(schema.maximum) }
    case 'boolean':
      return { kind: 'boolean' }
    case 'array':
      return arrayShape(schema, root)
    case 'object':
      return objectShape(schema)
    default:
      return { kind: 'json' }
  }
}

function guessType(schema: Schema): string | undefined {
  if ('properties' in schema) return 'object'
  if ('items' in schema) return 'array'
  return undefined
}

const inputs = { email: 'email', 'idn-email': 'email', uri: 'url', date: 'date', password: 'password' } as const

function textShape(schema: Schema): Shape {
  const format = text(schema.format)
  const input = format && format in inputs ? inputs[format as keyof typeof inputs] : 'text'
  const suggestions = Array.isArray(schema.examples) ? schema.examples.filter((value) => typeof value === 'string') : []
  const roomy = (number(schema.maxLength) ?? 0) > 200 || schema.contentMediaType !== undefined || format === 'textarea'
  return { kind: 'text', input, multiline: input === 'text' && roomy, suggestions }
}

function arrayShape(schema: Schema, root: Schema): Shape {
  if (Array.isArray(schema.prefixItems) || Array.isArray(schema.items)) return { kind: 'json' }
  const min = number(schema.minItems) ?? 0
  const max = number(schema.maxItems) ?? Infinity
  const options = optionsOf(resolve(schema.items, root).schema)
  if (options && schema.uniqueItems !== false && options.length <= 24) return { kind: 'choices', options }
  return { kind: 'array', item: schema.items, min, max }
}

function objectShape(schema: Schema): Shape {
  const properties = isObject(schema.properties) ? Object.entries(schema.properties) : []
  if (properties.length === 0) {
    const more = schema.additionalProperties
    if (isObject(more) && Object.keys(more).length > 0) return { kind: 'map', value: more }
    if (more !== false && isObject(schema.patternProperties)) return { kind: 'json' }
    // `{"type": "object"}` alone says that anything goes; an input schema without properties says "no arguments".
    return 'properties' in schema || more === false ? { kind: 'object', properties: [] } : { kind: 'json' }
  }
  const required = Array.isArray(schema.required) ? schema.required : []
  return {
    kind: 'object',
    properties: properties.map(([name, value]) => ({ name, schema: value, required: required.includes(name) })),
  }
}

/** `enum` (with the older `enumNames`), or `oneOf`/`anyOf` of nothing but titled constants. */
function optionsOf(schema: Schema): Option[] | undefined {
  if (Array.isArray(schema.enum)) {
    const names = Array.isArray(schema.enumNames) ? schema.enumNames : []
    return schema.enum.map((value, at) => ({ value, label: text(names[at]) ?? show(value) }))
  }
  const union = schema.oneOf ?? schema.anyOf
  if (!Array.isArray(union) || !union.every((branch) => isObject(branch) && 'const' in branch)) return undefined
  return (union as Schema[]).map((branch) => ({
    value: branch.const,
    label: text(branch.title) ?? show(branch.const),
    description: text(branch.description),
  }))
}

function variant(branch: unknown, at: number, parent: Schema, root: Schema) {
  const { oneOf: _, anyOf: __, title: ___, description: ____, default: _____, ...beside } = parent
  const own = resolve(branch, root).schema
  const schema = 'properties' in beside ? { allOf: [beside, branch] } : branch
  return { schema, label: text(own.title) ?? discriminator(own, root) ?? text(own.type) ?? `Variant ${at + 1}` }
}

/** A property that is a constant names its variant: `{"kind": "circle"}`. */
function discriminator(schema: Schema, root: Schema): string | undefined {
  if (!isObject(schema.properties)) return undefined
  for (const property of Object.values(schema.properties)) {
    const { schema: resolved } = resolve(property, root)
    if ('const' in resolved) return show(resolved.const)
    if (Array.isArray(resolved.enum) && resolved.enum.length === 1) return show(resolved.enum[0])
  }
  return undefined
}

const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
const number = (value: unknown) => (typeof value === 'number' ? value : undefined)
