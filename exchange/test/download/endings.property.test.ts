import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { DamselflyError, toDamselflyError } from '@damselfly/shared'
import { turns } from '../control/scripted-supernode.ts'
import type { FakeParent } from './fake-parent.ts'
import { PIECE, SwarmBench } from './swarm-bench.ts'

const PIECES = 3

/** Longer than any patience: five minutes for signs of life of which nothing comes. */
const LONGEST = 420_000

const MODES = ['serve', 'lie', 'refuse', 'stall', 'unreachable'] as const
type Mode = (typeof MODES)[number]

/** What a download without the origin may fail with: the last is what the supernode said of it. */
const EXPECTED: ReadonlySet<string> = new Set(['NO_SOURCE', 'ORIGIN_UNREACHABLE'])

type Event =
  | { readonly type: 'answer' | 'refuse' | 'lose' | 'restore' | 'freeze' | 'digests' | 'introduce' | 'fail' }
  | { readonly type: 'assign' | 'cancel'; readonly index: number; readonly parent: number }
  | { readonly type: 'behave'; readonly parent: number; readonly mode: Mode }
  | { readonly type: 'send-back'; readonly reason: string }
  | { readonly type: 'origin'; readonly isUp: boolean }
  | { readonly type: 'pass'; readonly ms: number; readonly isAlive: boolean }

const aParent = fc.nat(1)
const anEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('assign' as const, 'cancel' as const), index: fc.nat(PIECES), parent: aParent }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.nat(8000), isAlive: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('answer' as const, 'introduce' as const, 'digests' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('refuse' as const, 'lose' as const, 'restore' as const, 'freeze' as const, 'fail' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('behave' as const), parent: aParent, mode: fc.constantFrom(...MODES) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('send-back' as const), reason: fc.constantFrom('no-parent', 'origin-failed') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('origin' as const), isUp: fc.boolean() }) },
)

/** Makes happen whatever can. */
class Story {
  readonly bench: SwarmBench
  readonly #parents: readonly FakeParent[]
  #answered = 0

  constructor(bench: SwarmBench) {
    this.bench = bench
    this.#parents = [bench.parent(), bench.parent({ isCdn: true })]
  }

  async happen(event: Event): Promise<void> {
    const { bench } = this
    const { supernode } = bench
    switch (event.type) {
      case 'answer':
      case 'refuse':
        return this.#answer(event.type === 'answer' ? {} : { errorCode: 'SUPERNODE_OVERLOADED' })
      case 'lose':
        supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
        return supernode.drop()
      case 'restore':
        supernode.refusal = undefined
        supernode.isFrozen = false
        return
      case 'freeze':
        supernode.isFrozen = true
        return
      case 'digests':
        return this.say(() => bench.tellDigests(0, 2))
      case 'introduce':
        return this.say(() => bench.introduce(...this.#parents))
      case 'fail':
        return this.say(() => bench.tell({ errorCode: 'ORIGIN_UNREACHABLE' }))
      case 'assign':
        return this.say(() => bench.assign(this.#parent(event.parent), event.index))
      case 'cancel':
        return this.say(() => bench.cancel(this.#parent(event.parent), event.index))
      case 'send-back':
        return this.say(() => bench.sendBack(event.reason))
      case 'behave':
        return behave(this.#parent(event.parent), event.mode)
      case 'origin':
        bench.origin.outage = event.isUp ? undefined : new DamselflyError('ORIGIN_UNREACHABLE', 'no route')
        return
      case 'pass':
        return bench.pass(event.ms, event.isAlive ? () => this.say(() => bench.tell({})) : undefined)
    }
  }

  async #answer(answer: { errorCode?: string }): Promise<void> {
    const { supernode } = this.bench
    if (!supernode.isConnected || supernode.all('register').length <= this.#answered) return
    this.#answered = supernode.all('register').length
    await this.bench.answerTo(this.#answered, answer)
  }

  /** Time passes; the supernode only shows life. */
  async goOn(outcome: Outcome): Promise<void> {
    const { clock } = this.bench
    for (const since = clock.now(); !outcome.isOver && clock.now() - since < LONGEST; ) {
      clock.advance(1000)
      this.say(() => this.bench.tell({}))
      await turns()
      // The disk must get on as well as the clock.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  say(speak: () => void): void {
    if (this.bench.supernode.isConnected) speak()
  }

  #parent(index: number): FakeParent {
    const parent = this.#parents[index]
    assert.ok(parent !== undefined)
    return parent
  }
}

function behave(parent: FakeParent, mode: Mode): void {
  parent.isUnreachable = mode === 'unreachable'
  parent.onRequest = (request) => {
    if (mode === 'serve') request.serve()
    else if (mode === 'lie') request.lie()
    else if (mode === 'refuse') request.refuse()
  }
}

interface Outcome {
  isOver: boolean
  error: DamselflyError | undefined
}

function outcomeOf(finished: Promise<unknown>): Outcome {
  const outcome: Outcome = { isOver: false, error: undefined }
  finished.then(
    () => {
      outcome.isOver = true
    },
    (error: unknown) => {
      outcome.isOver = true
      outcome.error = toDamselflyError(error)
    },
  )
  return outcome
}

describe('a download, whatever happens', function () {
  this.timeout(120_000)

  for (const backToSource of [true, false]) {
    it(`ends, ${backToSource ? 'with' : 'without'} the origin, and with the right content if it succeeds`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anEvent, { maxLength: 25 }), async (events) => {
          const bench = await SwarmBench.create(randomBytes(PIECES * PIECE))
          try {
            await bench.connect()
            const story = new Story(bench)
            const { finished } = bench.begin({ backToSource })
            const outcome = outcomeOf(finished)
            for (const event of events) {
              await story.happen(event)
              await turns()
            }
            await story.goOn(outcome)
            assert.ok(outcome.isOver, 'it neither goes on nor ends')
            if (outcome.error === undefined) return await bench.assertContent(await finished)
            const wasDown = events.some((event) => event.type === 'origin' && !event.isUp)
            const isExplained = backToSource ? wasDown && outcome.error.code === 'ORIGIN_UNREACHABLE' : EXPECTED.has(outcome.error.code)
            assert.ok(isExplained, String(outcome.error))
          } finally {
            await bench.stop()
          }
        }),
        // Where only patience ends it, each run takes its time.
        { numRuns: backToSource ? 20 : 8 },
      )
    })
  }
})
