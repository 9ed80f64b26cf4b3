import { digestOf, writeRandomFile, type Daemon, type LabHost, type LabNetwork, type Nginx, type Supernode } from '@damselfly/test'
import { cpuTimeOf } from '../cpu-time.ts'
import { downloadThrough } from '../many/small-download.ts'
import { measured, sumOf } from '../measured.ts'
import { pathOf, type References } from '../references/succeed.ts'
import { warmMemory } from '../warm-memory.ts'

export interface HostsCase {
  /** Beside that of the supernode. */
  readonly hosts: number
  /** Of each line, each way; bits per second. */
  readonly rate: number
  /** Of the file; bytes. */
  readonly length: number
}

export interface HostsRun {
  /** Seconds until the last host had the whole file. */
  readonly last: number
  /** Seconds until the first one had it. */
  readonly first: number
  /** Seconds that one copy takes over one of the lines, as fast as curl downloads a part of it. */
  readonly copy: number
  /** How many times the file came from the CDN. */
  readonly fromCdn: number
  /** CPU-seconds of the supernode and the daemons. */
  readonly cpu: number
}

/** Enough of the file to know how fast a line is; bytes. */
const PART_LENGTH = 16 * 1024 * 1024

/** Brought by all before: hosts run for weeks, and so have their code compiled and know each other; bytes. */
const EARLIER_LENGTH = 32 * 1024 * 1024

/** Far beyond what it takes; milliseconds. */
const TIME_LIMIT = 180_000

/** A network of its own, a supernode with an origin beside it on the first host, and a daemon on each of the others. */
export async function downloadOnHosts(references: References, { hosts, rate, length }: HostsCase): Promise<HostsRun> {
  const { lab } = references
  const network = await lab.network({ hosts: 1 + hosts, rate })
  const nginx = await lab.nginx({ network })
  const sha256 = await writeRandomFile(`${nginx.root}/file`, length, 1)
  await writeRandomFile(`${nginx.root}/earlier`, EARLIER_LENGTH, 2)
  const { supernode, daemons } = await startServers(references, network)
  await warmMemory(lab.path(), (hosts + 1) * length)
  const copy = (await secondsPerByte(references, network, nginx)) * length

  const origin = `http://127.0.0.1:${nginx.port}`
  const signal = AbortSignal.timeout(TIME_LIMIT)
  await Promise.all(daemons.map(async ({ socket }) => downloadThrough(socket, `${origin}/earlier`, signal)))
  const started = performance.now()
  const { used, result } = await measured(
    { cpu: sumOf([supernode, ...daemons].map(({ program }) => async () => cpuTimeOf(program.pid))) },
    async () =>
      Promise.all(
        daemons.map(async ({ socket }) => {
          const finished = await downloadThrough(socket, `${origin}/file`, signal)
          return { ...finished, seconds: (performance.now() - started) / 1000 }
        }),
      ),
  )
  for (const { path } of result) if ((await digestOf(path)) !== sha256) throw new Error(`${path} is not what the origin serves`)
  const seconds = result.map((one) => one.seconds)
  return {
    last: Math.max(...seconds),
    first: Math.min(...seconds),
    copy,
    fromCdn: result.reduce((sum, { bytesFrom }) => sum + bytesFrom.cdn, 0) / length,
    cpu: used.cpu,
  }
}

async function startServers(
  { lab }: References,
  { hosts: [first, ...others] }: LabNetwork,
): Promise<{ supernode: Supernode; daemons: readonly Daemon[] }> {
  const supernode = await lab.supernode('supernode', { host: first as LabHost, config: { origins: { private: 'allow' } } })
  const start = async (host: LabHost, i: number): Promise<Daemon> => lab.daemon(`peer-${i}`, { host, supernodes: [supernode.address] })
  return { supernode, daemons: await Promise.all(others.map(start)) }
}

/** What a line carries of a file: its rate less the headers of TCP, IP and Ethernet. */
async function secondsPerByte({ lab, programs }: References, network: LabNetwork, nginx: Nginx): Promise<number> {
  const [source, sink] = network.hosts as readonly [LabHost, LabHost]
  const url = `http://${source.address}:${nginx.port}/file`
  const times = '%{time_total} %{time_starttransfer}'
  const args = ['-sS', '-f', '-o', '/dev/null', '--range', `0-${PART_LENGTH - 1}`, '-w', times, url]
  const { code, stdout, stderr } = await lab.program('curl', pathOf(programs, 'curl'), args, { enter: sink.enter }).exited
  if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`)
  const [total = 0, untilFirst = 0] = stdout.split(' ').map(Number)
  return (total - untilFirst) / PART_LENGTH
}
