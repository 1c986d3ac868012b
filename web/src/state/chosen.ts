import { computed } from 'vue'
import { useRoute } from 'vue-router'
import { useHost } from './host'

/** The server that the route is about. */
export function useChosen() {
  const route = useRoute()
  const { model } = useHost()
  const id = computed(() => (typeof route.params.server === 'string' ? route.params.server : undefined))
  const server = computed(() => model.servers.find((server) => server.id === id.value))
  return { id, server }
}
