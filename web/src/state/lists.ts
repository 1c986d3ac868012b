import { reactive } from 'vue'
import { api, ApiError } from '@/api/client'
import type { ListKind, PromptView, RejectedTool, ResourceView, TemplateView, ToolView } from '@/api/types'

/** A list as the page has it: what it holds stays visible while it is fetched again. */
export interface Listing<T> {
  items: T[]
  state: 'none' | 'loading' | 'there' | 'failed'
  truncated: boolean
  problem?: string
  /** What was left out, and why. */
  rejected: RejectedTool[]
}

export interface ServerLists {
  tools: Listing<ToolView>
  resources: Listing<ResourceView>
  templates: Listing<TemplateView>
  prompts: Listing<PromptView>
}

const lists = reactive<Record<string, ServerLists>>({})
const none = <T>(): Listing<T> => ({ items: [], state: 'none', truncated: false, rejected: [] })

/** The lists of a server, empty at first; `load` fetches them. */
export function listsOf(server: string): ServerLists {
  return (lists[server] ??= { tools: none(), resources: none(), templates: none(), prompts: none() })
}

/** Nothing of a server is shown any more; an answer that is still on its way is too late. */
export function forgetLists(server: string): void {
  delete lists[server]
}

/** Fetches what the server's capabilities promise; without `force`, only what was not fetched yet. */
export async function loadLists(server: string, capabilities: unknown, force = false): Promise<void> {
  const has = (name: string) => capabilities === null || (typeof capabilities === 'object' && name in (capabilities as object))
  const wanted: ListKind[] = (['tools', 'resources', 'prompts'] as const).filter(has)
  const missing = (kind: ListKind) => ['none', 'failed'].includes(listsOf(server)[kind].state)
  // One after the other: on the wire beside, the order is easier to follow than a race. Events may have been faster.
  for (const kind of wanted) if (force || missing(kind)) await refetchList(server, kind)
}

export async function refetchList(server: string, kind: ListKind): Promise<void> {
  const own = listsOf(server)
  switch (kind) {
    case 'tools':
      return fill(own.tools, () => api.tools(server), (list) => list.tools)
    case 'prompts':
      return fill(own.prompts, () => api.prompts(server), (list) => list.prompts)
    case 'resources':
      await fill(own.resources, () => api.resources(server), (list) => list.resources)
      return fill(own.templates, () => api.templates(server), (list) => list.templates)
  }
}

async function fill<T, L extends { truncated: boolean; rejected?: RejectedTool[] }>(listing: Listing<T>, fetch: () => Promise<L>, items: (list: L) => T[]) {
  if (listing.state === 'loading') return
  listing.state = 'loading'
  try {
    const list = await fetch()
    listing.items = items(list)
    listing.truncated = list.truncated
    listing.rejected = list.rejected ?? []
    listing.state = 'there'
    listing.problem = undefined
  } catch (error) {
    listing.state = 'failed'
    listing.problem = error instanceof ApiError ? error.message : String(error)
  }
}
