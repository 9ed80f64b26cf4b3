import { figure, median, type Figure } from '../../figure.ts'
import { inMegabytes } from '../resident-memory.ts'
import type { Received } from './host.ts'
import { CHILDREN, CONTENT_LENGTH } from './size.ts'

const GIB = 1024 ** 3

/** One content, which all children fetched at once. */
export interface Run {
  /** Of the daemon, ten looks a second; bytes. */
  readonly resident: readonly number[]
  readonly seconds: number
  readonly daemonCpu: number
  readonly supernodeCpu: number
  readonly received: Received
}

export function figuresOf(runs: readonly Run[]): readonly Figure[] {
  const all = runs.flatMap(({ resident }) => resident)
  const moved = (CHILDREN * CONTENT_LENGTH) / GIB
  return [
    figure('daemon memory', 'MB', [inMegabytes(Math.max(...all))], { op: '<=', value: 250 }),
    figure('last / first', 'x', [median(runs.at(-1)?.resident ?? []) / median(runs[0]?.resident ?? [])], { op: '<=', value: 1.1 }),
    figure('from the daemon', '%', runs.map(({ received }) => (100 * received.peers) / (CHILDREN * CONTENT_LENGTH)), { op: '==', value: 100 }),
    ...runs.map(({ resident }, i) => figure(`memory ${i + 1}`, 'MB', resident.map(inMegabytes))),
    figure('dfdaemon CPU', 'CPU-s/GiB', runs.map(({ daemonCpu }) => daemonCpu / moved)),
    figure('supernode CPU', 'CPU-s/GiB', runs.map(({ supernodeCpu }) => supernodeCpu / moved)),
    figure('wall', 's', runs.map(({ seconds }) => seconds)),
  ]
}
