/** Expands a URI template (RFC 6570) with plain string values; lists and maps do not occur in MCP's. */
export function expand(template: string, values: Record<string, string>): string {
  return template.replaceAll(/\{([+#./;?&]?)([^{}]+)\}/g, (_, operator: string, list: string) => {
    const rule = rules[operator] ?? rules['']!
    const parts = list.split(',').flatMap((spec) => {
      const { name, length } = nameOf(spec)
      const value = values[name]
      if (value === undefined || value === '') return []
      const encoded = encode(length === undefined ? value : [...value].slice(0, length).join(''), rule.reserved)
      return [rule.named ? `${name}=${encoded}` : encoded]
    })
    return parts.length ? rule.first + parts.join(rule.separator) : ''
  })
}

/** Whether a URI can come from a template: what the calls of a template are found by. */
export function matches(template: string, uri: string): boolean {
  const pattern = template
    .split(/(\{[^{}]+\})/)
    .map((part) => (part.startsWith('{') ? '.*' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('')
  return new RegExp(`^${pattern}$`, 's').test(uri)
}

interface Rule {
  first: string
  separator: string
  named: boolean
  /** Reserved characters pass as they are. */
  reserved: boolean
}

const rules: Record<string, Rule> = {
  '': { first: '', separator: ',', named: false, reserved: false },
  '+': { first: '', separator: ',', named: false, reserved: true },
  '#': { first: '#', separator: ',', named: false, reserved: true },
  '.': { first: '.', separator: '.', named: false, reserved: false },
  '/': { first: '/', separator: '/', named: false, reserved: false },
  ';': { first: ';', separator: ';', named: true, reserved: false },
  '?': { first: '?', separator: '&', named: true, reserved: false },
  '&': { first: '&', separator: '&', named: true, reserved: false },
}

function nameOf(spec: string): { name: string; length?: number } {
  const [name = '', length] = spec.trim().replace(/\*$/, '').split(':')
  return length === undefined ? { name } : { name, length: Number(length) }
}

function encode(value: string, reserved: boolean): string {
  const encoded = encodeURIComponent(value).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  return reserved ? encoded.replaceAll(/%(3A|2F|3F|23|5B|5D|40|21|24|26|27|28|29|2A|2B|2C|3B|3D)/g, (code) => decodeURIComponent(code)) : encoded
}
