import { api } from '@/api/client'
import type { AddServer, ServerView } from '@/api/types'
import { router } from '@/router'
import { useHost } from './host'
import { forgetLists } from './lists'
import { attempt } from './notice'
import { rememberPlace } from './place'

/** What the reader can do with a server. Failures of the host end up in the notice; those of the server in its status. */
export const actions = {
  async add(url: string, spoken: Pick<AddServer, 'era' | 'newest'> = {}): Promise<void> {
    const server = await attempt(() => api.addServer({ url, ...spoken }))
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
    await attempt(() => api.connect(server))
  },

  /** Leaves the page for the authorization server; `/callback` brings it back. */
  async login(server: string, scopes?: string[]): Promise<void> {
    const started = await attempt(() => api.login(server, scopes ? { scopes } : {}))
    if (!started) return
    rememberPlace()
    location.assign(started.authorize_url)
  },

  async logout(server: string): Promise<void> {
    if (!(await attempt(() => api.logout(server)))) return
    forgetLists(server)
    await router.push({ name: 'server', params: { server } })
  },
}

/** The events tell of every change, and may have been faster than this answer: it only fills in what they did not bring. */
function keep(view: ServerView): void {
  const { model } = useHost()
  if (!model.servers.some((server) => server.id === view.id)) model.servers.push(view)
}
