import { rm } from 'node:fs/promises'
import { digestOf, type Daemon, type DownloadDone } from '@damselfly/test'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { measured, sumOf } from '../measured.ts'
import { ariaAndDigest, curlAndDigest } from '../references/checked-download.ts'
import { warmMemory } from '../warm-memory.ts'
import { FILE, type Setting } from './setting.ts'

/** One way of getting the file, once. */
export interface Run {
  /** Seconds. */
  readonly wall: number
  readonly clientCpu: number
  readonly supernodeCpu: number
  readonly peersCpu: number
  readonly originCpu: number
  /** Of the four. */
  readonly totalCpu: number
  /** Body bytes that the origin sent, in relation to the file. */
  readonly fromOrigin: number
  /** Of all bytes that peers received. */
  readonly fromPeers: number
}

export async function reference(setting: Setting): Promise<Run> {
  const output = setting.lab.path('reference')
  return once(setting, [output], async () => {
    await curlAndDigest(setting, setting.nginx.url(FILE), output)
    return []
  })
}

export async function aria2(setting: Setting): Promise<Run> {
  const output = setting.lab.path('aria2')
  return once(setting, [output], async () => {
    await ariaAndDigest(setting, setting.nginx.url(FILE), output)
    return []
  })
}

export async function cold(setting: Setting): Promise<Run> {
  return through(setting, setting.peers.slice(0, 1), FILE)
}

/** After `cold`. */
export async function warm(setting: Setting): Promise<Run> {
  return through(setting, setting.peers.slice(1, 2), FILE)
}

export async function coldEncrypted(setting: Setting): Promise<Run> {
  return through(setting, setting.encryptedPeers.slice(0, 1), ENCRYPTED)
}

/** After `coldEncrypted`. */
export async function warmEncrypted(setting: Setting): Promise<Run> {
  return through(setting, setting.encryptedPeers.slice(1, 2), ENCRYPTED)
}

export async function three(setting: Setting): Promise<Run> {
  return through(setting, setting.peers, THREE)
}

// Another query is another task, while the file and nginx's cache of it stay the same.
const ENCRYPTED = `${FILE}?encrypted`
const THREE = `${FILE}?three`

async function through(setting: Setting, peers: readonly Daemon[], path: string): Promise<Run> {
  const { lab, nginx } = setting
  const downloads = peers.map((peer, i) => ({ peer, output: lab.path(`output-${i}`) }))
  return once(
    setting,
    downloads.map(({ output }) => output),
    async () => Promise.all(downloads.map(({ peer, output }) => lab.download(nginx.url(path), output, peer).done())),
  )
}

async function once(setting: Setting, outputs: readonly string[], way: () => Promise<readonly DownloadDone[]>): Promise<Run> {
  const { lab, nginx, supernode, peers, encryptedPeers, digest, length } = setting
  const bytesBefore = await nginx.bodyBytes(FILE)
  await warmMemory(lab.path(), warmBytes(length))
  const { wall, used, result } = await measured(
    {
      clientCpu: cpuTimeOfEndedChildren,
      supernodeCpu: async () => cpuTimeOf(supernode.program.pid),
      peersCpu: sumOf([...peers, ...encryptedPeers].map(({ program }) => async () => cpuTimeOf(program.pid))),
      originCpu: async () => nginx.cpuTime(cpuTimeOf),
    },
    way,
  )
  await checkAndRemove(outputs, digest)
  const received = result.reduce((sum, { contentLength }) => sum + contentLength, 0)
  const fromPeers = result.reduce((sum, { bytesFrom }) => sum + bytesFrom.peers, 0)
  return {
    wall,
    ...used,
    totalCpu: Object.values(used).reduce((sum, seconds) => sum + seconds, 0),
    fromOrigin: ((await nginx.bodyBytes(FILE)) - bytesBefore) / length,
    fromPeers: received === 0 ? 0 : fromPeers / received,
  }
}

/** A cold download alone writes three copies: the CDN's, the daemon's and the output. */
function warmBytes(length: number): number {
  return 4 * length
}

async function checkAndRemove(outputs: readonly string[], digest: string): Promise<void> {
  for (const output of outputs) {
    if ((await digestOf(output)) !== digest) throw new Error(`${output} is not what the origin serves`)
    await rm(output)
  }
}

export function describeRun({ wall, totalCpu }: Run): string {
  return `${wall.toFixed(2)} s, ${totalCpu.toFixed(2)} CPU-s`
}
