import { cpuTimeOf } from '../cpu-time.ts'
import { Caller } from '../lanes/remote-calls.ts'
import { downloadThrough } from '../many/small-download.ts'
import { watchMemory } from '../many/resident-memory.ts'
import { measured, sumOf } from '../measured.ts'
import type { AttackerCalls } from './attacker.ts'
import type { AttackName } from './attacks.ts'
import type { Setting } from './setting.ts'
import { until } from './until.ts'

export interface Run {
  /** Until the last honest peer had its content; seconds. */
  readonly wall: number
  /** The most that the supernode had in memory; bytes. */
  readonly supernodeMemory: number
  readonly supernodeCpu: number
  readonly attackerCpu: number
  /** Honest peers that went to the origin themselves, since the supernode did not answer in time. */
  readonly strayed: number
  /** What the attacker did meanwhile: handshakes, messages, requests. */
  readonly done: number
}

/** In which an attack gets going; milliseconds. */
const HEAD_START_MS = 3000

/** Far beyond what a download takes; milliseconds. */
const TIME_LIMIT_MS = 120_000

let version = 0

/** Honest peers download contents that nobody has had, alone. */
export async function calm(setting: Setting): Promise<Run> {
  return { ...(await downloads(setting, async () => 0)), done: 0 }
}

/** The same while somebody attacks. */
export function under(name: AttackName): (setting: Setting) => Promise<Run> {
  return async (setting) => {
    const attacker = new Caller<AttackerCalls>(new URL('attacker.ts', import.meta.url))
    try {
      await attacker.call('start', { name, target: setting.target })
      await until(new AbortController().signal, HEAD_START_MS)
      const run = await downloads(setting, async () => cpuTimeOf(attacker.pid))
      return { ...run, done: await attacker.call('stop', undefined) }
    } finally {
      await attacker.stop()
    }
  }
}

async function downloads({ supernode, daemons, nginx }: Setting, attackerCpu: () => Promise<number>): Promise<Omit<Run, 'done'>> {
  const signal = AbortSignal.timeout(TIME_LIMIT_MS)
  const url = nginx.url(`file?${version++}`)
  const { pid } = supernode.program
  const { result, resident } = await watchMemory(pid, async () =>
    measured({ supernode: sumOf([async () => cpuTimeOf(pid)]), attacker: attackerCpu }, async () =>
      Promise.all(daemons.map(async ({ socket }) => downloadThrough(socket, url, signal))),
    ),
  )
  const strayed = result.result.filter(({ backToSource }) => backToSource !== undefined).length
  return { wall: result.wall, strayed, supernodeMemory: Math.max(...resident), supernodeCpu: result.used.supernode, attackerCpu: result.used.attacker }
}
