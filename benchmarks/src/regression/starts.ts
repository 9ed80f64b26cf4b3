import { describe, type Daemon, type Program } from '@damselfly/test'
import { cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { FILE, type Setting } from '../first/setting.ts'
import { measured } from '../measured.ts'

/** One start is too short to be told from the next by the kernel's clock of CPU time. */
const STARTS = 5

/** Several starts, one after the other. */
export interface Starts {
  /** Seconds. */
  readonly wall: number
  readonly totalCpu: number
}

/** A Node.js that does nothing. */
export async function bareNode({ lab }: Setting): Promise<Starts> {
  return startsOf(() => lab.program('node', process.execPath, ['-e', '0']))
}

export async function version({ lab }: Setting): Promise<Starts> {
  return startsOf(() => lab.dfget(['--version']))
}

/** A KiB that the daemon holds. */
export async function small(setting: Setting): Promise<Starts> {
  const { lab, nginx, peers } = setting
  const [daemon] = peers as [Daemon]
  let outputs = 0
  const download = (): Program =>
    lab.dfget([nginx.url(FILE), '--range', '0-1023', '-o', lab.path(`small-${outputs++}`), '--socket', daemon.socket])
  await succeeds(download())
  return startsOf(download)
}

async function startsOf(start: () => Program): Promise<Starts> {
  const { wall, used } = await measured({ cpu: cpuTimeOfEndedChildren }, async () => {
    for (let i = 0; i < STARTS; i++) await succeeds(start())
  })
  return { wall, totalCpu: used.cpu }
}

async function succeeds(program: Program): Promise<void> {
  const exit = await program.exited
  if (exit.code !== 0) throw new Error(`${program.name} ended with ${describe(exit)}`)
}
