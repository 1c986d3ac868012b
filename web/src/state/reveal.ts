import { onMounted, watch, type Ref } from 'vue'
import { useWire } from './wire'

/**
 * Keeps the focused or opened exchange of a scrolling pane in sight. The keyboard's focus follows only when it is in the
 * pane already: opening an exchange from elsewhere must not steal it.
 */
export function useReveal(scroller: Readonly<Ref<HTMLElement | null>>): void {
  const { focused, opened } = useWire()
  // Not what the URL says is open, but what is: after a load the log comes later.
  const openId = () => opened.value?.view.exchange.id

  function reveal(id: string) {
    const pane = scroller.value
    const element = pane?.querySelector<HTMLElement>(`[data-exchange="${CSS.escape(id)}"]`)
    if (!pane || !element) return
    element.scrollIntoView({ block: 'nearest' })
    if (!pane.contains(document.activeElement)) return
    const target = element.tabIndex < 0 && element.getAttribute('role') !== 'button' ? element.querySelector('button') : element
    target?.focus({ preventScroll: true })
  }

  // A frame later: what opens may only now get its place, and the pane less room.
  const later = (id: string | undefined) => id && requestAnimationFrame(() => reveal(id))
  onMounted(() => later(openId()))
  watch(openId, later)
  watch(focused, (id) => id && reveal(id))
}
