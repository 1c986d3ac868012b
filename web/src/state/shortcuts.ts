import { onScopeDispose, ref } from 'vue'
import { useLayout } from './layout'
import { paletteOpen } from './palette'
import { isTyping, modifier } from './platform'
import { useWire } from './wire'

export const keysOpen = ref(false)

/** What the keyboard does, for the help and for nobody else: the handlers are below and in the components. */
export const keys: { keys: string; what: string }[] = [
  { keys: 'mod+K', what: 'Search: tools, servers, exchanges, commands' },
  { keys: 'mod+Enter', what: 'Call, read or get, from anywhere in the form' },
  { keys: 'j', what: 'Next exchange on the wire' },
  { keys: 'k', what: 'Previous exchange' },
  { keys: 'Enter', what: 'Open the exchange' },
  { keys: 'Esc', what: 'Close it' },
  { keys: 'r', what: 'Bodies raw or folded' },
  { keys: 'w', what: 'Wire: half of the page or the whole width' },
  { keys: 'l', what: 'Wire: list or lanes' },
  { keys: 'e', what: 'Wire: refusals only' },
  { keys: '/', what: 'Filter the wire' },
  { keys: '?', what: 'These keys' },
]

/** The keys of the whole page. Single letters are commands only while nobody types. */
export function useShortcuts(): void {
  const layout = useLayout()
  const wire = useWire()

  const letters: Record<string, () => void> = {
    j: () => wire.move(1),
    k: () => wire.move(-1),
    r: () => (wire.raw.value = !wire.raw.value),
    w: () => (layout.wide.value = !layout.wide.value && layout.columns.value > 1),
    l: () => (layout.wireView.value = layout.wireView.value === 'list' ? 'lanes' : 'list'),
    e: () => (wire.filter.errors = !wire.filter.errors),
    '/': () => {
      layout.pane.value = 'wire'
      requestAnimationFrame(() => document.getElementById('wire-filter')?.focus())
    },
    '?': () => (keysOpen.value = true),
    Enter: () => wire.focused.value && void wire.open(wire.focused.value),
    Escape: () => {
      if (layout.drawer.value) layout.drawer.value = false
      else if (wire.opened.value) void wire.close()
      else layout.wide.value = false
    },
  }

  function key(event: KeyboardEvent) {
    if (event.defaultPrevented) return
    if (modifier(event) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      paletteOpen.value = !paletteOpen.value
      return
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || paletteOpen.value || keysOpen.value) return
    const target = event.target as HTMLElement
    // Enter on a button or a link is that button's.
    if (event.key === 'Enter' && target.closest('button, a, summary, [role="button"], [role="menuitem"]')) return
    const action = letters[event.key]
    if (!action) return
    event.preventDefault()
    action()
  }

  addEventListener('keydown', key)
  onScopeDispose(() => removeEventListener('keydown', key))
}
