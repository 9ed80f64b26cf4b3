import { digestOf, writeRandomFile, type Daemon, type Nginx, type Supernode } from '@damselfly/test'
import type { Bench, BenchContext } from '../../bench.ts'
import { figure, type Figure, type Goal } from '../../figure.ts'
import { inMegabytes } from '../resident-memory.ts'
import { downloadThrough } from '../small-download.ts'
import { ASKABLE, MemoryQuestions, type CollectedMemory } from './collected-memory.ts'
import { explanation } from './explanation.ts'

/** Bytes. */
const FILE_LENGTH = 16 * 1024

/** Downloads after which memory is looked at: the first of these is what the last is compared with. */
const LOOKS = [200, 500, 1000, 1500, 2000] as const

/** No run may take longer; milliseconds. */
const PATIENCE_MS = 300_000

const GROWTH: Goal = { op: '<=', value: 1.1 }

/** Whether anything stays in memory that nobody needs any more. */
export const leakBench: Bench = {
  name: 'leak',
  title: 'Memory of a daemon and a supernode after 200 and after 2,000 downloads in a row',
  needs: ['nginx'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

type Server = 'dfdaemon' | 'supernode'

/** For each run, what each server had at each look. */
type Runs = readonly Readonly<Record<Server, readonly CollectedMemory[]>>[]

async function measure({ withLab, rounds = 1, report }: BenchContext): Promise<Runs> {
  const runs: Record<Server, CollectedMemory[]>[] = []
  for (let round = 0; round < rounds; round++) {
    await withLab(async (lab) => {
      const nginx = await lab.nginx()
      const sha256 = await writeRandomFile(`${nginx.root}/file`, FILE_LENGTH, 1)
      const supernode = await lab.supernode('supernode', { env: ASKABLE })
      const daemon = await lab.daemon('peer', { supernodes: [supernode.address], env: ASKABLE })
      runs.push(await inARow({ nginx, sha256, supernode, daemon, report }))
    })
  }
  return runs
}

interface Setting {
  readonly nginx: Nginx
  readonly sha256: string
  readonly supernode: Supernode
  readonly daemon: Daemon
  readonly report: (line: string) => void
}

async function inARow({ nginx, sha256, supernode, daemon, report }: Setting): Promise<Record<Server, CollectedMemory[]>> {
  const questions = { dfdaemon: new MemoryQuestions(daemon.program), supernode: new MemoryQuestions(supernode.program) }
  const found: Record<Server, CollectedMemory[]> = { dfdaemon: [], supernode: [] }
  const signal = AbortSignal.timeout(PATIENCE_MS)
  let done = 0
  for (const look of LOOKS) {
    for (; done < look; done++) {
      const { path } = await downloadThrough(daemon.socket, nginx.url(`file?${done}`), signal)
      if (done % 100 === 0 && (await digestOf(path)) !== sha256) throw new Error(`${path} is not what the origin serves`)
    }
    for (const server of ['dfdaemon', 'supernode'] as const) found[server].push(await questions[server].ask())
    report(`after ${look}  ${describeLook(found)}`)
  }
  return found
}

function describeLook(found: Record<Server, CollectedMemory[]>): string {
  return Object.entries(found).map(([server, looks]) => `${server} ${describeMemory(looks.at(-1))}`).join(', ')
}

function describeMemory(memory: CollectedMemory | undefined): string {
  return memory === undefined ? '' : `${inMegabytes(memory.resident).toFixed(1)} MB (heap ${inMegabytes(memory.heap).toFixed(1)})`
}

function figuresOf(runs: Runs): readonly Figure[] {
  return (['dfdaemon', 'supernode'] as const).flatMap((server) => {
    const samples = (read: (looks: readonly CollectedMemory[]) => number): readonly number[] => runs.map((run) => read(run[server]))
    const last = LOOKS.length - 1
    return [
      figure(`${server} after 2,000 / after 200`, 'x', samples((looks) => at(looks, last).resident / at(looks, 0).resident), GROWTH),
      ...LOOKS.map((look, i) => figure(`${server} after ${look}`, 'MB', samples((looks) => inMegabytes(at(looks, i).resident)))),
      figure(`${server} heap after 200`, 'MB', samples((looks) => inMegabytes(at(looks, 0).heap))),
      figure(`${server} heap after 2000`, 'MB', samples((looks) => inMegabytes(at(looks, last).heap))),
    ]
  })
}

function at(looks: readonly CollectedMemory[], index: number): CollectedMemory {
  const found = looks[index]
  if (found === undefined) throw new RangeError(`there was no look ${index}`)
  return found
}
