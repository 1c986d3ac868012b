import type { Party } from '@/api/types'
import type { Group, Numbered } from '../group'
import { duration, outcomeOf, parties, pathOf, statusText, type Outcome } from '../words'

export interface Lane {
  party: Party
  title: string
  x: number
}

/** One exchange in the picture: an arrow there, and an arrow back once there is an answer. */
export interface Arrow {
  id: string
  number: number
  y: number
  from: number
  to: number
  label: string
  note: string
  answer?: { y: number; label: string }
  outcome: Outcome
  stream: number
  /** Which of the two grounds it stands on: labels have it around them, so that no lane runs through a word. */
  ground: number
}

export interface Band {
  title: string
  y: number
  height: number
}

/** Time in which nothing happened, said in words instead of drawn to scale. */
export interface Pause {
  y: number
  text: string
}

export interface Picture {
  width: number
  height: number
  lanes: Lane[]
  bands: Band[]
  arrows: Arrow[]
  pauses: Pause[]
}

const ORDER: Party[] = ['browser', 'client', 'authorization_server', 'mcp_server']
const TOP = 44
const BAND_HEAD = 26
const STEP = 54
const ANSWER = 22
const PAUSE = 26
const LONG_MS = 2000
const SIDE = 74
const MIN_GAP = 168

/** Lays the log out as a sequence diagram: lanes across, time downwards, one step an exchange. Pure arithmetic. */
export function layOut(groups: Group[], available: number): Picture {
  const present = new Set(groups.flatMap((group) => group.items.flatMap(({ view }) => [view.exchange.from, view.exchange.to])))
  const shown = ORDER.filter((party) => present.has(party))
  const gap = Math.max(MIN_GAP, (available - 2 * SIDE) / Math.max(1, shown.length - 1))
  const lanes = shown.map((party, at) => ({ party, title: parties[party], x: Math.round(SIDE + at * gap) }))
  const x = new Map(lanes.map((lane) => [lane.party, lane.x]))
  const picture: Picture = { width: Math.round(2 * SIDE + gap * Math.max(0, shown.length - 1)), height: 0, lanes, bands: [], arrows: [], pauses: [] }
  let y = TOP
  let before: number | undefined
  for (const group of groups) {
    const start = y
    y += BAND_HEAD
    for (const item of group.items) {
      const idle = before === undefined ? 0 : item.view.exchange.at - before
      if (idle > LONG_MS) {
        picture.pauses.push({ y: y + PAUSE / 2, text: `${duration(idle)} later` })
        y += PAUSE
      }
      picture.arrows.push({ ...arrow(item, y + 18, x), ground: picture.bands.length % 2 })
      y += STEP
      before = item.view.exchange.at + (item.view.exchange.duration_ms ?? 0)
    }
    picture.bands.push({ title: group.title, y: start, height: y - start })
  }
  picture.height = y + 16
  return picture
}

function arrow({ number, view: { exchange } }: Numbered, y: number, x: Map<Party, number>): Omit<Arrow, 'ground'> {
  const rpc = [exchange.rpc?.method, exchange.rpc?.name].filter(Boolean).join(' ')
  const status = statusText(exchange)
  const time = duration(exchange.duration_ms)
  const done = exchange.response !== null || exchange.status === 'failed'
  return {
    id: exchange.id,
    number,
    y,
    from: x.get(exchange.from) ?? 0,
    to: x.get(exchange.to) ?? 0,
    label: `${exchange.request.method} ${rpc || pathOf(exchange.request.url).split('?')[0]}`,
    note: exchange.narration.what,
    outcome: outcomeOf(exchange),
    stream: exchange.response ? exchange.response.events.length + exchange.response.events_dropped : 0,
    ...(done ? { answer: { y: y + ANSWER, label: time ? `${status}, ${time}` : status } } : {}),
  }
}

/** Cuts a label to what fits between two lanes: `~` 6.6 px a character in 11 px monospace. */
export function fit(label: string, width: number): string {
  const room = Math.max(6, Math.floor((width - 18) / 6.7))
  return label.length <= room ? label : `${label.slice(0, room - 1)}…`
}
