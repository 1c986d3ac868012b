import { computed, reactive, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { filterLog, noFilter } from '@/wire/filter'
import { groupPhases, type Numbered } from '@/wire/group'
import { useChosen } from './chosen'
import { useHost } from './host'

const filter = reactive(noFilter())
const raw = ref(false)
const focused = ref<string>()

/** The wire of the chosen server: what is shown of it, which exchange is open (`?x=` in the URL), which has the focus. */
export function useWire() {
  const { model, dropped } = useHost()
  const { id: server } = useChosen()
  const route = useRoute()
  const router = useRouter()

  const all = computed<Numbered[]>(() => {
    const skipped = dropped[server.value ?? ''] ?? 0
    return (model.exchanges[server.value ?? ''] ?? []).map((view, at) => ({ number: skipped + at + 1, view }))
  })
  const numbers = computed(() => new Map(all.value.map((item) => [item.view.exchange.id, item.number])))
  const shown = computed(() => filterLog(all.value, filter))
  const groups = computed(() => groupPhases(shown.value, model.calls))
  /** In the order of the groups, which is the order of the rows. */
  const ordered = computed(() => groups.value.flatMap((group) => group.items))
  const openId = computed(() => (typeof route.query.x === 'string' ? route.query.x : undefined))
  const opened = computed(() => all.value.find((item) => item.view.exchange.id === openId.value))

  const open = (id: string) => {
    focused.value = id
    return router.replace({ query: { ...route.query, x: id } })
  }
  const close = () => {
    const { x: _, ...query } = route.query
    return router.replace({ query })
  }

  /** To the next or previous row; where one is open, the next one opens. */
  function move(by: 1 | -1): void {
    const ids = ordered.value.map((item) => item.view.exchange.id)
    const at = ids.indexOf(focused.value ?? openId.value ?? '')
    const next = at < 0 ? (by > 0 ? ids[0] : ids.at(-1)) : ids[at + by]
    if (next === undefined) return
    focused.value = next
    if (opened.value) void open(next)
  }

  return { filter, raw, focused, all, numbers, shown, groups, ordered, openId, opened, open, close, move }
}

/** Forgets what one server's log was filtered by when another is chosen. */
export function useWireReset(): void {
  const { id } = useChosen()
  watch(id, () => {
    Object.assign(filter, noFilter())
    focused.value = undefined
  })
}
