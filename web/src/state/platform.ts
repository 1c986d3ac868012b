/** Apple keyboards have ⌘ where others have Ctrl. */
export const isApple = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform)

/** Whether the platform's command key is held. */
export function modifier(event: KeyboardEvent): boolean {
  return isApple ? event.metaKey : event.ctrlKey
}

/** Whether the keyboard belongs to a text field right now, so that single letters are text and not commands. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}
