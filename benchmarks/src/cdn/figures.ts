import { figure, type Figure, type Goal } from '../figure.ts'
import { inMegabytes } from '../many/resident-memory.ts'
import { ratios, type Runs } from '../rounds.ts'
import { CONTENT_LENGTH } from './setting.ts'
import type { ManyTasks } from './many-tasks.ts'
import type { Run } from './ways.ts'

type Hit = 'plain' | 'TLS' | 'plain, unchecked'

export type WayName = 'reference' | 'fetch' | `nginx ${Hit}` | `hit ${Hit}` | 'curl first' | 'crowd' | 'curl limited' | 'limited'

export interface Measurements {
  readonly runs: Runs<WayName, Run>
  /** Bytes of the large content; 0 where it was left out. */
  readonly largeLength: number
  /** What the supernode had in memory at most while it came; bytes. */
  readonly largeMemory: number
  readonly many: ManyTasks
}

const GIB = 1024 ** 3

/** Of the supernode, whatever it fetches. */
const MEMORY: Goal = { op: '<=', value: 300 }

export function figuresOf({ runs, largeLength, largeMemory, many }: Measurements): readonly Figure[] {
  const { reference, fetch, crowd } = runs
  const seconds = (run: Run): number => run.seconds
  const cpu = (run: Run): number => run.cpu
  const faster = (kind: Hit): readonly number[] => ratios(runs[`nginx ${kind}`], runs[`hit ${kind}`], seconds)
  const memory = [...fetch, ...crowd, ...runs['hit plain'], ...runs['hit TLS']].map((run) => inMegabytes(run.memory))
  return [
    figure('crowd origin bytes', 'x', crowd.map(({ fromOrigin }) => fromOrigin), { op: '==', value: 1 }),
    figure('first piece offered / curl', 'x', ratios(crowd, runs['curl first'], seconds), { op: '<=', value: 1.2 }),
    figure('hit throughput / nginx, plain', 'x', faster('plain'), { op: '>=', value: 0.7 }),
    figure('hit throughput / nginx, TLS', 'x', faster('TLS'), { op: '>=', value: 0.7 }),
    figure('hit throughput / nginx, plain, unchecked', 'x', faster('plain, unchecked')),
    figure('fetch CPU / reference', 'x', ratios(fetch, reference, cpu), { op: '<=', value: 1.2 }),
    figure('supernode memory', 'MB', [Math.max(...memory)], MEMORY),
    ...(largeLength === 0 ? [] : [figure(`supernode memory, ${largeLength / GIB} GiB`, 'MB', [inMegabytes(largeMemory)], MEMORY)]),
    figure('limited origin bytes', 'x', runs.limited.map(({ fromOrigin }) => fromOrigin), { op: '==', value: 1 }),
    figure('limited / curl', 'x', ratios(runs.limited, runs['curl limited'], seconds), { op: '<=', value: 0.7 }),
    ...manyFigures(many),
    figure('fetch / reference', 'x', ratios(fetch, reference, seconds)),
    figure('first piece by curl', 'ms', runs['curl first'].map((run) => run.seconds * 1000)),
    figure('first piece offered to the first', 'ms', crowd.map((run) => run.seconds * 1000)),
    figure('first piece offered to the last', 'ms', crowd.map(({ last }) => last * 1000)),
    ...(['nginx plain', 'hit plain', 'nginx TLS', 'hit TLS', 'nginx plain, unchecked', 'hit plain, unchecked', 'reference', 'fetch'] as const).flatMap((way) => [
      figure(`${way} throughput`, 'MB/s', runs[way].map((run) => CONTENT_LENGTH / run.seconds / 1e6)),
      figure(`${way} CPU`, 'CPU-s', runs[way].map(cpu)),
    ]),
  ]
}

function manyFigures({ tasks, starts, startsAfterKill, pages, memory, eviction }: ManyTasks): readonly Figure[] {
  const contents = `${tasks.toLocaleString('en')} contents`
  return [
    figure(`start with ${contents}`, 's', starts, { op: '<=', value: 5 }),
    figure(`start with ${contents}, after a kill`, 's', startsAfterKill, { op: '<=', value: 5 }),
    figure(`page of ${contents}`, 'ms', pages, { op: '<=', value: 50 }),
    figure(`memory of ${contents}, each`, 'bytes', memory, { op: '<=', value: 300 }),
    figure(`longest silence in evictions of ${contents}`, 'ms', [eviction.longestSilence]),
    figure(`deleting ${eviction.evictedTasks.toLocaleString('en')} contents`, 's', [eviction.seconds]),
    figure('evictions', '/s', [eviction.evictedTasks / eviction.seconds]),
  ]
}
