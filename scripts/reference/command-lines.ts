import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../checks.ts'
import { pageText, type Page } from './page.ts'

const run = promisify(execFile)

const COMMANDS = ['supernode', 'dfdaemon', 'dfdaemon setup', 'dfdaemon doctor', 'dfget', 'dfget explain', 'dfget preheat', 'dfget list', 'dfget pin', 'dfget unpin', 'dfget evict', 'dfget token', 'dfget token create', 'dfget audit', 'dfget peer', 'dfget peer revoke'] as const

export const commandLinesPage: Page = { name: 'cli.md', write: commandLines }

async function commandLines(): Promise<string> {
  const helps = await Promise.all(COMMANDS.map(helpOf))
  return pageText('Command lines', [
    'What each program answers to `--help`. Everything that can be configured, by file and environment too, is in the settings of\n' +
      '[supernode](supernode-config.md), [dfdaemon](dfdaemon-config.md) and [dfget](dfget-config.md).',
    ...COMMANDS.map((command, i) => `## ${command}\n\n\`\`\`text\n${helps[i]}\n\`\`\``),
  ])
}

async function helpOf(command: string): Promise<string> {
  const [program = '', ...words] = command.split(' ')
  const main = join(ROOT, program, 'src/main.ts')
  const { stdout } = await run(process.execPath, ['--conditions=development', main, ...words, '--help'])
  return stdout.trimEnd()
}
