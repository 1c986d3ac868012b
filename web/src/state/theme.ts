import { computed, ref, watchEffect } from 'vue'
import { oneOf, stored } from './stored'

type Choice = 'system' | 'light' | 'dark'

const choice = stored<Choice>('theme', 'system', oneOf('system', 'light', 'dark'))
const system = typeof matchMedia === 'undefined' ? undefined : matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = ref(system?.matches ?? false)
system?.addEventListener('change', (event) => (systemIsDark.value = event.matches))

const dark = computed(() => (choice.value === 'system' ? systemIsDark.value : choice.value === 'dark'))

watchEffect(() => {
  if (typeof document === 'undefined') return
  if (choice.value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = choice.value
})

/** Dark or light: the system's preference until the reader switches, and what was switched to from then on. */
export function useTheme() {
  return { choice, dark, toggle: () => (choice.value = dark.value ? 'light' : 'dark') }
}
