import { figure, type Figure } from '../figure.ts'
import type { NodesRun } from './nodes.ts'

/** @param name how many nodes, and how fast their lines are @param most times as long as one node alone needs from the registry */
export function nodesFigures(name: string, runs: readonly NodesRun[], most: number): readonly Figure[] {
  return [
    figure(`${name}: last node / one direct`, 'x', runs.map(({ last, direct }) => last / direct), { op: '<=', value: most }),
    figure(`${name}: blobs from the registry`, 'x', runs.map(({ fromRegistry }) => fromRegistry), { op: '<=', value: 1 }),
    figure(`${name}: one direct`, 's', runs.map(({ direct }) => direct)),
    figure(`${name}: last node`, 's', runs.map(({ last }) => last)),
    figure(`${name}: first node`, 's', runs.map(({ first }) => first)),
    figure(`${name}: CPU`, 'CPU-s', runs.map(({ cpu }) => cpu)),
    figure(`${name}: CPU of the tools`, 'CPU-s', runs.map(({ toolsCpu }) => toolsCpu)),
  ]
}
