import { ref } from 'vue'
import { ApiError } from '@/api/client'

export interface Notice {
  message: string
  whatNext: string | null
}

export const notice = ref<Notice>()

/** Runs something the reader asked for; if the host says no, that is shown and not lost. */
export async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    notice.value = undefined
    return await action()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    notice.value = { message: error.message, whatNext: error.whatNext }
    return undefined
  }
}
