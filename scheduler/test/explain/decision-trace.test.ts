import assert from 'node:assert/strict'
import type { PeerId, TaskId } from '@damselfly/shared'
import fc from 'fast-check'
import { CHUNK_SIZE } from '../../src/explain/decision-chunk.ts'
import type { AssignmentView } from '../../src/explain/decision-observer.ts'
import { DecisionTrace } from '../../src/explain/decision-trace.ts'

const VIEW: AssignmentView = {
  at: 5,
  task: 'a' as TaskId,
  child: 'child' as PeerId,
  parent: 'parent' as PeerId,
  piece: 7,
  basis: 'peers-slow',
  order: 'in-order',
  priority: 'background',
  openSince: 2,
  trigger: 'piece-done',
  triggerPeer: 'other' as PeerId,
  peers: 3,
  holders: 2,
  copies: 3,
  candidates: [
    { peer: 'cdn' as PeerId, isCdn: true, verdict: 'lacking', blockedForMs: 0 },
    { peer: 'x' as PeerId, isCdn: false, verdict: 'blocked', blockedForMs: Infinity },
  ],
  candidateCount: 1,
}

function assign(trace: DecisionTrace, over: Partial<AssignmentView> = {}): number {
  return trace.assigned({ ...VIEW, ...over })
}

function numbersOf(trace: DecisionTrace, task: string): number[] {
  return trace.query(task as TaskId, { limit: Infinity }).decisions.map(({ number }) => number)
}

describe('a decision trace', () => {
  it('gives back what it was told', () => {
    const trace = new DecisionTrace({ perTask: 10, total: 10 })
    const number = assign(trace, { candidateCount: 2 })
    trace.ended('a' as TaskId, number, 'refused', 9)
    const { at, task: _, openSince: __, candidateCount: ___, ...same } = VIEW
    assert.deepEqual(trace.query('a' as TaskId, { limit: 1 }).decisions, [
      { type: 'assigned', number, at, ...same, waitedMs: 3, outcome: 'refused', tookMs: 4 },
    ])
    assign(trace)
    const [second] = trace.query('a' as TaskId, { after: number, limit: 1 }).decisions
    assert.ok(second?.type === 'assigned' && second.outcome === undefined && second.candidates.length === 1)
  })

  it('finds by child and piece, page by page', () => {
    const trace = new DecisionTrace({ perTask: 1000, total: 1000 })
    const [ann, bob] = ['12D3ann' as PeerId, '12D3bob' as PeerId]
    trace.joined(VIEW.task, ann, 'in-order', 0)
    for (let piece = 0; piece < 300; piece++) for (const child of [ann, bob]) assign(trace, { child, piece })
    const page = trace.query(VIEW.task, { child: ann, piece: 200, limit: 10 })
    assert.deepEqual(page.decisions.map(({ type }) => type), ['joined', 'assigned'])
    const seen: number[] = []
    for (let after = -1, hasMore = true; hasMore; ) {
      const next = trace.query(VIEW.task, { child: bob, after, limit: 70 })
      hasMore = next.hasMore
      seen.push(...next.decisions.map(({ number }) => number))
      after = seen.at(-1) ?? after
    }
    assert.deepEqual(seen, trace.query(VIEW.task, { child: bob, limit: Infinity }).decisions.map(({ number }) => number))
    assert.equal(seen.length, 300)
    assert.deepEqual(trace.childrenEnding(VIEW.task, 'bob'), [bob])
    assert.deepEqual(trace.childrenEnding(VIEW.task, 'b').length, 1)
    assert.deepEqual(new Set(trace.childrenEnding(VIEW.task, '')), new Set([ann, bob]))
    assert.deepEqual(trace.childrenEnding('none' as TaskId, 'bob'), [])
  })

  it('keeps the latest of each task, and forgets the oldest of all, however they come', () => {
    const decisions = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: CHUNK_SIZE })), { maxLength: 40 })
    fc.assert(
      fc.property(decisions, (runs) => {
        const [perTask, total] = [2 * CHUNK_SIZE, 4 * CHUNK_SIZE]
        const trace = new DecisionTrace({ perTask, total })
        const made = new Map<string, number[]>()
        for (const [task, count] of runs) {
          for (let i = 0; i < count; i++) {
            const numbers = made.get(task) ?? []
            made.set(task, [...numbers, assign(trace, { task: task as TaskId })])
          }
        }
        let kept = 0
        for (const [task, numbers] of made) {
          const found = numbersOf(trace, task)
          kept += found.length
          assert.ok(found.length <= perTask)
          assert.deepEqual(found, numbers.slice(numbers.length - found.length))
          assert.equal(new Set(numbers).size, numbers.length)
          assert.equal(trace.has(task as TaskId), found.length > 0)
        }
        assert.ok(kept <= total)
        const last = runs.at(-1)?.[0]
        if (last !== undefined) assert.ok(numbersOf(trace, last).length > 0)
      }),
      { numRuns: 50 },
    )
  })

  it('takes no notice of the end of what it has forgotten', () => {
    const trace = new DecisionTrace({ perTask: 1, total: 1 })
    const forgotten = assign(trace)
    for (let i = 0; i < CHUNK_SIZE; i++) assign(trace, { task: 'b' as TaskId })
    assert.deepEqual(numbersOf(trace, 'a'), [])
    trace.ended('a' as TaskId, forgotten, 'done', 6)
    const again = assign(trace)
    assert.ok(again > forgotten)
    trace.ended('a' as TaskId, forgotten, 'done', 6)
    const [only] = trace.query('a' as TaskId, { limit: 2 }).decisions
    assert.ok(only?.type === 'assigned' && only.outcome === undefined)
  })
})
