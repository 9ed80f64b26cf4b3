/** A page that is made from the code, so that it cannot say anything else. */
export interface Page {
  /** Below `docs/reference/`. */
  readonly name: string
  write(): Promise<string>
}

const GENERATED = '<!-- Written by `npm run docs`; change the code instead. -->'

/** A page's text below its title. */
export function pageText(title: string, paragraphs: readonly string[]): string {
  return `${[`# ${title}`, GENERATED, ...paragraphs].join('\n\n')}\n`
}

/** A GitHub table. Cells must not contain line breaks. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
