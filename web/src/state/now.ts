import { onScopeDispose, ref, type Ref } from 'vue'

const now = ref(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time, four times a second, while somebody on the page shows it. */
export function useNow(): Ref<number> {
  now.value = Date.now()
  users += 1
  timer ??= setInterval(() => (now.value = Date.now()), 250)
  onScopeDispose(() => {
    users -= 1
    if (users > 0) return
    clearInterval(timer)
    timer = undefined
  })
  return now
}
