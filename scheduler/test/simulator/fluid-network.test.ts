import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FluidNetwork } from '../../src/simulator/network/fluid-network.ts'
import type { Flow } from '../../src/simulator/network/flow.ts'
import { Link } from '../../src/simulator/network/link.ts'

const TOLERANCES = [0, 0.01, 0.1]

type Step =
  | { readonly type: 'begin'; readonly path: readonly number[]; readonly bytes: number; readonly ownLimit: number }
  | { readonly type: 'stop'; readonly which: number }
  | { readonly type: 'pass'; readonly share: number }

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('begin' as const),
        path: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 4 }),
        bytes: fc.integer({ min: 1, max: 10_000 }),
        ownLimit: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 50 })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('stop' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('pass' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  ),
  { maxLength: 80 },
)

const capacities = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 8, maxLength: 8 })

/** A network, the flows in it, and what went through. */
class Trial {
  readonly links: readonly Link[]
  readonly network: FluidNetwork
  readonly flows: Set<Flow> = new Set()
  begun = 0
  ended = 0
  unsent = 0

  constructor(ofLinks: readonly number[], tolerance: number) {
    this.links = ofLinks.map((capacity) => new Link(capacity))
    this.network = new FluidNetwork({ tolerance })
  }

  take(step: Step): void {
    const { network, flows } = this
    if (step.type === 'begin') {
      const path = step.path.flatMap((index) => this.links[index] ?? [])
      this.begun += step.bytes
      const flow = network.begin(path, step.bytes, () => (flows.delete(flow), (this.ended += step.bytes)), step.ownLimit)
      flows.add(flow)
    } else if (step.type === 'stop') {
      const flow = [...flows][step.which % Math.max(1, flows.size)]
      if (flow === undefined) return
      flows.delete(flow)
      this.unsent += network.stop(flow)
    } else {
      const next = network.nextEnd()
      if (next !== Infinity) network.advance(network.now + (next - network.now) * (step.share < 0.5 ? step.share : 1))
    }
    network.nextEnd()
  }
}

function loadOf({ flows }: Link): number {
  return flows.reduce((sum, { rate }) => sum + rate, 0)
}

/** Max-min fair rates found in the plainest way: raise all rates together; flows of a full link stay where they are. */
function fairRates(flows: readonly Flow[]): ReadonlyMap<Flow, number> {
  const rates = new Map(flows.map((flow) => [flow, 0]))
  const open = new Set(flows)
  const rateOf = (flow: Flow): number => rates.get(flow) ?? 0
  const roomOf = (link: Link): number => link.capacity - link.flows.reduce((sum, flow) => sum + rateOf(flow), 0)
  const openOn = (link: Link): Flow[] => link.flows.filter((flow) => open.has(flow))
  while (open.size > 0) {
    const links = [...new Set([...open].flatMap(({ path }) => path))]
    const byLinks = links.map((link) => roomOf(link) / openOn(link).length)
    const raise = Math.min(...byLinks, ...[...open].map((flow) => flow.ownLimit - rateOf(flow)))
    for (const flow of open) rates.set(flow, rateOf(flow) + raise)
    for (const flow of open) if (rateOf(flow) >= flow.ownLimit - 1e-9) open.delete(flow)
    for (const link of links) if (roomOf(link) < 1e-9) for (const flow of openOn(link)) open.delete(flow)
  }
  return rates
}

describe('the fluid network', () => {
  for (const tolerance of TOLERANCES) {
    it(`never overloads a link, and gives each flow a full link on which nobody gets more (tolerance ${tolerance})`, () => {
      fc.assert(
        fc.property(capacities, steps, (ofLinks, course) => {
          const trial = new Trial(ofLinks, tolerance)
          for (const step of course) {
            trial.take(step)
            for (const link of trial.links) assert.ok(loadOf(link) <= link.capacity * (1 + 1e-9))
            for (const flow of trial.flows) {
              assert.ok(flow.rate > 0)
              const isHeldBack = flow.path.some((link) => {
                const most = Math.max(...link.flows.map(({ rate }) => rate))
                return loadOf(link) >= (link.capacity / (1 + tolerance)) * (1 - 1e-9) && flow.rate >= most * (1 - 1e-9)
              })
              assert.ok(isHeldBack || flow.rate === flow.ownLimit, 'a flow could have more')
            }
          }
        }),
        { numRuns: 300 },
      )
    })
  }

  it('finds the same rates as raising all of them together', () => {
    fc.assert(
      fc.property(capacities, steps, (ofLinks, course) => {
        const trial = new Trial(ofLinks, 0)
        for (const step of course) trial.take(step)
        for (const [{ rate }, expected] of fairRates([...trial.flows])) {
          assert.ok(Math.abs(rate - expected) <= 1e-6 * expected, `${rate} instead of ${expected}`)
        }
      }),
    )
  })

  it('delivers every byte that is not stopped, in time that never steps back', () => {
    fc.assert(
      fc.property(capacities, steps, fc.constantFrom(...TOLERANCES), (ofLinks, course, tolerance) => {
        const trial = new Trial(ofLinks, tolerance)
        const { network } = trial
        for (const step of course) trial.take(step)
        for (let next = network.nextEnd(); next !== Infinity; next = network.nextEnd()) {
          assert.ok(next >= network.now)
          network.advance(next)
        }
        assert.equal(trial.flows.size, 0)
        assert.ok(trial.links.every(({ flows, level }) => flows.length === 0 && level === Infinity))
        const stopped = trial.begun - trial.ended
        assert.ok(trial.unsent <= stopped + 1e-6)
      }),
    )
  })

  it('takes the time that bytes and shares make', () => {
    const [up, down] = [new Link(10), new Link(30)]
    const network = new FluidNetwork({ tolerance: 0 })
    const ends: [string, number][] = []
    const begin = (name: string, path: Link[], bytes: number): Flow => network.begin(path, bytes, () => ends.push([name, network.now]))
    begin('a', [up, down], 100)
    begin('b', [up, down], 50)
    for (let next = network.nextEnd(); next !== Infinity; next = network.nextEnd()) network.advance(next)
    assert.deepEqual(ends, [['b', 10], ['a', 15]])
  })

  it('says what a stopped flow did not send', () => {
    const network = new FluidNetwork()
    const flow = network.begin([new Link(10)], 100, () => assert.fail('it was stopped'))
    network.nextEnd()
    network.advance(4)
    assert.equal(network.stop(flow), 60)
    assert.equal(network.nextEnd(), Infinity)
  })

  it('sends at once where nothing holds it back', () => {
    const network = new FluidNetwork()
    let sent = false
    network.begin([new Link(Infinity)], 100, () => (sent = true))
    network.advance(network.nextEnd())
    assert.ok(sent)
    assert.equal(network.now, 0)
  })
})
