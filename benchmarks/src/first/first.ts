import { rm } from 'node:fs/promises'
import { digestOf, isInstalled, Lab, NGINX, writeRandomFile, type Daemon, type DownloadDone, type Nginx, type Supernode } from '@damselfly/test'
import type { Bench } from '../bench.ts'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { figure, type Figure, type Goal, type Unit } from '../figure.ts'

/** Bytes. */
const FILE_BYTES = 512 * 1024 * 1024

/** Each compares all ways once, one after the other; the first, which warms up, does not count. */
const ROUNDS = 4

const CURL = '/usr/bin/curl'
const OPENSSL = '/usr/bin/openssl'

/** What a person does without us, and what it takes through us, side by side. */
export const firstBench: Bench = {
  name: 'first',
  title: 'curl + openssl dgst, dfget cold and warm, three peers cold; 512 MiB from nginx on loopback',
  run: async (report) => {
    for (const program of [NGINX, CURL, OPENSSL]) {
      if (!(await isInstalled(program))) throw new Error(`${program} is not installed`)
    }
    const originLab = await Lab.create()
    try {
      const nginx = await originLab.nginx()
      const digest = await writeRandomFile(`${nginx.root}/file`, FILE_BYTES, 1)
      return figures(await measure(nginx, digest, report))
    } finally {
      await originLab.stop()
    }
  },
}

interface Setting {
  readonly lab: Lab
  readonly nginx: Nginx
  readonly supernode: Supernode
  readonly peers: readonly Daemon[]
  readonly digest: string
}

/** One way of getting the file, once. */
interface Run {
  /** Seconds. */
  readonly wall: number
  readonly clientCpu: number
  readonly supernodeCpu: number
  readonly peersCpu: number
  readonly originCpu: number
  /** Body bytes that the origin sent. */
  readonly originBytes: number
  /** Of all bytes that peers received. */
  readonly fromPeers: number
}

type Way = (setting: Setting, url: string) => Promise<readonly DownloadDone[]>

type Runs = Readonly<Record<keyof typeof WAYS, Run[]>>

async function measure(nginx: Nginx, digest: string, report: (line: string) => void): Promise<Runs> {
  const runs: Runs = { reference: [], cold: [], warm: [], three: [] }
  for (let round = 0; round < ROUNDS; round++) {
    // Stores of earlier rounds would have the disk busy writing what curl's one output never leaves behind.
    const lab = await Lab.create()
    try {
      const supernode = await lab.supernode()
      const supernodes = [supernode.address]
      const peers = await Promise.all(['a', 'b', 'c'].map((name) => lab.daemon(name, { supernodes })))
      const setting = { lab, nginx, supernode, peers, digest }
      for (const way of ['reference', 'cold', 'warm', 'three'] as const) {
        // Another query is another task, while the file and nginx's cache of it stay the same.
        const run = await once(setting, WAYS[way], nginx.url(way === 'three' ? 'file?three' : 'file'))
        report(`round ${round}${round === 0 ? ' (warm-up)' : ''}  ${way.padEnd(9)}  ${run.wall.toFixed(2)} s`)
        if (round > 0) runs[way].push(run)
      }
    } finally {
      await lab.stop()
    }
  }
  return runs
}

const WAYS = {
  reference: async ({ lab }, url) => {
    const output = lab.path('reference')
    await succeed(lab, CURL, ['-s', '-o', output, url])
    await succeed(lab, OPENSSL, ['dgst', '-sha256', output])
    return []
  },
  cold: async ({ lab, peers }, url) => [await lab.download(url, lab.path('cold'), peers[0] as Daemon).done()],
  warm: async ({ lab, peers }, url) => [await lab.download(url, lab.path('warm'), peers[1] as Daemon).done()],
  three: async ({ lab, peers }, url) =>
    Promise.all(peers.map((peer, i) => lab.download(url, lab.path(`three-${i}`), peer).done())),
} as const satisfies Record<string, Way>

async function succeed(lab: Lab, command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await lab.program(command, command, args).exited
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`)
}

async function once(setting: Setting, way: Way, url: string): Promise<Run> {
  const { nginx, supernode, peers, digest } = setting
  const cpu = async (): Promise<number[]> =>
    Promise.all([
      cpuTimeOfEndedChildren(),
      cpuTimeOf(supernode.program.pid),
      sumOf(peers.map(({ program }) => cpuTimeOf(program.pid))),
      nginx.cpuTime(cpuTimeOf),
    ])
  const [bytesBefore, cpuBefore] = [await nginx.bodyBytes('file'), await cpu()]
  const started = performance.now()
  const results = await way(setting, url)
  const wall = (performance.now() - started) / 1000
  const used = (await cpu()).map((seconds, i) => seconds - (cpuBefore[i] ?? 0))
  for (const { output } of results) {
    if ((await digestOf(output)) !== digest) throw new Error(`${output} is not what the origin serves`)
    await rm(output)
  }
  const received = results.reduce((sum, { contentLength }) => sum + contentLength, 0)
  const fromPeers = results.reduce((sum, { bytesFrom }) => sum + bytesFrom.peers, 0)
  const [clientCpu = 0, supernodeCpu = 0, peersCpu = 0, originCpu = 0] = used
  const originBytes = (await nginx.bodyBytes('file')) - bytesBefore
  return { wall, clientCpu, supernodeCpu, peersCpu, originCpu, originBytes, fromPeers: received === 0 ? 0 : fromPeers / received }
}

async function sumOf(parts: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(parts)).reduce((sum, part) => sum + part, 0)
}

function figures(runs: Runs): readonly Figure[] {
  const { reference, cold, warm, three } = runs
  const each = (id: string, unit: Unit, of: readonly Run[], value: (run: Run) => number, goal?: Goal): Figure =>
    figure(id, unit, of.map(value), goal)
  const ratio = (of: readonly Run[]): number[] => of.map(({ wall }, i) => wall / (reference[i]?.wall ?? Number.NaN))
  return [
    each('reference wall', 's', reference, ({ wall }) => wall),
    each('reference CPU', 'CPU-s', reference, ({ clientCpu }) => clientCpu),
    figure('cold / reference', 'x', ratio(cold), { op: '<=', value: 2.5 }),
    figure('warm / reference', 'x', ratio(warm), { op: '<=', value: 1.5 }),
    figure('three cold, last / reference', 'x', ratio(three)),
    ...(['cold', 'warm', 'three'] as const).flatMap((way) => [
      each(`${way} wall`, 's', runs[way], ({ wall }) => wall),
      each(`${way} dfget CPU`, 'CPU-s', runs[way], ({ clientCpu }) => clientCpu),
      each(`${way} dfdaemon CPU`, 'CPU-s', runs[way], ({ peersCpu }) => peersCpu),
      each(`${way} supernode CPU`, 'CPU-s', runs[way], ({ supernodeCpu }) => supernodeCpu),
      each(`${way} nginx CPU`, 'CPU-s', runs[way], ({ originCpu }) => originCpu),
    ]),
    each('cold origin bytes', 'x', cold, ({ originBytes }) => originBytes / FILE_BYTES, { op: '==', value: 1 }),
    each('warm origin bytes', 'x', warm, ({ originBytes }) => originBytes / FILE_BYTES, { op: '==', value: 0 }),
    each('three origin bytes', 'x', three, ({ originBytes }) => originBytes / FILE_BYTES, { op: '==', value: 1 }),
    each('warm share from peers', '%', warm, ({ fromPeers }) => fromPeers * 100),
    each('three share from peers', '%', three, ({ fromPeers }) => fromPeers * 100),
  ]
}
