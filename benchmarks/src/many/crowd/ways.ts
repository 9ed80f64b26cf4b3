import { mkdir, readdir, rm } from 'node:fs/promises'
import { messageOf } from '@damselfly/shared'
import { digestOf } from '@damselfly/test'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../../cpu-time.ts'
import { measured } from '../../measured.ts'
import { succeed } from '../../references/succeed.ts'
import { watchMemory } from '../resident-memory.ts'
import { downloadAll, type Outcome } from './all-at-once.ts'
import type { Setting } from './setting.ts'

/** All files, once. */
export interface Run {
  /** Until the last was there; seconds. */
  readonly wall: number
  /** Of each download, from the beginning of all; seconds. Empty for the reference. */
  readonly times: readonly number[]
  readonly failed: number
  readonly daemonCpu: number
  readonly supernodeCpu: number
  /** The most that the daemon had in memory meanwhile; bytes. */
  readonly daemonMemory: number
}

/** At most so many connections, which is the most that curl takes. */
const CURL_AT_ONCE = 300

export async function reference(setting: Setting): Promise<Run> {
  const { lab, nginx, files } = setting
  const outputs = lab.path('outputs')
  await mkdir(outputs)
  const args = files.flatMap(({ name }) => ['-o', `${outputs}/${name}`, nginx.url(name)])
  const { wall } = await measured({ cpu: cpuTimeOfEndedChildren }, async () => {
    await succeed(setting, 'curl', ['-sS', '-f', '-Z', '--parallel-max', String(CURL_AT_ONCE), ...args])
    await succeed(setting, 'openssl', ['dgst', '-sha256', ...files.map(({ name }) => `${outputs}/${name}`)])
  })
  if ((await readdir(outputs)).length !== files.length) throw new Error('curl did not bring every file')
  await rm(outputs, { recursive: true })
  return { wall, times: [], failed: 0, daemonCpu: 0, supernodeCpu: 0, daemonMemory: 0 }
}

/** Nobody has them. */
export async function cold(setting: Setting): Promise<Run> {
  return through(setting)
}

/** After `cold`: the daemon holds them. */
export async function warm(setting: Setting): Promise<Run> {
  return through(setting)
}

async function through({ nginx, files, daemon, supernode, report }: Setting): Promise<Run> {
  const urls = files.map(({ name }) => nginx.url(name))
  const { resident, result } = await watchMemory(daemon.program.pid, async () =>
    measured(
      {
        daemonCpu: async () => cpuTimeOf(daemon.program.pid),
        supernodeCpu: async () => cpuTimeOf(supernode.program.pid),
      },
      async () => downloadAll(daemon.socket, urls),
    ),
  )
  const outcomes = result.result
  for (const [error, count] of errorsOf(outcomes)) report(`${count} failed: ${error}`)
  return {
    wall: result.wall,
    ...result.used,
    times: outcomes.map(({ seconds }) => seconds),
    failed: await countWrong(outcomes, files),
    daemonMemory: Math.max(...resident),
  }
}

/** How often each error came. */
function errorsOf(outcomes: readonly Outcome[]): ReadonlyMap<string, number> {
  const errors = new Map<string, number>()
  for (const { error } of outcomes) {
    if (error === undefined) continue
    const message = messageOf(error)
    errors.set(message, (errors.get(message) ?? 0) + 1)
  }
  return errors
}

/** Those that failed, and those that are not what the origin serves. */
async function countWrong(outcomes: readonly Outcome[], files: Setting['files']): Promise<number> {
  let wrong = 0
  for (const [i, { finished }] of outcomes.entries()) {
    if (finished === undefined || (await digestOf(finished.path)) !== files[i]?.sha256) wrong++
  }
  return wrong
}

export function describeRun({ wall, failed, daemonMemory }: Run): string {
  const memory = daemonMemory === 0 ? '' : `, daemon ${(daemonMemory / 1e6).toFixed(0)} MB, ${failed} failed`
  return `${wall.toFixed(2)} s${memory}`
}
