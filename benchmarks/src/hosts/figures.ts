import { discreteBound } from '@damselfly/scheduler/simulator'
import { pieceSizeFor } from '@damselfly/shared'
import { figure, type Figure } from '../figure.ts'
import type { HostsCase, HostsRun } from './run.ts'

/** What is asked of twelve hosts at 100 Mbit/s; slower lines show what is left of it where the processors are not the limit. */
const GOAL = { op: '<=', value: 1.15 } as const

export function figuresOf(lines: string, hostsCase: HostsCase, runs: readonly HostsRun[]): readonly Figure[] {
  const { length, rate } = hostsCase
  const nominal = (8 * length) / rate
  const name = `twelve hosts, ${lines}`
  return [
    figure(`${name}: last peer / discrete bound`, 'x', runs.map(({ last, copy }) => last / boundOf(hostsCase, copy)), GOAL),
    figure(`${name}: last peer / discrete bound without headers`, 'x', runs.map(({ last }) => last / boundOf(hostsCase, nominal))),
    figure(`${name}: last peer`, 's', runs.map(({ last }) => last)),
    figure(`${name}: first peer`, 's', runs.map(({ first }) => first)),
    figure(`${name}: one copy over one line`, 's', runs.map(({ copy }) => copy)),
    figure(`${name}: copies from the CDN`, 'x', runs.map(({ fromCdn }) => fromCdn)),
    figure(`${name}: CPU`, 'CPU-s', runs.map(({ cpu }) => cpu)),
  ]
}

/** @param copy what one copy takes over one line; seconds */
export function boundOf({ hosts, length }: Pick<HostsCase, 'hosts' | 'length'>, copy: number): number {
  const rate = length / copy
  const pieces = Math.ceil(length / pieceSizeFor(length))
  const bound = discreteBound(length, pieces, { source: rate, peers: Array.from({ length: hosts }, () => rate) })
  if (bound === undefined) throw new Error('there is no such bound where rates differ')
  return bound
}
