import { rm } from 'node:fs/promises'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { measured } from '../measured.ts'
import { peakMemory } from '../process-memory.ts'
import { curlAndDigest } from '../references/checked-download.ts'
import { succeed } from '../references/succeed.ts'
import { warmMemory } from '../warm-memory.ts'
import type { Security } from './host.ts'
import { CONTENT_LENGTH, LIMITED_LENGTH, type Setting } from './setting.ts'

/** One way, once. */
export interface Run {
  /** What is compared in the end; seconds. */
  readonly seconds: number
  /** Of the program that is compared; CPU-seconds. */
  readonly cpu: number
  /** Body bytes that the origin sent in relation to the content; only from the paced origin. */
  readonly fromOrigin: number
  /** When the last child had been offered something; seconds, only from the paced origin. */
  readonly last: number
  /** The most that the supernode has had in memory; bytes, 0 for other programs. */
  readonly memory: number
}

const NOTHING = { fromOrigin: 0, last: 0, memory: 0 } as const

/** The first piece of the content that has pieces of so many bytes. */
const FIRST_PIECE = `0-${4 * 1024 * 1024 - 1}`

export async function reference(setting: Setting): Promise<Run> {
  const output = setting.lab.path('reference')
  await warmMemory(setting.lab.path(), 2 * CONTENT_LENGTH)
  const { wall, used } = await measured({ cpu: cpuTimeOfEndedChildren }, async () => curlAndDigest(setting, setting.nginx.url('file'), output))
  await rm(output)
  return { ...NOTHING, seconds: wall, cpu: used.cpu }
}

/** One child asks and takes nothing, so that all that the supernode does is to fetch. */
export async function fetch(setting: Setting): Promise<Run> {
  const { lab, host, nginx, supernode } = setting
  await warmMemory(lab.path(), 2 * CONTENT_LENGTH)
  return ofSupernode(setting, async () => {
    const told = await host.call('askAlone', { url: nginx.url('file') })
    const requests = await nginx.requests('file')
    if (requests.length === 0) throw new Error(`the supernode ${supernode.peerId} has not asked the origin`)
    return told?.whole ?? Number.NaN
  })
}

/** What is done with the bytes that come: they are hashed and compared with a digest, or not looked at. */
export type Look = 'checked' | 'unchecked'

/** After `fetch`: the same content from the CDN's disk into the memory of a child. */
export function hit(security: Security, look: Look): (setting: Setting) => Promise<Run> {
  const checks = look === 'checked'
  return async (setting) => ofSupernode(setting, async () => setting.host.call('receive', { url: setting.nginx.url('file'), security, checks }))
}

/** The same file from nginx into the memory of the same process. */
export function fromNginx(security: Security, look: Look): (setting: Setting) => Promise<Run> {
  return async ({ host, nginx, ...setting }) => {
    const digest = look === 'checked' ? setting.digest : undefined
    const url = security === 'tls' ? nginx.tlsUrl('file') : nginx.url('file')
    const cpu = async (): Promise<number> => nginx.cpuTime(cpuTimeOf)
    const { used, result } = await measured({ cpu }, async () => host.call('read', { url, digest }))
    return { ...NOTHING, seconds: result, cpu: used.cpu }
  }
}

/** What curl needs for the bytes of the first piece. */
export async function curlFirst(setting: Setting): Promise<Run> {
  const { wall, used } = await measured({ cpu: cpuTimeOfEndedChildren }, async () =>
    succeed(setting, 'curl', ['-sS', '-f', '-r', FIRST_PIECE, '-o', '/dev/null', setting.lineUrl]),
  )
  return { ...NOTHING, seconds: wall, cpu: used.cpu }
}

/** All children ask for what nobody has. */
export async function crowd(setting: Setting): Promise<Run> {
  const { host, paced, lineUrl, lab } = setting
  await warmMemory(lab.path(), CONTENT_LENGTH)
  await paced.call('sent', {})
  let last = Number.NaN
  const run = await ofSupernode(setting, async () => {
    const told = await host.call('askAll', { url: lineUrl })
    const first = told.map(({ firstPiece }) => firstPiece)
    last = Math.max(...first)
    return Math.min(...first)
  })
  return { ...run, last, fromOrigin: (await paced.call('sent', {})) / CONTENT_LENGTH }
}

/** What curl needs for a content whose origin limits each connection. */
export async function curlLimited(setting: Setting): Promise<Run> {
  const { wall, used } = await measured({ cpu: cpuTimeOfEndedChildren }, async () =>
    succeed(setting, 'curl', ['-sS', '-f', '-o', '/dev/null', setting.limitedUrl]),
  )
  return { ...NOTHING, seconds: wall, cpu: used.cpu }
}

/** The same by the supernode, over as many connections as help. */
export async function limited(setting: Setting): Promise<Run> {
  const { host, paced, limitedUrl } = setting
  await paced.call('sent', {})
  const run = await ofSupernode(setting, async () => (await host.call('askAlone', { url: limitedUrl }))?.whole ?? Number.NaN)
  return { ...run, fromOrigin: (await paced.call('sent', {})) / LIMITED_LENGTH }
}

/** @param work what is measured; seconds */
async function ofSupernode({ supernode }: Setting, work: () => Promise<number>): Promise<Run> {
  const { pid } = supernode.program
  const { used, result } = await measured({ cpu: async () => cpuTimeOf(pid) }, work)
  return { ...NOTHING, seconds: result, cpu: used.cpu, memory: await peakMemory(pid) }
}

export function describeRun({ seconds, cpu, memory }: Run): string {
  return `${seconds.toFixed(3)} s, ${cpu.toFixed(2)} CPU-s${memory === 0 ? '' : `, ${(memory / 1e6).toFixed(0)} MB`}`
}
