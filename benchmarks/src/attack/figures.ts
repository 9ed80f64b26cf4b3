import { figure, type Figure } from '../figure.ts'
import { inMegabytes } from '../many/resident-memory.ts'
import { ratios, type Runs } from '../rounds.ts'
import { ATTACKS, type AttackName } from './attacks.ts'
import { HONEST } from './setting.ts'
import type { Run } from './ways.ts'

export type AttackRuns = Runs<'calm' | AttackName, Run>

export const ATTACK_NAMES = Object.keys(ATTACKS) as AttackName[]

export function figuresOf(runs: AttackRuns): readonly Figure[] {
  return [
    ...ATTACK_NAMES.map((name) => figure(`${name}: speed / calm`, 'x', ratios(runs.calm, runs[name], ({ wall }) => wall), { op: '>=', value: 0.8 })),
    ...ATTACK_NAMES.map((name) => figure(`${name}: supernode memory`, 'MB', runs[name].map(memory), { op: '<=', value: 1000 })),
    figure('honest peers that went to the origin', '%', [strayedOf(runs)], { op: '==', value: 0 }),
    figure('calm: wall', 's', runs.calm.map(({ wall }) => wall)),
    figure('calm: supernode memory', 'MB', runs.calm.map(memory)),
    ...ATTACK_NAMES.map((name) => figure(`${name}: done`, '/s', runs[name].map(({ done, wall }) => done / wall))),
    ...ATTACK_NAMES.map((name) => figure(`${name}: supernode CPU`, 'CPU-s', runs[name].map(({ supernodeCpu }) => supernodeCpu))),
    ...ATTACK_NAMES.map((name) => figure(`${name}: attacker CPU`, 'CPU-s', runs[name].map(({ attackerCpu }) => attackerCpu))),
  ]
}

/** Percent of all. */
function strayedOf(runs: AttackRuns): number {
  const all = Object.values(runs).flat()
  return (100 * all.reduce((sum, { strayed }) => sum + strayed, 0)) / (HONEST * all.length)
}

function memory({ supernodeMemory }: Run): number {
  return inMegabytes(supernodeMemory)
}
