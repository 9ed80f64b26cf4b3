import type { Bench, BenchContext } from '../bench.ts'
import { inMegabytes } from '../many/resident-memory.ts'
import { inRounds } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { ATTACK_NAMES, figuresOf, type AttackRuns } from './figures.ts'
import { withHonestPeers, type Setting } from './setting.ts'
import { calm, under, type Run } from './ways.ts'

const ROUNDS = 2

/** What is left to honest peers while somebody takes what he can get. */
export const attackBench: Bench = {
  name: 'attack',
  title: 'Downloads of honest peers while a supernode is attacked, beside the same in peace',
  needs: ['nginx'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<AttackRuns> {
  const { rounds = ROUNDS, report } = context
  return inRounds<keyof AttackRuns, Setting, Run>({
    rounds,
    ways: { calm, ...attackWays() },
    withSetting: async (work) => withHonestPeers(context, work),
    describe: ({ wall, supernodeMemory, supernodeCpu, attackerCpu, done }) =>
      `${wall.toFixed(2)} s, supernode ${inMegabytes(supernodeMemory).toFixed(0)} MB and ${supernodeCpu.toFixed(2)} CPU-s, attacker ${attackerCpu.toFixed(2)} CPU-s, did ${done}`,
    report,
  })
}

function attackWays(): Readonly<Record<(typeof ATTACK_NAMES)[number], (setting: Setting) => Promise<Run>>> {
  return Object.fromEntries(ATTACK_NAMES.map((name) => [name, under(name)])) as ReturnType<typeof attackWays>
}
