import { computed, type Ref } from 'vue'
import { api } from '@/api/client'
import type { CallKind, StartCall } from '@/api/types'
import { useChosen } from './chosen'
import { useHost } from './host'
import { attempt } from './notice'

/** The calls of one tool, resource or prompt of the chosen server, oldest first, and a way to start another. */
export function useCalls(kind: CallKind, name: Ref<string> | ((name: string) => boolean)) {
  const { model } = useHost()
  const { id } = useChosen()
  const fits = typeof name === 'function' ? name : (given: string) => given === name.value
  const calls = computed(() => model.calls.filter((call) => call.server === id.value && call.kind === kind && fits(call.name)))

  async function start(body: StartCall): Promise<void> {
    const server = id.value
    if (!server) return
    const call = await attempt(() => api.call(server, body))
    // The event may have been faster.
    if (call && !model.calls.some((other) => other.id === call.id)) model.calls.push(call)
  }

  return { calls, start }
}
