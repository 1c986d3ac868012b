import type { IconName } from '@/ui/icons'

export interface Command {
  id: string
  group: string
  text: string
  about?: string
  icon: IconName
  run: () => unknown
}

/** Every word somewhere in the command; names that begin with what was typed come first. */
export function search(commands: Command[], text: string, limit = 60): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const first = words[0]
  if (first === undefined) return commands.filter((command) => command.group !== 'Exchanges').slice(0, limit)
  const found = commands.filter((command) => {
    const all = `${command.text} ${command.about ?? ''} ${command.group}`.toLowerCase()
    return words.every((word) => all.includes(word))
  })
  const rank = (command: Command) => (command.text.toLowerCase().startsWith(first) ? 0 : command.text.toLowerCase().includes(first) ? 1 : 2)
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, limit)
}
