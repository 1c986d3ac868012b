import { computed, ref } from 'vue'
import { isNumber, oneOf, stored } from './stored'

export type Pane = 'servers' | 'work' | 'wire'

const width = ref(typeof innerWidth === 'undefined' ? 1440 : innerWidth)
const height = ref(typeof innerHeight === 'undefined' ? 900 : innerHeight)
if (typeof addEventListener !== 'undefined') {
  addEventListener('resize', () => {
    width.value = innerWidth
    height.value = innerHeight
  })
}

const NAV = 236
const wirePreferred = stored<number>('wire-width', 0, isNumber)
const detailHeight = stored<number>('detail-height', 0, isNumber)
const wireView = stored<'list' | 'lanes'>('wire-view', 'list', oneOf('list', 'lanes'))
const pane = ref<Pane>('work')
const wide = ref(false)
const drawer = ref(false)

/** Where things are: three columns, two with a drawer for the servers, or one with tabs. */
export function useLayout() {
  const columns = computed(() => (width.value < 760 ? 1 : width.value < 1180 ? 2 : 3))
  const room = computed(() => width.value - (columns.value === 3 ? NAV : 0))
  const wireMax = computed(() => room.value - 360)
  const wireMin = 320
  // Half of the page belongs to the wire until the reader decides otherwise.
  const wireWidth = computed({
    get: () => Math.min(Math.max(wirePreferred.value || Math.round(width.value / 2), wireMin), Math.max(wireMin, wireMax.value)),
    set: (next) => (wirePreferred.value = next),
  })
  return { width, height, columns, pane, wide, drawer, wireWidth, wireMin, wireMax, detailHeight, wireView }
}
