/** Saves a picture as a file of its own: colours resolved for the theme that is shown, nothing left of the page in it. */
export function saveSvg(svg: SVGSVGElement, name: string): void {
  const blob = new Blob([standalone(svg)], { type: 'image/svg+xml' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `${name.replaceAll(/[^\w.-]+/g, '-')}.svg`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

export function standalone(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement
  for (const head of copy.querySelectorAll('[data-head]')) head.removeAttribute('transform')
  for (const element of [copy, ...copy.querySelectorAll('*')]) {
    for (const attribute of [...element.attributes]) {
      if (/^(class|data-|tabindex|role|aria-)/.test(attribute.name)) element.removeAttribute(attribute.name)
    }
  }
  const style = getComputedStyle(svg)
  const text = new XMLSerializer().serializeToString(copy)
  return text.replaceAll('<!---->', '').replaceAll(/var\((--[\w-]+)\)/g, (_, variable: string) => style.getPropertyValue(variable).trim() || 'currentColor')
}
