import { onMounted, watch, type Ref } from 'vue'
import { useWire } from './wire'

/**
 * Keeps the focused or opened exchange of a scrolling pane in sight. The keyboard's focus follows only when it is in the
 * pane already: opening an exchange from elsewhere must not steal it.
 */
export function useReveal(scroller: Readonly<Ref<HTMLElement | null>>): void {
  const { focused, openId } = useWire()

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
  onMounted(() => later(openId.value))
  watch(openId, later)
  watch(focused, (id) => id && reveal(id))
}
