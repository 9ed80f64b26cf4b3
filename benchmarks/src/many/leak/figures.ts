import { figure, type Figure, type Goal } from '../../figure.ts'
import { inMegabytes } from '../resident-memory.ts'
import type { CollectedMemory } from './collected-memory.ts'
import { FIRST, LAST, LOOKS, SERVERS, type Looks, type Server } from './in-a-row.ts'

const GROWTH: Goal = { op: '<=', value: 1.1 }

export interface Runs {
  /** The same contents again and again. */
  readonly again: readonly Looks[]
  /** Another content each time. */
  readonly more: readonly Looks[]
}

export function figuresOf({ again, more }: Runs): readonly Figure[] {
  return SERVERS.flatMap((server) => [
    figure(`${server} after 2,000 / after 200`, 'x', again.map((looks) => growth(looks, server)), GROWTH),
    ...LOOKS.map((look, i) => figure(`${server} after ${look}`, 'MB', again.map((looks) => inMegabytes(at(looks, server, i).resident)))),
    figure(`${server} heap after 200`, 'MB', again.map((looks) => inMegabytes(at(looks, server, 0).heap))),
    figure(`${server} heap after 2000`, 'MB', again.map((looks) => inMegabytes(at(looks, server, -1).heap))),
    figure(`${server} with 2,000 contents / with 200`, 'x', more.map((looks) => growth(looks, server))),
    figure(`${server} with 2000 contents`, 'MB', more.map((looks) => inMegabytes(at(looks, server, -1).resident))),
    figure(`${server} heap for each content`, 'bytes', more.map((looks) => heapForEach(looks, server))),
  ])
}

function growth(looks: Looks, server: Server): number {
  return at(looks, server, -1).resident / at(looks, server, 0).resident
}

function heapForEach(looks: Looks, server: Server): number {
  return Math.round((at(looks, server, -1).heap - at(looks, server, 0).heap) / (LAST - FIRST))
}

function at(looks: Looks, server: Server, index: number): CollectedMemory {
  const found = looks[server].at(index)
  if (found === undefined) throw new RangeError(`there was no look ${index}`)
  return found
}
