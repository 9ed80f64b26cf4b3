import { setTimeout as sleep } from 'node:timers/promises'
import type { Supernode } from '@damselfly/test'
import { cpuTimeOf } from '../../cpu-time.ts'
import { measured } from '../../measured.ts'
import { watchMemory } from '../resident-memory.ts'
import type { Setting } from './setting.ts'

/** In which what came before dies down; milliseconds. */
const CALM_MS = 10_000

const IDLE_MS = 20_000

const TALK_SECONDS = 12

/** Peers that talk, in all. */
const ACTIVE = 200

export interface Idle {
  /** Part of one core. */
  readonly cpu: number
  /** The most; bytes. */
  readonly memory: number
}

export interface Talk {
  /** Both ways, handled by a second of the supernode's CPU time. */
  readonly messagesPerCpuSecond: number
  readonly messagesPerSecond: number
  /** The most; bytes. */
  readonly memory: number
}

/** Nobody wants anything. */
export async function idle(supernode: Supernode): Promise<Idle> {
  await sleep(CALM_MS)
  const { resident, result } = await watchMemory(supernode.program.pid, async () =>
    measured({ cpu: async () => cpuTimeOf(supernode.program.pid) }, async () => sleep(IDLE_MS)),
  )
  return { cpu: result.used.cpu / result.wall, memory: Math.max(...resident) }
}

/** Some of the peers fetch without moving bytes, as fast as the supernode answers; the others stay. */
export async function talk({ hosts }: Setting, supernode: Supernode): Promise<Talk> {
  const call = { active: ACTIVE / hosts.length, seconds: TALK_SECONDS }
  const { resident, result } = await watchMemory(supernode.program.pid, async () =>
    measured({ cpu: async () => cpuTimeOf(supernode.program.pid) }, async () =>
      Promise.all(hosts.map(async (host) => host.call('talk', call))),
    ),
  )
  const messages = result.result.reduce((sum, count) => sum + count, 0)
  return {
    messagesPerCpuSecond: messages / result.used.cpu,
    messagesPerSecond: messages / result.wall,
    memory: Math.max(...resident),
  }
}
