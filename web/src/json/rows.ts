/** One line of a folded JSON document. */
export interface JsonRow {
  /** JSON pointer: the row's identity. */
  pointer: string
  depth: number
  /** Name in the parent object, or place in the parent array. */
  name?: string
  kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | 'more'
  value: unknown
  /** How many children it has. */
  size: number
  open: boolean
}

export interface Folding {
  /** Pointers that were opened or closed by hand. */
  toggled: Map<string, boolean>
  /** Levels that are open by themselves. */
  depth: number
  /** Children shown before "more", by pointer. */
  shown: Map<string, number>
}

export const PAGE = 100
/** Bigger containers are closed until somebody opens them. */
const MODEST = 40

/** The visible rows of a document, top to bottom. */
export function rowsOf(value: unknown, folding: Folding): JsonRow[] {
  const rows: JsonRow[] = []
  walk(value, '', undefined, 0, folding, rows)
  // The braces around the whole say nothing: what is in them starts at the margin.
  return rows.length > 1 ? rows.slice(1).map((row) => ({ ...row, depth: row.depth - 1 })) : rows
}

function walk(value: unknown, pointer: string, name: string | undefined, depth: number, folding: Folding, rows: JsonRow[]): void {
  const kind = kindOf(value)
  const children = kind === 'array' || kind === 'object' ? Object.entries(value as object) : []
  const open = children.length > 0 && (folding.toggled.get(pointer) ?? (depth < folding.depth && children.length <= MODEST))
  rows.push({ pointer, depth, name, kind, value, size: children.length, open })
  if (!open) return
  const shown = folding.shown.get(pointer) ?? PAGE
  for (const [key, child] of children.slice(0, shown)) {
    walk(child, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, key, depth + 1, folding, rows)
  }
  if (children.length > shown) {
    rows.push({ pointer: `${pointer}\u0000more`, depth: depth + 1, kind: 'more', value: pointer, size: children.length - shown, open: false })
  }
}

function kindOf(value: unknown): JsonRow['kind'] {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  const type = typeof value
  return type === 'object' || type === 'string' || type === 'number' || type === 'boolean' ? type : 'string'
}

/** What a closed container shows of itself. */
export function preview(row: JsonRow): string {
  if (row.kind === 'array') return row.size === 0 ? '[]' : `[ ${row.size} ]`
  const names = Object.keys(row.value as object)
  if (names.length === 0) return '{}'
  const shown = names.slice(0, 4).join(', ')
  return `{ ${shown}${names.length > 4 ? ', …' : ''} }`
}
