import { execFile } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'
import { promisify } from 'node:util'
import type { Machine } from './figure.ts'

const run = promisify(execFile)

export function describeMachine(): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memory: totalmem(),
    os: `${type()} ${release()}`,
    node: process.version,
  }
}

/** What benchmarks write themselves does not change what is measured. */
const OWN_RESULTS = [':/', ':!/benchmarks/results', ':!/docs/performance', ':!/docs/performance.md']

/** The commit of this checkout, with `-dirty` when files differ from it; empty where there is no checkout. */
export async function describeCommit(): Promise<string> {
  try {
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
    const { stdout: changes } = await run('git', ['status', '--porcelain', '--untracked-files=no', '--', ...OWN_RESULTS], {
      cwd: import.meta.dirname,
    })
    return `${commit.trim()}${changes === '' ? '' : '-dirty'}`
  } catch {
    return ''
  }
}
