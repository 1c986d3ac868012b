import { computed, ref } from 'vue'
import { useRouter } from 'vue-router'
import { api } from '@/api/client'
import type { Command } from '@/palette/search'
import type { IconName } from '@/ui/icons'
import { titleOf } from '@/wire/words'
import { actions } from './actions'
import { useChosen } from './chosen'
import { useHost } from './host'
import { useLayout } from './layout'
import { listsOf } from './lists'
import { attempt } from './notice'
import { keysOpen } from './shortcuts'
import { useTheme } from './theme'
import { useWire } from './wire'

export const paletteOpen = ref(false)

/** Everything the page can do or show, as one list. */
export function useCommands() {
  const router = useRouter()
  const { server } = useChosen()
  const { servers, forgetExchanges } = useHost()
  const { wireView, wide, pane } = useLayout()
  const { filter, all, open } = useWire()
  const { dark, toggle } = useTheme()

  return computed<Command[]>(() => {
    const commands: Command[] = []
    const add = (group: string, icon: IconName, text: string, run: () => unknown, about?: string) =>
      commands.push({ id: `${group}/${text}/${about ?? ''}`, group, icon, text, run, about })
    const chosen = server.value
    const go = (name: string, params: Record<string, string>) => router.push({ name, params: { server: chosen!.id, ...params } })

    if (chosen) {
      const lists = listsOf(chosen.id)
      for (const tool of lists.tools.items) add('Tools', 'tool', tool.name, () => go('tool', { name: tool.name }), tool.title ?? tool.description ?? '')
      for (const resource of lists.resources.items) add('Resources', 'file', resource.title ?? resource.name, () => go('resource', { uri: resource.uri }), resource.uri)
      for (const template of lists.templates.items) add('Resources', 'file', template.title ?? template.name, () => go('template', { uri: template.uri_template }), template.uri_template)
      for (const prompt of lists.prompts.items) add('Prompts', 'prompt', prompt.name, () => go('prompt', { name: prompt.name }), prompt.title ?? '')
      add('This server', 'server', 'About this server', () => go('server', {}), chosen.url)
      add('This server', 'refresh', 'Connect again', () => actions.connect(chosen.id))
      if (chosen.authorization === 'authorized') add('This server', 'key', 'Log out', () => actions.logout(chosen.id))
      else add('This server', 'key', 'Log in', () => actions.login(chosen.id))
      add('This server', 'clear', 'Remove this server', () => actions.remove(chosen.id))
      add('Wire', 'download', 'Save the wire as HAR', () => location.assign(api.harPath(chosen.id)))
      add('Wire', 'clear', 'Clear the wire', () => attempt(() => forgetExchanges(chosen.id)))
    }
    for (const other of servers.value) {
      if (other.id !== chosen?.id) add('Servers', 'server', other.name, () => router.push({ name: 'server', params: { server: other.id } }), other.url)
    }
    add('Servers', 'plug', 'Connect a server', () => router.push({ name: 'welcome', query: { add: '' } }))
    add('Wire', wireView.value === 'list' ? 'lanes' : 'list', wireView.value === 'list' ? 'Show the wire as lanes' : 'Show the wire as a list', () => {
      wireView.value = wireView.value === 'list' ? 'lanes' : 'list'
      pane.value = 'wire'
    })
    add('Wire', 'widen', wide.value ? 'Give the wire half of the page' : 'Give the wire the whole width', () => (wide.value = !wide.value))
    add('Wire', 'alert', filter.errors ? 'Show all exchanges' : 'Show refusals only', () => (filter.errors = !filter.errors))
    add('Page', dark.value ? 'sun' : 'moon', dark.value ? 'Light theme' : 'Dark theme', toggle)
    add('Page', 'help', 'Show the keys', () => (keysOpen.value = true))
    for (const { number, view } of all.value) {
      add('Exchanges', 'wire', `${number} ${titleOf(view.exchange)}`, () => ((pane.value = 'wire'), open(view.exchange.id)), view.exchange.narration.what)
    }
    return commands
  })
}
