import type { AddServer } from '@/api/types'

/** What can be spoken with a server: one line each of the form's list. */
export interface Choice {
  value: string
  text: string
  /** What is asked of the host. */
  spoken: Pick<AddServer, 'era' | 'newest'>
}

const older = ['2025-06-18', '2025-03-26', '2024-11-05']

export const choices: Choice[] = [
  { value: 'either', text: 'the newest that both speak', spoken: { era: 'either' } },
  { value: 'modern', text: '2026-07-28, without a handshake', spoken: { era: 'modern' } },
  { value: 'legacy', text: '2025-11-25 and older, with a handshake', spoken: { era: 'legacy' } },
  ...older.map((newest, place) => ({
    value: newest,
    text: place === older.length - 1 ? `${newest} only` : `${newest} and older`,
    spoken: { era: 'legacy' as const, newest },
  })),
]

/** What is asked of the host for the choice with this value; for an unknown one, whatever both speak. */
export function spokenOf(value: string): Choice['spoken'] {
  return (choices.find((choice) => choice.value === value) ?? choices[0]!).spoken
}

/** How a person was told to speak with a server; nothing where nothing was chosen. */
export function wordsOf({ era, newest }: { era: string; newest: string | null }): string | undefined {
  if (newest !== null) return `nothing newer than ${newest} was tried`
  if (era === 'modern') return 'only 2026-07-28 was tried'
  return era === 'legacy' ? 'only 2025-11-25 and older were tried' : undefined
}
