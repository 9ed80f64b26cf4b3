import assert from 'node:assert/strict'
import { taskIdFromBytes, taskIdToBytes, VirtualClock, type PeerId, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createIdentity } from '@damselfly/exchange'
import type { BlocklistEntry } from '@damselfly/scheduler'
import { Inspections, type Accusation, type Finding } from '../../src/trust/inspections.ts'
import { createControlBench, largeContent, settle, type ControlBench } from '../control-bench.ts'
import { digestOf } from '../fake-cdn.ts'
import { FakePeer } from '../fake-peer.ts'

const URL = 'https://a.example/file'
const CONTENT = largeContent(6)

/** A network in which peers say things about each other. */
class Stage {
  /** Those whose pieces the supernode would find wrong if it asked. */
  readonly bad = new Set<PeerId>()
  readonly inspected: Accusation[] = []
  /** What the supernode finds, where it is not what is true. */
  finding: Finding | undefined
  readonly bench: ControlBench
  taskId = '' as TaskId

  constructor() {
    this.bench = createControlBench({
      inspect: async (accusation) => {
        this.inspected.push(accusation)
        return this.finding ?? (this.bad.has(accusation.parent) ? 'wrong' : 'right')
      },
    })
    this.bench.cdn.contents.set(URL, CONTENT)
  }

  /** A peer that holds everything. */
  async holder(): Promise<FakePeer> {
    const peer = await this.child()
    this.bench.cdn.tasks.get(this.taskId)?.finish()
    for (let index = 0; index < 6; index++) peer.stored(this.taskId, index, digestOf(CONTENT, index))
    return peer
  }

  async child(address?: string): Promise<FakePeer> {
    const peer = FakePeer.greet(this.bench.control, {}, undefined, address)
    this.taskId = taskIdFromBytes((await peer.register({ url: URL })).taskId)
    return peer
  }

  /** The child gets a piece from the parent, and says that it was wrong. */
  async accuses(child: FakePeer, parent: FakePeer): Promise<void> {
    child.want(this.taskId, 1)
    const { index } = await child.whenHeard('assign', (assign) => assign.parent === parent.id)
    child.say({ case: 'pieceFailed', value: { taskId: taskIdToBytes(this.taskId), index, parent: parent.id, reason: 'PIECE_CORRUPT', message: '' } })
    await settle()
  }

  blocks(parent: FakePeer): readonly BlocklistEntry[] {
    return this.bench.scheduler.snapshotBlocklist().filter((entry) => entry.parent === parent.id)
  }
}

describe('what peers say of others', function () {
  this.timeout(20_000)
  let stage: Stage
  beforeEach(() => (stage = new Stage()))
  afterEach(() => stage.bench.stop())

  for (const sybils of [3, 10]) {
    it(`costs an honest parent no more than the pairs, if ${sybils} liars in as many networks speak ill of it`, async () => {
      const honest = await stage.holder()
      for (let index = 0; index < sybils; index++) {
        await stage.accuses(await stage.child(`192.0.${index}.1:7`), honest)
      }
      assert.ok(stage.blocks(honest).every(({ child }) => child !== undefined), 'nobody else is kept from it')
      const child = await stage.child()
      child.want(stage.taskId, 1)
      assert.equal((await child.whenHeard('assign')).parent, honest.id)
      assert.ok(stage.inspected.length >= 1)
    })
  }

  it('is found true of a bad parent: nobody uses it any more, from the first complaint on', async () => {
    const liar = await stage.holder()
    stage.bad.add(liar.id)
    await stage.accuses(await stage.child(), liar)
    const [forAll, ofPair] = stage.blocks(liar)
    assert.deepEqual([forAll?.child, forAll?.reason, ofPair?.child !== undefined], [undefined, 'corrupt', true])
    assert.equal(stage.inspected.length, 1)
    const child = await stage.child()
    child.want(stage.taskId, 1)
    assert.equal((await child.whenHeard('assign')).parent, stage.bench.identity.peerId)
  })

  it('blocks nobody for all while the supernode cannot look for itself', async () => {
    const parent = await stage.holder()
    stage.finding = 'unknown'
    for (let index = 0; index < 5; index++) await stage.accuses(await stage.child(), parent)
    assert.ok(stage.blocks(parent).every(({ child }) => child !== undefined))
    assert.ok(stage.inspected.length >= 5)
  })

  it('counts nothing of a peer that they were never introduced to', async () => {
    const [honest, stranger] = [await stage.holder(), await stage.child()]
    stranger.say({ case: 'pieceFailed', value: { taskId: taskIdToBytes(stage.taskId), index: 0, parent: honest.id, reason: 'PIECE_CORRUPT', message: '' } })
    await settle()
    assert.deepEqual([stage.blocks(honest), stage.inspected], [[], []])
  })

  it('counts a piece that a child says it got again and again once', async () => {
    const [honest, child] = [await stage.holder(), await stage.child()]
    child.want(stage.taskId, 1)
    const { index, parent } = await child.whenHeard('assign')
    assert.equal(parent, honest.id)
    for (let again = 0; again < 20; again++) child.done(stage.taskId, index, honest.id)
    const text = await stage.bench.metrics.registry.metrics()
    const bytes = Number(/damselfly_reported_piece_bytes_total\{from="peer"\} (\d+)/.exec(text)?.[1] ?? 0)
    assert.ok(bytes > 0 && bytes <= CONTENT.pieceSize, `${bytes} bytes`)
  })

  it('makes a child that claims what it lacks a parent that is passed over by each child that found out', async () => {
    const liar = await stage.holder()
    const child = await stage.child()
    child.want(stage.taskId, 1)
    const { index } = await child.whenHeard('assign', (assign) => assign.parent === liar.id)
    child.say({ case: 'pieceFailed', value: { taskId: taskIdToBytes(stage.taskId), index, parent: liar.id, reason: 'PIECE_REFUSED', message: '' } })
    child.want(stage.taskId, 1)
    assert.equal((await child.whenHeard('assign', (assign) => assign.parent !== liar.id)).parent, stage.bench.identity.peerId)
  })
})

describe('the supernode that looks for itself', () => {
  const clock = new VirtualClock()
  const [parent, liar, other] = [1, 2, 3].map(() => createIdentity().peerId) as [PeerId, PeerId, PeerId]
  let looked = 0
  let caught: PeerId[] = []
  let finding: Finding
  let inspections: Inspections

  beforeEach(() => {
    ;[looked, caught, finding] = [0, [], 'right']
    const inspect = async (): Promise<Finding> => {
      looked++
      return finding
    }
    inspections = new Inspections({ inspect, caught: (peer) => caught.push(peer), stopping: new AbortController().signal, clock, logger: silentLogger() })
  })

  async function accuse(child: PeerId, accused: PeerId = parent): Promise<void> {
    inspections.accused({ task: 'ab'.repeat(32) as TaskId, piece: 0, parent: accused, child })
    await settle()
  }

  it('leaves a parent alone that was right a moment ago, and does not hear who was wrong for some minutes', async () => {
    await accuse(liar)
    await accuse(other)
    assert.equal(looked, 1)
    clock.advance(10_000)
    await accuse(liar)
    assert.equal(looked, 1)
    assert.ok(inspections.isDiscredited(liar) && !inspections.isDiscredited(other))
    await accuse(other)
    assert.equal(looked, 2)
    clock.advance(600_000)
    await accuse(liar)
    assert.equal(looked, 3)
    assert.deepEqual(caught, [])
  })

  it('asks once for all who complain at the same time, and of few parents at once', async () => {
    finding = 'unknown'
    const accused = Array.from({ length: 50 }, () => createIdentity().peerId)
    for (const each of accused) for (const child of [liar, other]) inspections.accused({ task: 'ab'.repeat(32) as TaskId, piece: 0, parent: each, child })
    assert.equal(looked, 4)
    await settle()
  })

  it('tells of one that it caught, each time', async () => {
    finding = 'wrong'
    await accuse(liar)
    await accuse(other)
    assert.deepEqual(caught, [parent, parent])
  })
})
