import { ref } from 'vue'

/** What the polite live region says at the moment; `App.vue` renders it. */
export const announcement = ref('')

let pending: string[] = []
let timer: ReturnType<typeof setTimeout> | undefined

/** Says something to screen readers without interrupting them. What comes within a second is said together. */
export function announce(text: string): void {
  pending.push(text)
  timer ??= setTimeout(() => {
    announcement.value = gather(pending)
    pending = []
    timer = undefined
  }, 1000)
}

/** A burst becomes its size and its last line: twelve sentences in a row would only be in the way. */
export function gather(texts: string[]): string {
  const last = texts.at(-1) ?? ''
  if (texts.length <= 2) return texts.join('. ')
  return `${texts.length} updates. ${last}`
}
