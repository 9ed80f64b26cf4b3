import { rm } from 'node:fs/promises'
import type { ChannelKind } from '@damselfly/exchange'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { measured } from '../measured.ts'
import { curlAndDigest } from '../references/checked-download.ts'
import { warmMemory } from '../warm-memory.ts'
import type { Calls, Caller } from './remote-calls.ts'
import { FILE, type Setting } from './setting.ts'

/** One way of moving the content, once. */
export interface Run {
  /** Seconds. */
  readonly wall: number
  /** CPU-seconds. */
  readonly senderCpu: number
  readonly receiverCpu: number
  readonly totalCpu: number
}

/** `curl`, then `openssl dgst`, of a file that nginx serves. */
export async function reference(setting: Setting): Promise<Run> {
  const { lab, nginx } = setting
  const output = lab.path('reference')
  await warm(setting)
  const { wall, used } = await measured(
    { senderCpu: async () => nginx.cpuTime(cpuTimeOf), receiverCpu: cpuTimeOfEndedChildren },
    async () => curlAndDigest(setting, nginx.url(FILE), output),
  )
  await rm(output)
  return runOf(wall, used)
}

/** From the store of one peer through a lane into the store of another, where each piece is hashed. */
export function lane(kind: ChannelKind): (setting: Setting) => Promise<Run> {
  return async (setting) => {
    const { sender, receiver, known: introduction } = setting.peers
    const run = await between(setting, sender, receiver, async () =>
      receiver.call('fetch', { kind, introduction, length: setting.length }),
    )
    await receiver.call('forget', {})
    return run
  }
}

export async function stock(setting: Setting): Promise<Run> {
  const { sender, receiver, known: address } = setting.stock
  return between(setting, sender, receiver, async () => receiver.call('fetch', { address, expected: setting.length }))
}

export async function raw(setting: Setting): Promise<Run> {
  const { sender, receiver, known: port } = setting.raw
  return between(setting, sender, receiver, async () => receiver.call('fetch', { port, expected: setting.length }))
}

async function between(
  setting: Setting,
  sender: Caller<Calls>,
  receiver: Caller<Calls>,
  fetch: () => Promise<number>,
): Promise<Run> {
  await warm(setting)
  const { used, result: wall } = await measured(
    { senderCpu: async () => cpuTimeOf(sender.pid), receiverCpu: async () => cpuTimeOf(receiver.pid) },
    fetch,
  )
  return runOf(wall, used)
}

async function warm({ lab, length }: Setting): Promise<void> {
  // The file, and what the processes take for it.
  await warmMemory(lab.path(), 1.25 * length)
}

function runOf(wall: number, used: Readonly<Record<'senderCpu' | 'receiverCpu', number>>): Run {
  return { wall, ...used, totalCpu: used.senderCpu + used.receiverCpu }
}

export function describeRun({ wall, totalCpu }: Run): string {
  return `${wall.toFixed(2)} s, ${totalCpu.toFixed(2)} CPU-s`
}
