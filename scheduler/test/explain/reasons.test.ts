import assert from 'node:assert/strict'
import type { PeerId, TaskId } from '@damselfly/shared'
import { answerOf } from '../../src/explain/answer.ts'
import { DecisionTrace } from '../../src/explain/decision-trace.ts'
import type { AssignmentDecision, Decision } from '../../src/explain/decision.ts'
import { wordsOf, wordsOfChildWait } from '../../src/explain/words.ts'
import { Stage } from '../stage.ts'

const TASK = 'task' as TaskId

describe('the reasons of a decision', () => {
  let trace: DecisionTrace
  let stage: Stage

  beforeEach(() => {
    trace = new DecisionTrace({ perTask: 1000, total: 1000 })
    stage = new Stage({ observer: trace })
    stage.registers(4)
    stage.joins('cdn', { isCdn: true, slots: 1 })
    for (const peer of ['ann', 'bob', 'cat', 'dan']) stage.joins(peer, { slots: 1 })
  })

  const decisionsOf = (child: string, piece?: number): readonly Decision[] => {
    return trace.query(TASK, { child: child as PeerId, piece, limit: 1000 }).decisions
  }

  /** The latest assignment of the piece to the child. */
  const lastOf = (child: string, piece: number): AssignmentDecision => {
    const found = decisionsOf(child, piece).findLast(({ type }) => type === 'assigned')
    assert.ok(found?.type === 'assigned', `${child} was not assigned ${piece}`)
    return found
  }

  const verdictsOf = ({ candidates }: AssignmentDecision): Record<string, string> => {
    return Object.fromEntries(candidates.map(({ peer, verdict }) => [peer, verdict]))
  }

  it('say what else there was and why it was not taken', () => {
    stage.joins('near', { slots: 1, at: 'here//' })
    stage.joins('far', { slots: 1, at: 'there//' })
    stage.joins('child', { slots: 1, at: 'here//' })
    stage.has('ann', [0])
    stage.downloads('dan', 1)
    for (const peer of ['near', 'far', 'bob', 'cdn']) stage.has(peer, [0])
    stage.downloads('child', 1)
    const decision = lastOf('child', 0)
    assert.equal(decision.basis, 'peer')
    assert.equal(decision.parent, 'near')
    const { cdn, ...others } = verdictsOf(decision)
    assert.equal(cdn, 'spared')
    assert.deepEqual(Object.values(others).toSorted(), ['busy', 'crossing', 'crossing'])
    assert.deepEqual([decision.peers, decision.holders, decision.copies], [6, 4, 5])
  })

  it('say who may not upload it by a rule', () => {
    for (const peer of ['ann', 'bob']) stage.has(peer, [0])
    stage.scheduler.handle({ type: 'uploads-shut', task: TASK, peer: 'bob' as PeerId, isShut: true }, stage.now)
    stage.downloads('cat', 1)
    assert.equal(lastOf('cat', 0).parent, 'ann')
    stage.has('dan', [0])
    stage.joins('eve')
    stage.downloads('eve', 1)
    assert.equal(verdictsOf(lastOf('eve', 0))['bob'], 'shut')
  })

  it('say how long the child could have taken it, and what it waited for: a slot', () => {
    stage.has('ann', [0])
    stage.downloads('bob', 1)
    stage.downloads('cat', 1)
    stage.now = 3000
    stage.gets('bob', 0, 'ann')
    const { waitedMs, trigger, triggerPeer } = lastOf('cat', 0)
    assert.deepEqual([waitedMs, trigger, triggerPeer], [3000, 'piece-done', 'bob'])
    assert.match(wordsOf(lastOf('cat', 0)), /^Piece 0 to cat from (ann|bob)\. cat had room for it for 3\.00 s, until bob had /)
  })

  it('say what it waited for: the piece itself', () => {
    stage.downloads('cat', 1)
    stage.now = 500
    stage.has('cdn', [2])
    const decision = lastOf('cat', 2)
    assert.deepEqual([decision.basis, decision.waitedMs, decision.trigger, decision.triggerPeer], ['only-cdn', 500, 'pieces-available', 'cdn'])
    assert.equal(
      wordsOf(decision),
      'Piece 2 to cat from the CDN. cat had room for it for 500 ms, until the CDN had brought more of the content. ' +
        'No peer had it or was about to. It is under way.',
    )
  })

  it('say for how long who was blocked', () => {
    for (const peer of ['ann', 'bob']) stage.has(peer, [0])
    stage.downloads('cat', 1)
    const liar = lastOf('cat', 0).parent
    const other = liar === 'ann' ? 'bob' : 'ann'
    stage.fails('cat', 0, liar, 'corrupt')
    stage.wants('cat', 1)
    assert.equal(decisionsOf('cat', 0).length, 3)
    const again = lastOf('cat', 0)
    assert.equal(again.parent, other)
    assert.deepEqual(again.candidates, [{ peer: liar, isCdn: false, verdict: 'blocked', blockedForMs: 60_000 }])
    assert.match(wordsOf(again), new RegExp(`${liar} could not be used for 60\\.00 s more \\(blocked\\)`))
  })

  it('tell how each assignment ended', () => {
    stage.has('ann', [0, 1, 2, 3])
    stage.changes('ann', { slots: 8 })
    stage.downloads('bob', 2, 'in-order')
    stage.now = 40
    stage.gets('bob', 0, 'ann')
    stage.has('bob', [1])
    stage.downloads('cat', 4, 'in-order')
    stage.now = 50
    stage.fails('cat', 0, lastOf('cat', 0).parent, 'timeout')
    const ofAnn = [1, 2, 3].filter((piece) => lastOf('cat', piece).parent === 'ann')
    stage.leaves('ann')
    for (const piece of ofAnn) stage.fails('cat', piece, 'ann', 'cancelled')
    stage.stops('cat')
    const outcomeOf = (child: string, piece: number) => (decisionsOf(child, piece)[1] as AssignmentDecision).outcome
    assert.deepEqual([0, 1].map((piece) => outcomeOf('bob', piece)), ['done', 'overtaken'])
    assert.equal((decisionsOf('bob', 0)[1] as AssignmentDecision).tookMs, 40)
    assert.equal(outcomeOf('cat', 0), 'timeout')
    assert.deepEqual([2, 3].map((piece) => outcomeOf('cat', piece)), ['parent-left', 'parent-left'])
    assert.equal(lastOf('cat', 1).outcome, lastOf('cat', 1).parent === 'ann' ? 'parent-left' : 'child-left')
  })

  it('tell who was sent to the origin, and why', () => {
    stage.originFails()
    stage.downloads('cat', 1)
    assert.deepEqual(
      decisionsOf('cat').map(({ type }) => type),
      ['joined', 'back-to-source'],
    )
    assert.match(decisionsOf('cat').map((decision) => wordsOf(decision)).join(' '), /began to download.* the origin failed the CDN/)
  })

  it('say what a child waits for now', () => {
    stage.has('ann', [0])
    stage.downloads('bob', 1)
    stage.has('cdn', [1, 2])
    stage.downloads('dan', 1)
    assert.equal(stage.scheduler.snapshotWait(TASK, 'dan' as PeerId), undefined)
    stage.now = 1000
    stage.downloads('cat', 1)
    stage.now = 4000
    const wait = stage.scheduler.snapshotWait(TASK, 'cat' as PeerId)
    const piecesOfCdn = { withCdn: 1, onTheWay: 1 }
    assert.deepEqual(wait, { since: 1000, underWay: 0, needed: 4, withPeers: 1, ...piecesOfCdn, nowhere: 1, blockedParents: 0, priority: 'foreground' })
    assert.equal(
      wordsOfChildWait('cat' as PeerId, wait, 4000),
      'cat has had room for a further piece for 3.00 s, with 0 under way. Of the 4 that it needs beside, ' +
        '1 is with peers that have no free slot or may not be used, 1 is only on their way to other peers, ' +
        '1 is only with the CDN, which has no free slot or may not be used and 1 is not yet brought from the origin.',
    )
    assert.equal(stage.scheduler.snapshotWait(TASK, 'nobody' as PeerId), undefined)
  })

  it('answer how a child came to a piece, with all attempts', () => {
    stage.has('ann', [0])
    stage.downloads('cat', 1)
    stage.now = 1000
    stage.fails('cat', 0, 'ann', 'refused')
    stage.has('bob', [0])
    stage.now = 1200
    stage.wants('cat', 1)
    stage.now = 1500
    stage.gets('cat', 0, 'bob')
    assert.equal(
      answerOf('cat' as PeerId, 0, decisionsOf('cat')),
      'cat was assigned piece 0 less than 1 ms after it began to download. It took 2 attempts: from ann (refused after 1.00 s), from bob (done after 300 ms).',
    )
    assert.match(answerOf('cat' as PeerId, 3, decisionsOf('cat')), /^cat was not assigned piece 3, as far as decisions are kept/)
  })

  it('are decided on in the same way whether somebody listens or not', () => {
    const play = (observer: DecisionTrace | undefined): unknown[] => {
      const other = new Stage({ observer })
      other.registers(16)
      other.joins('cdn', { isCdn: true, slots: 2 })
      const peers = ['ann', 'bob', 'cat', 'dan']
      const said: unknown[] = [other.has('cdn', [0, 1, 2, 3, 4, 5, 6, 7])]
      for (const peer of peers) said.push(other.joins(peer, { slots: 2 }), other.downloads(peer, 3))
      for (const piece of [0, 1, 2, 3]) for (const peer of peers) said.push(other.has(peer, [piece]), other.wants(peer, 1))
      return said
    }
    assert.deepEqual(play(new DecisionTrace({ perTask: 100, total: 100 })), play(undefined))
  })
})
