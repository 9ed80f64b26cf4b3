import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readScenarios } from '../../src/simulator/scenario/read-scenario.ts'

const SCENARIOS = join(import.meta.dirname, '../../scenarios')

function read(text: string, overrides = {}): ReturnType<typeof readScenarios> {
  return readScenarios({ path: 'test.yaml', text }, overrides)
}

const FINE = `title: A test
cdn: { upload: 8Mbit/s }
peers:
  child: { count: 3 }
`

describe('a scenario file', () => {
  it('may say little', () => {
    const [run] = read(FINE)
    assert.equal(run?.name, '')
    assert.equal(run.scenario.cdn.upload, 1_000_000)
    assert.equal(run.scenario.children.window, 8)
    assert.equal(run.scenario.peers['child']?.uploadSlots, 8)
  })

  it('may have several runs that each replace some settings', () => {
    const runs = read(`${FINE}runs:
  - name: few
  - name: many
    with: { peers: { child: { count: 30 } } }
`)
    assert.deepEqual(runs.map(({ name, scenario }) => [name, scenario.peers['child']?.count]), [['few', 3], ['many', 30]])
  })

  it('is overridden by the command line in every run', () => {
    const runs = read(`${FINE}runs: [{ name: a }, { name: b, with: { seed: 5 } }]\n`, { seed: '7' })
    assert.deepEqual(runs.map(({ scenario }) => scenario.seed), [7, 7])
  })

  it('is refused with the line and the name of what is wrong', () => {
    const refusals: [string, RegExp][] = [
      [`${FINE}network: { latncy: 3ms }\n`, /network\.latncy \(test\.yaml:5\): unknown setting; did you mean 'latency'/],
      [FINE.replace('count: 3', 'count: none'), /peers\.child\.count \(test\.yaml:4\): expected number/],
      [`${FINE}network: { latency: 3 }\n`, /network\.latency \(test\.yaml:5\): '3' is not a duration/],
      [`${FINE}goals: { last: quick }\n`, /goals\.last \(test\.yaml:5\): expected a comparison/],
      [`${FINE}goals: { lst: <= 3 }\n`, /goals\.lst: there is no such figure/],
      [`${FINE}runs: [{ name: a, with: { peers: { child: { cuont: 3 } } } }]\n`, /in run 'a': .*cuont.*unknown setting/s],
      [FINE.replace('count: 3', 'count: 3, downloads: false'), /peers: nobody downloads/],
      [FINE.replace('cdn: { upload: 8Mbit/s }', ''), /cdn\.upload: with neither a limit/],
      [`${FINE}network: { lines: { w: { between: [a, b], rate: 1MB/s } } }\n`, /network\.lines\.w: nobody is at 'a'/],
      ['title: [', /test\.yaml:1/],
    ]
    for (const [text, message] of refusals) {
      assert.throws(() => read(text), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CONFIG_INVALID')
        assert.match(error.message, message)
        return true
      })
    }
  })
})

describe('the scenarios that come with the simulator', () => {
  for (const name of globSync('*.yaml', { cwd: SCENARIOS }).toSorted()) {
    it(`${name} can be read`, () => {
      const runs = readScenarios({ path: name, text: readFileSync(join(SCENARIOS, name), 'utf8') })
      assert.ok(runs.length > 0)
    })
  }
})
