import assert from 'node:assert/strict'
import { readConfigFile } from '@damselfly/shared/config'
import { readScenarios, scenarioPath, simulate } from '@damselfly/scheduler/simulator'
import { ClosedSwarm } from '../src/scheduler/cost/closed-swarm.ts'
import { explanation } from '../src/scheduler/explanation.ts'
import { figuresOfRun } from '../src/scheduler/figures.ts'

describe('the benchmark of the scheduler', () => {
  it('brings every piece to every child where it takes the cost', () => {
    const swarm = new ClosedSwarm(20, 12)
    swarm.connect()
    swarm.begin()
    swarm.run(6)
    assert.ok(swarm.work.assignments >= 120 && swarm.work.assignments < 240, `${swarm.work.assignments} assignments half-way`)
    swarm.run(12)
    const { assignments, events } = swarm.work
    // 21 peers join, 20 children begin; each piece is done, after it the child wants more or leaves.
    assert.deepEqual([assignments, events], [240, 21 + 2 + 40 + 480])
    const { inFlight, waiting } = swarm.scheduler.stats()
    assert.deepEqual([inFlight, waiting], [0, 0])
  })

  it('turns the goals of a scenario into figures', async () => {
    const [run] = readScenarios(await readConfigFile(scenarioPath('twelve-hosts')))
    assert.ok(run !== undefined)
    const figures = figuresOfRun('twelve-hosts', run.scenario.goals, [simulate(run.scenario)])
    assert.equal(figures.length, Object.keys(run.scenario.goals).length)
    const origin = figures.find(({ id }) => id === 'twelve-hosts: origin sent, of all content')
    assert.deepEqual([origin?.value, origin?.unit, origin?.goal, origin?.met], [1, 'x', { op: '==', value: 1 }, true])
  })

  it('draws only what is measured', async () => {
    const runs = readScenarios(await readConfigFile(scenarioPath('equal')))
    const measured = new Set(runs.map(({ name }) => `equal ${name}: last / discrete bound`))
    const drawn = explanation.plot.flatMap(({ bars }) => bars.map(({ figure }) => figure))
    assert.deepEqual(new Set(drawn), measured)
  })
})
