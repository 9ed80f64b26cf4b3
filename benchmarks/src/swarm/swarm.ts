import type { Bench } from '../bench.ts'
import { eightOnLoopback } from './eight.ts'
import { explanation } from './explanation.ts'

/** Many that want the same file at once, where the processors are the limit. */
export const swarmBench: Bench = {
  name: 'swarm',
  title: 'The same file to eight peers on loopback at once, beside aria2 over BitTorrent',
  needs: ['nginx', 'aria2c'],
  explanation,
  run: eightOnLoopback,
}
