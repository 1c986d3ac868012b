import { ref, watch, type Ref } from 'vue'

/** A ref that is remembered by the browser under `barewire.<name>`; `valid` guards against what an older page left. */
export function stored<T>(name: string, initial: T, valid: (value: unknown) => value is T): Ref<T> {
  const key = `barewire.${name}`
  const value = ref(read(key, initial, valid)) as Ref<T>
  watch(value, (next) => {
    try {
      localStorage.setItem(key, typeof next === 'string' ? next : JSON.stringify(next))
    } catch {
      // Without storage the setting lasts as long as the page.
    }
  })
  return value
}

function read<T>(key: string, initial: T, valid: (value: unknown) => value is T): T {
  try {
    const text = localStorage.getItem(key)
    if (text === null) return initial
    const value: unknown = typeof initial === 'string' ? text : JSON.parse(text)
    return valid(value) ? value : initial
  } catch {
    return initial
  }
}

export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
export function oneOf<T extends string>(...words: T[]): (value: unknown) => value is T {
  return (value): value is T => words.includes(value as T)
}
