import { isObject } from '@/schema/resolve'

export interface Table {
  /** Where the rows were found: a property name, or nothing for the document itself. */
  at?: string
  columns: string[]
  rows: Record<string, unknown>[]
}

const MAX_COLUMNS = 12

/** A document that is a list of things, or an object with exactly one such list, can be read as a table. */
export function tableOf(value: unknown): Table | undefined {
  if (Array.isArray(value)) return rowsTable(value)
  if (!isObject(value)) return undefined
  const lists = Object.entries(value).flatMap(([at, member]) => {
    const table = Array.isArray(member) ? rowsTable(member) : undefined
    return table ? [{ ...table, at }] : []
  })
  return lists.length === 1 ? lists[0] : undefined
}

function rowsTable(list: unknown[]): Table | undefined {
  if (list.length === 0 || !list.every(isObject)) return undefined
  const columns = [...new Set(list.flatMap((row) => Object.keys(row)))]
  return columns.length > 0 && columns.length <= MAX_COLUMNS ? { columns, rows: list } : undefined
}
