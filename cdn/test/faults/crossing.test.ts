import assert from 'node:assert/strict'
import { MIN_PIECE_SIZE } from '@damselfly/shared'
import type { CdnLimits } from '../../src/index.ts'
import { CdnFixture } from '../fetch-once/cdn-fixture.ts'
import { expected } from './expected.ts'
import { FAULTS, SILENT, type FaultName } from './faults.ts'
import { KINDS, type KindName } from './kinds.ts'
import { ALL_OPERATIONS, Encounter, type Operation } from './operations.ts'

const LIMITS: Partial<CdnLimits> = { fetchTries: 3, freshForMs: 0, maxRetryAfterMs: 20 }

/** Of those who wait for an origin that says nothing, and of all others; milliseconds. */
const PATIENCE = { short: 400, long: 30_000 }

/** Operations that need a CDN of their own. */
const OWN_CDN: Partial<Record<Operation, Partial<CdnLimits>>> = {
  'fetch by several requests': { connectionsPerContent: 4, firstPortion: MIN_PIECE_SIZE },
  'fetch the rest after a restart': {},
}

const IS_SLOW = process.env['DAMSELFLY_TEST_SLOW'] !== undefined

/** What is common to all kinds of origins is met by one of them, where time matters. */
const IN_SHORT: readonly Operation[] = ['probe', 'read', 'read a part', 'fetch', 'fetch by several requests', 'list']

for (const kind of Object.keys(KINDS) as KindName[]) {
  const canList = KINDS[kind].listing !== undefined
  const operations = (kind === 'http' || IS_SLOW ? ALL_OPERATIONS : IN_SHORT).filter((operation) => operation !== 'list' || canList)
  describe(`an origin that is reached over ${kind}`, function () {
    this.timeout(120_000)
    const fixtures = new Map<string, CdnFixture>()

    after(() => Promise.all(Array.from(fixtures.values(), (fixture) => fixture.remove())))

    async function fixtureFor(operation: Operation, fault: FaultName): Promise<CdnFixture> {
      const patience = SILENT.has(fault) ? 'short' : 'long'
      const key = `${patience} ${operation in OWN_CDN ? operation : ''}`
      const known = fixtures.get(key)
      if (known !== undefined) return known
      const limits = { ...LIMITS, ...OWN_CDN[operation] }
      const fixture = await CdnFixture.create(limits, undefined, KINDS[kind].source({ ms: PATIENCE[patience] }))
      fixtures.set(key, fixture)
      return fixture
    }

    for (const [nth, fault] of (Object.keys(FAULTS) as FaultName[]).entries()) {
      it(`${fault} is met by every operation as it should be`, async () => {
        const outcomes = new Map<Operation, string>()
        for (const operation of operations) await fixtureFor(operation, fault)
        const meet = async (operation: Operation, i: number): Promise<void> => {
          const encounter = new Encounter(KINDS[kind], await fixtureFor(operation, fault), fault, nth * ALL_OPERATIONS.length + i)
          outcomes.set(operation, await encounter.outcome(operation))
        }
        await Promise.all(operations.map(meet))
        const wanted = expected(fault, kind)
        assert.deepEqual(Object.fromEntries(outcomes), Object.fromEntries(operations.map((operation) => [operation, wanted[operation]])))
      })
    }
  })
}
