import { setImmediate } from 'node:timers/promises'
import { readConfigFile } from '@damselfly/shared/config'
import { readScenarios, scenarioPath, simulate, type NamedScenario, type Outcome } from '@damselfly/scheduler/simulator'
import type { Bench, BenchContext } from '../bench.ts'
import type { Figure } from '../figure.ts'
import { costFigures } from './cost/cost.ts'
import { explanation } from './explanation.ts'
import { figuresOfRun } from './figures.ts'

/** Names of the scenarios that come with the simulator. */
const SCENARIOS = ['equal', 'mixed-uploads', 'come-and-go', 'two-locations', 'many-tasks', 'bad-peers', 'twelve-hosts'] as const

/** Above, a run takes minutes and 2 GB, and is done once, with the first seed. */
const MAX_COPIES = 1_000_000

/** How near the scheduler comes to what is possible, in a simulated network. */
export const schedulerBench: Bench = {
  name: 'scheduler',
  title: 'The scheduler in a simulated network, against the least time that any could take',
  needs: [],
  explanation,
  run: async (context) => {
    const figures: Figure[] = [...(await costFigures(context))]
    for (const name of SCENARIOS) figures.push(...(await figuresOfScenario(name, context)))
    return figures
  },
}

async function figuresOfScenario(name: string, context: BenchContext): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const run of readScenarios(await readConfigFile(scenarioPath(name)))) {
    const id = run.name === '' ? name : `${name} ${run.name}`
    const isLong = copiesIn(run) > MAX_COPIES
    if (isLong) context.report(`${id}  takes minutes`)
    const outcomes = await inRounds(run, isLong ? 1 : context.rounds)
    context.report(`${id}  ${outcomes.map(({ cost }) => `${cost.cpu.toFixed(1)} CPU-s`).join(', ')}`)
    figures.push(...figuresOfRun(id, run.scenario.goals, outcomes))
  }
  return figures
}

/** Of the pieces of the largest content, to all children. */
function copiesIn({ scenario: { peers, tasks } }: NamedScenario): number {
  const children = Object.values(peers).reduce((sum, { count }) => sum + count, 0)
  return children * tasks.pieces
}

/** Each round has another seed; what a seed gives is the same on every machine, but for the cost. */
async function inRounds({ scenario }: NamedScenario, rounds = 1): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (let round = 0; round < rounds; round++) {
    outcomes.push(simulate({ ...scenario, seed: scenario.seed + round }))
    // A simulation does not yield; an interruption is heard here.
    await setImmediate()
  }
  return outcomes
}
