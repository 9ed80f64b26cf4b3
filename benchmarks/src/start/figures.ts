import { figure, type Figure, type Goal } from '../figure.ts'
import { ratios } from '../rounds.ts'
import type { StartRuns, WayName } from './start.ts'

const REFERENCE = 'bare Node.js'

/** In relation to a Node.js that does nothing. */
const GOALS: Readonly<Record<Exclude<WayName, typeof REFERENCE>, Goal | undefined>> = {
  version: undefined,
  '1 KiB': { op: '<=', value: 2.2 },
  '1 MiB': { op: '<=', value: 2.7 },
  '1 KiB alone': undefined,
  dfdaemon: undefined,
  supernode: undefined,
}

export function figuresOf({ starts, loads }: StartRuns): readonly Figure[] {
  const ways = Object.keys(GOALS) as (keyof typeof GOALS)[]
  const relative = (way: keyof typeof GOALS): Figure =>
    figure(`${way} / ${REFERENCE}`, 'x', ratios(starts[way], starts[REFERENCE], ({ wall }) => wall), GOALS[way])
  const absolute = (way: WayName): Figure => figure(way, 'ms', starts[way].map(({ wall }) => wall * 1000))
  return [
    ...ways.map(relative),
    figure('API, downloads', '/s', loads.map(({ perSecond }) => perSecond), { op: '>=', value: 1500 }),
    figure('API, median', 'ms', loads.map((load) => load.median), { op: '<=', value: 3 }),
    figure('API, origin requests', '/s', loads.map(({ originRequestsPerSecond }) => originRequestsPerSecond), { op: '<=', value: 1 }),
    ...[REFERENCE, ...ways].map((way) => absolute(way as WayName)),
  ]
}
