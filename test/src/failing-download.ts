import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ERROR_CODES, type ErrorCode } from '@damselfly/shared'
import type { Lab } from './lab.ts'
import { describe, type Exit, type ProgramName } from './program.ts'

const EXISTING = 'what was there before'

export interface FailureSettings {
  /** Whether a file is at the output path already. @default false */
  readonly existing?: boolean
  /** Lines on standard error that are no errors and come before. @default 0 */
  readonly notices?: number
}

/**
 * Runs a `dfget` that must fail with `code`, and checks that it does so as promised: exit code and line
 * of the error, and nothing new beside or in place of the output; what was there stays as it was.
 *
 * @param args the URL and whatever else but the output
 */
export async function failsCleanly(
  lab: Lab,
  args: readonly string[],
  code: ErrorCode,
  { existing = false, notices = 0 }: FailureSettings = {},
): Promise<Exit> {
  const folder = await mkdtemp(lab.path('output-'))
  const output = join(folder, 'out')
  if (existing) await writeFile(output, EXISTING)
  const exit = await lab.dfget([...args, '-o', output]).exited
  assertFailure(exit, code, notices)
  assert.deepEqual(await readdir(folder), existing ? ['out'] : [])
  if (existing) assert.equal(await readFile(output, 'utf8'), EXISTING)
  return exit
}

/** @param notices how many lines that are no errors come before */
export function assertFailure(exit: Exit, code: ErrorCode, notices = 0, program: ProgramName = 'dfget'): void {
  const kind = ERROR_CODES[code]
  assert.equal(exit.code, kind.exit, describe(exit))
  assert.equal(exit.stdout, '')
  const lines = exit.stderr.split('\n')
  assert.equal(lines.length, notices + 2, exit.stderr)
  assert.equal(lines.at(-1), '')
  assert.ok(lines.every((line) => line === '' || line.startsWith(`${program}: `)), exit.stderr)
  assert.ok(exit.stderr.endsWith(` [${code}]: ${kind.advice}\n`), exit.stderr)
}
