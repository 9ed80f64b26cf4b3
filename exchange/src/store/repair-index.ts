import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Opened once, since what is left of the damage may be met only then. */
const REPAIR = `
  const [level, location] = process.argv.slice(1)
  const { ClassicLevel } = await import(level)
  await ClassicLevel.repair(location)
  const index = new ClassicLevel(location)
  await index.open()
  await index.close()
`

/**
 * Repairs the index in a process of its own: some damage lets LevelDB end the process that meets it, by an assertion of its
 * own, which would do so at every start.
 *
 * @throws Error with what LevelDB said, or that it has ended the process
 */
export async function repairIndex(location: string): Promise<void> {
  await run(process.execPath, ['--input-type=module', '--eval', REPAIR, import.meta.resolve('classic-level'), location])
}
