import assert from 'node:assert/strict'
import type { PeerId, TaskId } from '@damselfly/shared'
import { DecisionTrace } from '../src/explain/decision-trace.ts'
import { wordsOf } from '../src/explain/words.ts'
import { Stage, takes } from './stage.ts'

const [HOME, ELSEWHERE] = ['///home', '///elsewhere']

describe('within a local network', () => {
  let trace: DecisionTrace
  let stage: Stage

  beforeEach(() => {
    trace = new DecisionTrace({ perTask: 100, total: 100 })
    stage = new Stage({ observer: trace })
    stage.registers(4)
  })

  it('pieces come from there rather than from the internet, and only then through a relay', () => {
    stage.joins('lan', { slots: 1, at: HOME })
    stage.joins('wan', { slots: 1, at: ELSEWHERE })
    stage.joins('relayed', { slots: 1, at: HOME, isRelayed: true })
    for (const peer of ['relayed', 'wan', 'lan']) stage.has(peer, [0, 1, 2, 3])
    stage.joins('child', { at: HOME })
    assert.deepEqual(stage.downloads('child', 3, 'in-order'), [takes('child', 0, 'lan'), takes('child', 1, 'wan'), takes('child', 2, 'relayed')])
  })

  it('a child finds its neighbours among a thousand', () => {
    for (let peer = 0; peer < 1000; peer++) {
      stage.joins(`peer-${peer}`, { at: `///net-${peer % 250}` })
      stage.has(`peer-${peer}`, [0, 1, 2, 3])
    }
    stage.joins('child', { at: '///net-77' })
    for (const line of stage.downloads('child', 4)) assert.match(line, /from peer-(77|327|577|827)$/)
  })

  it('a parent serves its neighbours first', () => {
    stage.joins('parent', { slots: 1, at: HOME })
    for (const [peer, at] of [['one', ELSEWHERE], ['two', ELSEWHERE], ['near', HOME], ['three', ELSEWHERE]] as const) {
      stage.joins(peer, { at, slots: 0 })
      stage.downloads(peer, 1)
    }
    assert.deepEqual(stage.has('parent', [0]), [takes('near', 0, 'parent')])
  })

  it('what people said of places counts more', () => {
    stage.joins('lan', { at: '///home' })
    stage.joins('rack', { at: 'here/a/1/other' })
    for (const peer of ['lan', 'rack']) stage.has(peer, [0])
    stage.joins('child', { at: 'here/a/1/home' })
    assert.deepEqual(stage.downloads('child', 1), [takes('child', 0, 'rack')])
  })

  it('it is told why others were not taken', () => {
    for (const [peer, at, isRelayed] of [['lan', HOME, false], ['wan', ELSEWHERE, false], ['relayed', HOME, true]] as const) {
      stage.joins(peer, { at, isRelayed })
      stage.has(peer, [0])
    }
    stage.joins('child', { at: HOME })
    stage.downloads('child', 1)
    const [, decision] = trace.query('task' as TaskId, { child: 'child' as PeerId, limit: 2 }).decisions
    assert.ok(decision?.type === 'assigned')
    assert.deepEqual(Object.fromEntries(decision.candidates.map(({ peer, verdict }) => [peer, verdict])), { wan: 'outside', relayed: 'relayed' })
    assert.match(wordsOf(decision), /wan would have sent it from outside the local network; relayed would have sent it through a relay\./)
  })
})
