import assert from 'node:assert/strict'
import type { PeerId, Priority, TaskId } from '@damselfly/shared'
import { foregroundFirst } from '../src/policies/turns.ts'
import { Stage } from './stage.ts'

const PIECES = Array.from({ length: 200 }, (_, piece) => piece)

describe('background', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
    for (const task of ['task', 'other']) {
      stage.registers(PIECES.length, task)
      stage.joins('parent', { slots: 1 })
      stage.has('parent', PIECES, task)
    }
    for (const peer of ['first', 'second', 'third']) stage.joins(peer, { slots: 0 })
  })

  const wants = (peer: string, count: number, priority: Priority, task = 'task'): readonly string[] => {
    return stage.tell({ type: 'pieces-wanted', task: task as TaskId, peer: peer as PeerId, count, priority })
  }

  const joins = (peer: string, count: number, priority: Priority, task = 'task'): readonly string[] => {
    return [...stage.downloads(peer, 0, 'rarest-first', task), ...wants(peer, count, priority, task)]
  }

  /** Lets the parent's one upload end, again and again, and its child ask for more. @returns who got the slots */
  const upload = (begun: readonly string[], times: number, priorityOf: (peer: string) => Priority, taskOf: (peer: string) => string): string[] => {
    const served: string[] = []
    let [line] = begun
    for (let time = 0; time < times; time++) {
      const [peer = '', , piece] = line?.split(' ') ?? []
      served.push(peer)
      const task = taskOf(peer)
      const ids = { task: task as TaskId, peer: peer as PeerId, parent: 'parent' as PeerId }
      const done = stage.tell({ type: 'piece-done', ...ids, piece: Number(piece), bytes: 1000, durationMs: 10 })
      line = [...done, ...wants(peer, 1, priorityOf(peer), task)].find((one) => one.includes('takes'))
    }
    return served
  }

  const counted = (served: readonly string[], peer: string): number => served.filter((one) => one === peer).length

  it('gets a slot that nobody else wants', () => {
    assert.equal(joins('first', 1, 'background').length, 1)
  })

  it('yields to foreground of the same task, but never starves', () => {
    const begun = joins('first', 2, 'background')
    joins('second', 2, 'foreground')
    const served = upload(begun, 101, (peer) => (peer === 'first' ? 'background' : 'foreground'), () => 'task')
    assert.equal(served[1], 'second')
    assert.equal(counted(served, 'second'), 96)
    assert.equal(counted(served, 'first'), 5, 'once to begin with, then one in 25')
  })

  it('yields to foreground of other tasks', () => {
    const begun = joins('first', 2, 'background')
    joins('second', 2, 'foreground', 'other')
    const served = upload(begun, 51, (peer) => (peer === 'first' ? 'background' : 'foreground'), (peer) => (peer === 'first' ? 'task' : 'other'))
    assert.deepEqual([counted(served, 'first'), counted(served, 'second')], [3, 48])
  })

  it('leaves tasks of foreground their even turns', () => {
    const begun = joins('first', 2, 'foreground')
    joins('second', 2, 'foreground', 'other')
    joins('third', 2, 'background', 'other')
    const served = upload(begun, 100, (peer) => (peer === 'third' ? 'background' : 'foreground'), (peer) => (peer === 'first' ? 'task' : 'other'))
    assert.ok(Math.abs(counted(served, 'first') - counted(served, 'second')) <= 2, served.join(' '))
    assert.ok(counted(served, 'third') >= 3, served.join(' '))
  })

  it('yields to foreground for what only the CDN has', () => {
    stage = new Stage()
    stage.registers(50)
    stage.joins('cdn', { isCdn: true, slots: 1 })
    for (const peer of ['first', 'second']) stage.joins(peer, { slots: 0 })
    stage.has('cdn', PIECES.slice(0, 50))
    const [line = ''] = joins('first', 2, 'background')
    joins('second', 2, 'foreground')
    const [next = ''] = stage.gets('first', Number(line.split(' ')[2]), 'cdn')
    assert.match(next, /^second takes .* from cdn$/)
  })

  it('is so as long as the child says so', () => {
    const [line = ''] = joins('first', 2, 'background')
    joins('second', 2, 'background')
    assert.deepEqual(wants('first', 0, 'foreground'), [])
    assert.match(stage.gets('first', Number(line.split(' ')[2]), 'parent')[0] ?? '', /^first takes/)
    stage.stops('first')
    joins('first', 2, 'foreground')
    assert.deepEqual(wants('first', 0, 'background'), [])
    joins('third', 2, 'foreground')
    assert.match(stage.stops('second')[0] ?? '', /^third takes/)
  })

  it('gets as many slots as a policy gives it', () => {
    const [even, odd] = [foregroundFirst({ inARow: 1 }), foregroundFirst({ inARow: 0 })]
    assert.deepEqual([0, 1, 2].map((passedOver) => even.isBackgroundsTurn(passedOver)), [false, true, true])
    assert.ok(odd.isBackgroundsTurn(0))
    const usual = foregroundFirst()
    assert.deepEqual([23, 24].map((passedOver) => usual.isBackgroundsTurn(passedOver)), [false, true])
  })
})
