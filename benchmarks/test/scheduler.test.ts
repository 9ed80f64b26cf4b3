import assert from 'node:assert/strict'
import { readConfigFile } from '@damselfly/shared/config'
import { readScenarios, scenarioPath, simulate } from '@damselfly/scheduler/simulator'
import { explanation } from '../src/scheduler/explanation.ts'
import { figuresOfRun } from '../src/scheduler/figures.ts'

describe('the benchmark of the scheduler', () => {
  it('turns the goals of a scenario into figures', async () => {
    const [run] = readScenarios(await readConfigFile(scenarioPath('twelve-hosts')))
    assert.ok(run !== undefined)
    const figures = figuresOfRun('twelve-hosts', run.scenario.goals, [simulate(run.scenario)])
    assert.equal(figures.length, Object.keys(run.scenario.goals).length + 1)
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
