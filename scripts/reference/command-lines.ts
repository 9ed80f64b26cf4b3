import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../checks.ts'
import { pageText, type Page } from './page.ts'

const run = promisify(execFile)

const PROGRAMS = ['supernode', 'dfdaemon', 'dfget'] as const

export const commandLinesPage: Page = { name: 'cli.md', write: commandLines }

async function commandLines(): Promise<string> {
  const helps = await Promise.all(PROGRAMS.map(helpOf))
  return pageText('Command lines', [
    'What each program answers to `--help`. Everything that can be configured, by file and environment too, is in the settings of\n' +
      '[supernode](supernode-config.md), [dfdaemon](dfdaemon-config.md) and [dfget](dfget-config.md).',
    ...PROGRAMS.map((program, i) => `## ${program}\n\n\`\`\`text\n${helps[i]}\n\`\`\``),
  ])
}

async function helpOf(program: string): Promise<string> {
  const main = join(ROOT, program, 'src/main.ts')
  const { stdout } = await run(process.execPath, ['--conditions=development', main, '--help'])
  return stdout.trimEnd()
}
