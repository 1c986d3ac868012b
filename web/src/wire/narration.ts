import type { Citation, Conclusion, Narration } from '@/api/types'

/** What was concluded last: what the row says once there is an answer. */
export function lastConclusion(narration: Narration): Conclusion | undefined {
  return narration.conclusions.at(-1)
}

/** The one citation that fits in a row: the rule that decided, or else the rule that the step follows. */
export function citationOf(narration: Narration): Citation | undefined {
  return narration.conclusions.findLast((conclusion) => conclusion.rule)?.rule ?? narration.rule ?? undefined
}
