import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Overrides } from '../../src/simulator/scenario/read-scenario.ts'
import { simulate, type Outcome } from '../../src/simulator/simulate.ts'
import { scenarioWith } from './scenarios.ts'

function run(settings: Overrides = {}): Outcome {
  return simulate(scenarioWith(settings))
}

function near(actual: number | undefined, expected: number, share = 1e-9): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= share * Math.max(1, expected), `${actual} instead of ${expected}`)
}

describe('a simulation', () => {
  it('takes the time that the source needs for a child alone', () => {
    const { figures } = run()
    near(figures.last, 8)
    near(figures.lastOverFluid, 1)
    assert.deepEqual([figures.origin, figures.cdn, figures.duplicates], [1, 1, 0])
  })

  it('adds latency, and opens lanes', () => {
    // Connecting, the answer, the wish, the assignment; the lane's two round trips; request and bytes.
    const { figures } = run({ tasks: { pieces: 1 }, control: { latency: '100ms' }, network: { latency: '10ms', laneSetup: 2 } })
    near(figures.last, 0.4 + 0.04 + 0.02 + 1)
  })

  it('waits for an origin that is slower than the CDN', () => {
    near(run({ origin: { rate: '500KB/s', latency: '1s' } }).figures.last, 1 + 16 + 1)
  })

  it('never beats the bounds, delivers everything once, and counts every byte', function () {
    this.timeout(120_000)
    const rates = fc.constantFrom('500KB/s', '1MB/s', '4MB/s')
    const settings = fc.record({
      seed: fc.nat(1000),
      tasks: fc.record({ pieces: fc.integer({ min: 1, max: 20 }), count: fc.integer({ min: 1, max: 3 }), zipf: fc.constantFrom(0, 1) }),
      cdn: fc.record({ upload: rates, uploadSlots: fc.integer({ min: 1, max: 4 }) }),
      peers: fc.record({
        child: fc.record({
          count: fc.integer({ min: 1, max: 12 }),
          upload: rates,
          download: fc.constantFrom('0', '1MB/s', '3MB/s'),
          uploadSlots: fc.integer({ min: 0, max: 3 }),
          lanesAtOnce: fc.nat(2),
        }),
        other: fc.record({ count: fc.integer({ min: 1, max: 3 }), upload: rates, order: fc.constantFrom('in-order', 'rarest-first') }),
      }),
      arrivals: fc.record({ over: fc.constantFrom(0, 0.5) }),
      network: fc.record({ latency: fc.constantFrom('0', '10ms'), laneRate: fc.constantFrom('0', '700KB/s') }),
      children: fc.record({ window: fc.integer({ min: 1, max: 8 }) }),
    })
    fc.assert(
      fc.property(settings, (chosen) => {
        const { figures, completions } = run(chosen)
        const downloads = (chosen.peers.child.count + chosen.peers.other.count) * chosen.tasks.count
        assert.equal(completions.length, downloads)
        assert.deepEqual([figures.unfinished, figures.sentToSource, figures.origin, figures.duplicates], [0, 0, 1, 0])
        assert.ok((figures.lastOverFluid ?? 0) >= 1 - 1e-9, `${figures.lastOverFluid} of the fluid bound`)
        assert.ok((figures.lastOverPresent ?? 0) >= 1 - 1e-9, `${figures.lastOverPresent} of the bound for those present`)
        assert.ok((figures.lastOverDiscrete ?? 1) >= 1 - 1e-9, `${figures.lastOverDiscrete} of the discrete bound`)
      }),
      { numRuns: 40 },
    )
  })

  it('repeats itself by its seed, and only by it', () => {
    const settings = { peers: { child: { count: 20, lies: 0.01, leave: 0.3, die: 0.1 } }, arrivals: { over: 0.5 } }
    const strip = (outcome: Outcome): unknown => ({ ...outcome, cost: undefined })
    assert.deepEqual(strip(run(settings)), strip(run(settings)))
    assert.notDeepEqual(strip(run(settings)), strip(run({ ...settings, seed: 2 })))
  })

  it('is within seconds for a thousand children', function () {
    this.timeout(120_000)
    const { figures, cost } = run({ peers: { child: { count: 1000 } } })
    assert.equal(figures.unfinished, 0)
    assert.ok(cost.cpu < 20, `${cost.cpu} CPU-seconds`)
  })
})

describe('simulated peers', () => {
  it('that have everything serve it, and nothing comes from the CDN', () => {
    const { figures } = run({ peers: { seed: { count: 1, upload: '2MB/s', holds: 1, downloads: false } } })
    assert.equal(figures.cdn, 0)
    near(figures.last, 4)
  })

  it('that lie are found out, and what they sent is counted', () => {
    const { figures } = run({ peers: { liar: { count: 1, upload: '9MB/s', uploadSlots: 1, holds: 1, downloads: false, lies: 1 } } })
    assert.equal(figures.unfinished, 0)
    near(figures.wrong, 100 / 9)
  })

  it('that refuse cost no bytes', () => {
    const { figures } = run({ peers: { refuser: { count: 1, upload: '9MB/s', holds: 1, downloads: false, refuses: 1 } } })
    assert.deepEqual([figures.unfinished, figures.cdn, figures.wrong], [0, 1, 0])
  })

  it('that die take nobody with them', () => {
    for (const freeze of [false, true]) {
      const { figures, completions } = run({
        tasks: { pieces: 32 },
        peers: { child: { count: 20, die: 0.5, freeze, uploadSlots: 4 } },
        control: { latency: '10ms' },
        children: { stall: '3s' },
      })
      assert.deepEqual([figures.unfinished, figures.sentToSource], [0, 0])
      assert.equal(completions.length, 10)
    }
  })

  it('that freeze are waited for, until the wait is over', () => {
    const last = (freeze: boolean): number => {
      const child = { count: 8, die: 0.5, freeze }
      return run({ seed: 3, peers: { child }, network: { latency: '10ms' }, control: { latency: '10ms' }, children: { stall: '7s' } }).figures.last ?? 0
    }
    assert.ok(last(true) > last(false) + 5)
  })

  it('that arrive by chance come over the time that was said', () => {
    const { completions, bounds } = run({ peers: { child: { count: 200 } }, arrivals: { over: 2 } })
    const joined = completions.map(({ joinedAt }) => joinedAt)
    assert.ok(Math.min(...joined) > 0 && Math.max(...joined) < 2 * bounds.fluid)
    const early = joined.filter((at) => at < bounds.fluid).length
    assert.ok(early > 70 && early < 130, `${early} of 200 in the first half`)
  })

  it('with a line between them get the content over it, at its pace', () => {
    const { figures } = run({
      cdn: { at: 'a', upload: '10MB/s' },
      peers: { child: { at: ['b'], upload: '10MB/s' } },
      network: { lines: { thin: { between: ['a', 'b'], rate: '500KB/s', latency: 0 } } },
    })
    near(figures.last, 16)
    near(figures.crossings, 1)
    near(figures.fluidBound, 16)
  })

  it('have a lane each that carries no more than it can', () => {
    near(run({ cdn: { upload: '10MB/s', uploadSlots: 8 }, network: { laneRate: '250KB/s' } }).figures.last, 32)
  })

  it('that nobody can serve go to the origin', () => {
    const { figures } = simulate(scenarioWith(), {
      wrap: (scheduler) => ({
        handle: (event, now) => {
          const commands = scheduler.handle(event, now)
          if (event.type !== 'pieces-wanted') return commands.filter(({ type }) => type !== 'assign')
          return [{ type: 'back-to-source', task: event.task, child: event.peer, reason: 'no-parent' }]
        },
        nextTick: () => undefined,
        stats: () => scheduler.stats(),
        snapshotBlocklist: () => scheduler.snapshotBlocklist(),
        snapshotWait: (task, child) => scheduler.snapshotWait(task, child),
      }),
    })
    assert.deepEqual([figures.unfinished, figures.origin, figures.cdn, figures.sentToSource], [0, 2, 0, 1])
  })
})
