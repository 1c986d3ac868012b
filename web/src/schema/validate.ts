import { Validator, type OutputUnit, type SchemaDraft } from '@cfworker/json-schema'
import type { Schema } from './resolve'

/** What is wrong, in a sentence, by JSON pointer of the value (`""` is the whole). */
export type Problems = Record<string, string>

/**
 * Validates by interpretation: the usual validators compile schemas with `new Function`, which the page's Content
 * Security Policy refuses. A schema that cannot be validated (a foreign `$ref`, a pattern that is none) gives no
 * problems; the server has the last word anyway.
 */
export function validate(schema: Schema, value: unknown): Problems {
  let errors: OutputUnit[]
  try {
    errors = new Validator(schema, draftOf(schema), false).validate(value).errors
  } catch {
    return {}
  }
  const problems: Problems = {}
  for (const error of errors) {
    if (wrappers.has(error.keyword)) continue
    const [pointer, sentence] = locate(error)
    problems[pointer] ??= sentence
  }
  // A union reports each branch that did not fit; only if none of them says where does the union itself speak.
  const union = errors.find((error) => error.keyword === 'oneOf' || error.keyword === 'anyOf')
  if (union && Object.keys(problems).length === 0) problems[union.instanceLocation.slice(1)] = 'Fits none of the variants.'
  return problems
}

/** Keywords whose error only says that something below them has one. */
const wrappers = new Set(['properties', 'items', 'prefixItems', 'additionalProperties', '$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'false'])

function draftOf(schema: Schema): SchemaDraft {
  const name = typeof schema.$schema === 'string' ? schema.$schema : ''
  if (name.includes('draft-07')) return '7'
  if (name.includes('draft-04')) return '4'
  if (name.includes('2019-09')) return '2019-09'
  return '2020-12'
}

function locate(error: OutputUnit): [string, string] {
  // The validator gives URI fragments; here they are plain JSON pointers.
  const pointer = decodeURIComponent(error.instanceLocation.slice(1))
  if (error.keyword === 'required') {
    const name = /"(.*)"/s.exec(error.error)?.[1] ?? ''
    return [`${pointer}/${escapePointer(name)}`, 'Needed.']
  }
  return [pointer, sentences[error.keyword] ?? error.error]
}

const sentences: Record<string, string> = {
  enum: 'Not one of the choices.',
  format: 'Not in the format that is asked for.',
  pattern: 'Does not match the pattern that is asked for.',
  minItems: 'Needs more items.',
  maxItems: 'Has too many items.',
  uniqueItems: 'Has an item twice.',
}

/** One step of a JSON pointer (RFC 6901). */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
