import { ERROR_CODES, EXIT } from '@damselfly/shared'
import { pageText, table, type Page } from './page.ts'

export const errorsPage: Page = { name: 'errors.md', write: async () => errors() }

function errors(): string {
  const codes = Object.entries(ERROR_CODES).map(([code, { meaning, advice, exit, http }]) => {
    return [`\`${code}\``, meaning, advice, String(exit), String(http)]
  })
  const exits = Object.entries(EXIT).map(([name, exit]) => [String(exit), name.replaceAll(/[A-Z]/g, ' $&').toLowerCase()])
  return pageText('Errors', [
    'Each error has a code that never changes. Programs print it in brackets, APIs answer it as `code`.',
    table(['Code', 'Thrown when', 'What to do', 'Exit code', 'HTTP status'], codes),
    '## Exit codes',
    table(['Exit code', 'Kind'], exits),
  ])
}
