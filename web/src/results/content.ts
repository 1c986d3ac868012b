import type { CallResult } from '@/api/types'
import { isObject } from '@/schema/resolve'

/** A content block, of a tool's result, a prompt's message or a resource's contents, as the page shows it. */
export type Block =
  | { kind: 'text'; text: string; mimeType?: string; uri?: string }
  | { kind: 'image' | 'audio' | 'file'; data: string; mimeType: string; uri?: string }
  | { kind: 'link'; uri: string; name: string; description?: string; mimeType?: string }
  | { kind: 'unknown'; value: unknown }

/** The blocks of a result; what is not understood is shown as the JSON it is. */
export function blocksOf(result: CallResult): Block[] {
  if (result.kind === 'tool') return result.content.map(blockOf)
  if (result.kind === 'resource') return result.contents.map(contentsOf)
  return []
}

export function blockOf(value: unknown): Block {
  if (!isObject(value)) return { kind: 'unknown', value }
  switch (value.type) {
    case 'text':
      return { kind: 'text', text: string(value.text) }
    case 'image':
    case 'audio':
      return { kind: value.type, data: string(value.data), mimeType: string(value.mimeType) }
    case 'resource_link':
      return {
        kind: 'link',
        uri: string(value.uri),
        name: string(value.title ?? value.name ?? value.uri),
        description: optional(value.description),
        mimeType: optional(value.mimeType),
      }
    case 'resource':
      return contentsOf(value.resource)
    default:
      return { kind: 'unknown', value }
  }
}

function contentsOf(value: unknown): Block {
  if (!isObject(value)) return { kind: 'unknown', value }
  const mimeType = string(value.mimeType)
  const uri = optional(value.uri)
  if (typeof value.text === 'string') return { kind: 'text', text: value.text, mimeType, uri }
  if (typeof value.blob !== 'string') return { kind: 'unknown', value }
  const kind = mimeType.startsWith('image/') ? 'image' : mimeType.startsWith('audio/') ? 'audio' : 'file'
  return { kind, data: value.blob, mimeType, uri }
}

const string = (value: unknown) => (typeof value === 'string' ? value : '')
const optional = (value: unknown) => (typeof value === 'string' ? value : undefined)
