import { rm } from 'node:fs/promises'
import { Agent, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { Daemon } from '@damselfly/test'
import { median } from '../figure.ts'
import { measured } from '../measured.ts'
import { peakMemory } from '../process-memory.ts'
import { succeed } from '../references/succeed.ts'
import { warmMemory } from '../warm-memory.ts'
import { bytesOfBlobs, REPOSITORY, type ImageName, type Setting } from './setting.ts'

/** One way, once. */
export interface Run {
  /** What is compared; seconds. */
  readonly seconds: number
  /** Of blobs, sent by the registry meanwhile. */
  readonly fromRegistry: number
  /** Requests that failed. */
  readonly errors: number
  /** The most that the daemon has had in memory; bytes, 0 without one. */
  readonly memory: number
}

const HEADS = 30
const FIRST_BYTES = 10
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

/** As a node pulls, with a client that does nothing else: to a folder. */
export function pull(image: ImageName, through?: 'cold' | 'second'): (setting: Setting) => Promise<Run> {
  return async (setting) => {
    const { lab, server, lengths } = setting
    const daemon = through === undefined ? undefined : setting[through]
    const conf = lab.path(`${daemon?.peerId ?? 'direct'}.conf`)
    const output = lab.path('pulled')
    // Its copy, and that of the client.
    await warmMemory(lab.path(), 3 * lengths[image])
    return ofDaemon(setting, daemon, async () => {
      const args = ['--insecure-policy', '--registries-conf', conf, 'copy', '--quiet', `docker://${server.authority}/${REPOSITORY}:${image}`, `dir:${output}`]
      const { wall } = await measured({}, async () => succeed(setting, 'skopeo', args))
      await rm(output, { recursive: true })
      return wall
    })
  }
}

/** The median time until the first byte of a blob that nobody has pulled yet. */
export function firstByte(through?: 'cold'): (setting: Setting) => Promise<Run> {
  return async (setting) => {
    // Each way has blobs of its own.
    const blobs = setting.coldBlobs.slice(through === undefined ? 0 : FIRST_BYTES).slice(0, FIRST_BYTES)
    return medianOf(setting, through, blobs.map((digest) => `blobs/${digest}`), 'GET')
  }
}

/** The median time of a manifest's HEAD. */
export function manifestHead(through?: 'cold'): (setting: Setting) => Promise<Run> {
  return async (setting) => medianOf(setting, through, Array.from({ length: HEADS }, () => 'manifests/large'), 'HEAD')
}

/** Many small blobs at once. */
export async function manyAtOnce(setting: Setting): Promise<Run> {
  let errors = 0
  const run = await ofDaemon(setting, setting.cold, async () => {
    const agent = new Agent()
    const { wall } = await measured({}, async () =>
      Promise.all(
        setting.smallBlobs.map(async (digest) => {
          const isWell = await ask(agent, urlOf(setting, 'cold', `blobs/${digest}`), 'GET').then(() => true, () => false)
          if (!isWell) errors++
        }),
      ),
    )
    agent.destroy()
    return wall
  })
  return { ...run, errors }
}

async function medianOf(setting: Setting, through: 'cold' | undefined, paths: readonly string[], method: 'GET' | 'HEAD'): Promise<Run> {
  return ofDaemon(setting, through === undefined ? undefined : setting.cold, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const seconds: number[] = []
    for (const path of paths) seconds.push(await ask(agent, urlOf(setting, through, path), method))
    agent.destroy()
    return median(seconds)
  })
}

function urlOf({ server, cold }: Setting, through: 'cold' | undefined, path: string): string {
  const below = `/v2/${REPOSITORY}/${path}`
  return through === undefined ? `http://${server.authority}${below}` : `${cold.mirror}${below}?ns=${encodeURIComponent(server.authority)}`
}

/** @returns seconds until the first byte, or until the answer where it has no body */
async function ask(agent: Agent, url: string, method: 'GET' | 'HEAD'): Promise<number> {
  const started = performance.now()
  const asking = request(url, { agent, method, headers: { accept: `${MANIFEST_TYPE}, */*` } }).end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`)
  let first = method === 'HEAD' ? performance.now() : Number.NaN
  for await (const _chunk of answer) if (Number.isNaN(first)) first = performance.now()
  return (first - started) / 1000
}

/** @param work what is compared; seconds */
async function ofDaemon({ server }: Setting, daemon: Daemon | undefined, work: () => Promise<number>): Promise<Run> {
  const before = server.answers.length
  const seconds = await work()
  const fromRegistry = bytesOfBlobs(server.answers.slice(before))
  return { seconds, fromRegistry, errors: 0, memory: daemon === undefined ? 0 : await peakMemory(daemon.program.pid) }
}

export function describeRun({ seconds, fromRegistry, errors, memory }: Run): string {
  const failed = errors === 0 ? '' : `, ${errors} errors`
  const held = memory === 0 ? '' : `, ${(memory / 1e6).toFixed(0)} MB`
  return `${(seconds * 1000).toFixed(1)} ms, ${(fromRegistry / 1e6).toFixed(1)} MB of blobs from the registry${failed}${held}`
}
