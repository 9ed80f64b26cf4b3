import assert from 'node:assert/strict'
import { join } from 'node:path'
import { guardPolicies } from '../../src/plugin/guard-policies.ts'
import { loadPolicies } from '../../src/plugin/load-policies.ts'
import { simulate } from '../../src/simulator/simulate.ts'
import { scenarioWith } from '../simulator/scenarios.ts'
import { Stage } from '../stage.ts'

const EXAMPLES = join(import.meta.dirname, '../../../docs/examples/policies')

describe('the example of policies', () => {
  const policies = async () => {
    return guardPolicies(await loadPolicies('./fast-neighbours.ts', EXAMPLES), ({ policy, error }) => assert.fail(`${policy}: ${String(error)}`))
  }

  it('takes pieces from the own office, and there from the fastest', async () => {
    const stage = new Stage({ policies: await policies() })
    stage.registers(5)
    const at = { fast: 'paris//', slow: 'paris//', far: 'rome//', child: 'paris//', other: 'paris//' }
    for (const [peer, place] of Object.entries(at)) stage.joins(peer, { slots: 2, at: place })
    const rates = { fast: 1, slow: 1000, far: 1 }
    // How fast they are is known by what they gave to somebody else.
    for (const [piece, [peer, durationMs]] of Object.entries(rates).entries()) {
      stage.has(peer, [piece])
      stage.downloads('other', 1)
      stage.gets('other', piece, peer, durationMs)
    }
    stage.stops('other')
    stage.drops('other')
    for (const peer of Object.keys(rates)) stage.has(peer, [4])
    const order = [...stage.downloads('child', 1, 'in-order')]
    for (const peer of ['fast', 'slow', 'far']) stage.has(peer, [0, 1, 2, 3])
    for (let i = 0; i < 4; i++) order.push(...stage.wants('child', 1))
    const parents = order.map((line) => line.split(' ').at(-1))
    assert.ok(parents.includes('fast') && parents.includes('slow'), order.join('; '))
    assert.ok(parents.indexOf('fast') < parents.indexOf('slow') && !parents.slice(0, 4).includes('far'), order.join('; '))
    assert.equal(order.length, 4, 'with both near ones busy it waits for them')
  })

  it('brings a whole swarm to its end', async () => {
    const peers = { child: { count: 24, at: ['paris', 'rome'], uploadSlots: 2 } }
    const { figures } = simulate(scenarioWith({ peers }), { policies: await policies() })
    assert.deepEqual([figures.unfinished, figures.sentToSource], [0, 0])
  })
})
