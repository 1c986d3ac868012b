import { api } from '@/api/client'
import { router } from '@/router'
import { useHost } from './host'
import { listsOf } from './lists'
import { attempt } from './notice'
import { rememberPlace } from './place'

/** What the reader can do with a server. Failures of the host end up in the notice; those of the server in its status. */
export const actions = {
  async add(url: string): Promise<void> {
    const server = await attempt(() => api.addServer({ url }))
    if (!server) return
    keep(server)
    await router.push({ name: 'server', params: { server: server.id } })
  },

  async remove(server: string): Promise<void> {
    if (!(await attempt(() => api.removeServer(server)))) return
    const { model } = useHost()
    model.servers = model.servers.filter((other) => other.id !== server)
    const next = model.servers[0]
    await router.push(next ? { name: 'server', params: { server: next.id } } : { name: 'welcome' })
  },

  async connect(server: string): Promise<void> {
    const view = await attempt(() => api.connect(server))
    if (view) keep(view)
  },

  /** Leaves the page for the authorization server; `/callback` brings it back. */
  async login(server: string, scopes?: string[]): Promise<void> {
    const started = await attempt(() => api.login(server, scopes ? { scopes } : {}))
    if (!started) return
    rememberPlace()
    location.assign(started.authorize_url)
  },

  async logout(server: string): Promise<void> {
    const view = await attempt(() => api.logout(server))
    if (!view) return
    keep(view)
    const lists = listsOf(server)
    for (const list of Object.values(lists)) Object.assign(list, { items: [], state: 'none', truncated: false, rejected: [] })
    await router.push({ name: 'server', params: { server } })
  },
}

function keep(view: Awaited<ReturnType<typeof api.connect>>): void {
  const { model } = useHost()
  const at = model.servers.findIndex((server) => server.id === view.id)
  if (at < 0) model.servers.push(view)
  else model.servers[at] = view
}
