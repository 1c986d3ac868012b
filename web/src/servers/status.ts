import type { ServerStatusKind, ServerView } from '@/api/types'

export type Shape = 'disc' | 'ring' | 'spin' | 'diamond' | 'bar' | 'triangle'

/** Each status has a word and a shape; colour only repeats what they say. */
export const statuses: Record<ServerStatusKind, { word: string; shape: Shape; tone: 'ok' | 'bad' | 'accent' | 'plain' }> = {
  connecting: { word: 'connecting', shape: 'spin', tone: 'plain' },
  login_required: { word: 'log in', shape: 'diamond', tone: 'accent' },
  ready: { word: 'ready', shape: 'disc', tone: 'ok' },
  refused: { word: 'refused', shape: 'bar', tone: 'bad' },
  failed: { word: 'failed', shape: 'triangle', tone: 'bad' },
  disconnected: { word: 'reconnecting', shape: 'ring', tone: 'plain' },
}

/** What to call the person behind the token, out of whatever `/users/me/` answers. */
export function userName(server: ServerView): string | undefined {
  const user = server.user
  if (typeof user !== 'object' || user === null || Array.isArray(user)) return undefined
  const names = ['username', 'name', 'login', 'email', 'sub', 'id']
  const found = names.map((name) => (user as Record<string, unknown>)[name]).find((value) => typeof value === 'string' && value)
  return found as string | undefined
}

/** Host and path of a URL: what tells two servers apart at a glance. */
export function shortUrl(url: string): string {
  try {
    const parsed = new URL(url)
    return parsed.host + parsed.pathname.replace(/\/$/, '')
  } catch {
    return url
  }
}

export function originOf(url: string | null | undefined): string {
  try {
    return new URL(url ?? '').host
  } catch {
    return url ?? ''
  }
}
