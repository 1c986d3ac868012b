import { fieldOf } from './field'
import type { Schema } from './resolve'

const MAX_DEPTH = 6

/** The value that a form starts with: defaults, constants and what is required; `undefined` is "not given". */
export function initialOf(schema: unknown, root: Schema, required = true, depth = 0): unknown {
  const field = fieldOf(schema, root)
  if (field.default !== undefined) return copy(field.default)
  if (!required || depth > MAX_DEPTH) return undefined
  if (field.nullable) return null
  switch (field.kind) {
    case 'constant':
      return field.value
    case 'boolean':
      return false
    case 'choice':
      return field.options.length === 1 ? field.options[0]!.value : undefined
    case 'choices':
      return []
    case 'array':
      return Array.from({ length: field.min }, () => initialOf(field.item, root, true, depth + 1))
    case 'map':
      return {}
    case 'object': {
      const value: Record<string, unknown> = {}
      for (const property of field.properties) {
        const initial = initialOf(property.schema, root, property.required, depth + 1)
        if (initial !== undefined) value[property.name] = initial
      }
      return value
    }
    case 'variants':
      return field.variants.length > 0 ? initialOf(field.variants[0]!.schema, root, true, depth + 1) : undefined
    default:
      return undefined
  }
}

/** JSON is copied as JSON: what comes here may be watched by the page, and a structured clone refuses that. */
const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
