/** A JSON Schema as it comes from a server: anything, read with care. */
export type Schema = Record<string, unknown>

export interface Resolved {
  schema: Schema
  /** `null` is allowed beside what the schema says. */
  nullable: boolean
}

const MAX_HOPS = 32

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Follows `$ref`, folds `allOf` in and takes `null` out of unions, one level deep: children stay as they are, so that
 * a recursive schema is walked only as far as somebody opens it.
 */
export function resolve(schema: unknown, root: Schema): Resolved {
  let current = asSchema(schema)
  let nullable = false
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const ref = current.$ref
    if (typeof ref === 'string') {
      const { $ref: _, ...beside } = current
      current = { ...lookUp(ref, root), ...beside }
    } else if (Array.isArray(current.allOf)) {
      const { allOf, ...beside } = current
      current = (allOf as unknown[]).map((part) => resolve(part, root).schema).concat(beside).reduce(merge, {})
    } else {
      const without = withoutNull(current)
      if (!without) return { schema: current, nullable }
      nullable = true
      current = without
    }
  }
  return { schema: {}, nullable }
}

function asSchema(schema: unknown): Schema {
  // `true` allows everything; `false` nothing, which a form cannot show either: both end at the JSON editor.
  return isObject(schema) ? schema : {}
}

function lookUp(ref: string, root: Schema): Schema {
  if (ref === '#') return root
  if (!ref.startsWith('#/')) return {}
  let at: unknown = root
  for (const part of ref.slice(2).split('/')) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = isObject(at) || Array.isArray(at) ? (at as Record<string, unknown>)[key] : undefined
  }
  return asSchema(at)
}

function merge(into: Schema, part: Schema): Schema {
  const merged = { ...into, ...part }
  if (isObject(into.properties) && isObject(part.properties)) {
    merged.properties = { ...into.properties, ...part.properties }
  }
  if (Array.isArray(into.required) && Array.isArray(part.required)) {
    merged.required = [...new Set([...into.required, ...part.required])]
  }
  return merged
}

/** `type: ["string", "null"]`, `anyOf: [X, {type: "null"}]` and `enum: […, null]` are X that may be null. */
function withoutNull(schema: Schema): Schema | undefined {
  if (Array.isArray(schema.type) && schema.type.includes('null')) {
    const types = schema.type.filter((type) => type !== 'null')
    return { ...schema, type: types.length === 1 ? types[0] : types }
  }
  for (const word of ['anyOf', 'oneOf'] as const) {
    const branches = schema[word]
    if (!Array.isArray(branches)) continue
    const rest = branches.filter((branch) => !(isObject(branch) && (branch.type === 'null' || branch.const === null)))
    if (rest.length === branches.length || rest.length === 0) continue
    const { [word]: _, ...beside } = schema
    return rest.length === 1 ? { ...asSchema(rest[0]), ...beside } : { ...beside, [word]: rest }
  }
  if (Array.isArray(schema.enum) && schema.enum.includes(null) && schema.enum.length > 1) {
    return { ...schema, enum: schema.enum.filter((value) => value !== null) }
  }
  return undefined
}
