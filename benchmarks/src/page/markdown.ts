/** As in `.editorconfig`; characters. */
const LINE_WIDTH = 120

/** One paragraph, its line breaks laid anew. */
export function paragraph(text: string): string {
  return wrap(text, '', '')
}

export function list(items: readonly string[]): string {
  return items.map((item) => wrap(item, '- ', '  ')).join('\n')
}

function wrap(text: string, first: string, following: string): string {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (!isEmpty && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line)
      line = following
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line].join('\n')
}

/** What a heading is linked by, as GitHub makes it of plain words. */
export function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w -]/g, '').replaceAll(' ', '-')
}
