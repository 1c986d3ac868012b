import type { CallStatus } from '@/api/types'

/** Word, shape and colour of a call's status. */
export const callLooks: Record<CallStatus['kind'], { word: string; shape: 'spin' | 'diamond' | 'disc' | 'triangle' | 'bar'; tone: 'ok' | 'bad' | 'accent' | 'plain' }> = {
  running: { word: 'running', shape: 'spin', tone: 'plain' },
  input_required: { word: 'waits for your answer', shape: 'diamond', tone: 'accent' },
  scope_required: { word: 'needs more scope', shape: 'diamond', tone: 'accent' },
  done: { word: 'done', shape: 'disc', tone: 'ok' },
  failed: { word: 'failed', shape: 'triangle', tone: 'bad' },
  cancelled: { word: 'cancelled', shape: 'bar', tone: 'plain' },
}
