import assert from 'node:assert/strict'
import { DamselflyError, MIN_PIECE_SIZE, sha256, taskIdFromBytes, taskIdToBytes, type Sha256, type TaskId } from '@damselfly/shared'
import type { OriginInfo, OriginResponse, SourceClient } from '@damselfly/cdn'
import { DigestSamples } from '../src/swarm/digest-samples.ts'
import { Passthrough } from '../src/swarm/passthrough.ts'
import { silentLogger } from '@damselfly/shared/logging'
import { createControlBench, largeContent, settle, type ControlBench } from './control-bench.ts'
import type { FakePeer } from './fake-peer.ts'

const URL = 'https://a.example/file'
const PIECES = 3
const BYTES = Buffer.alloc(PIECES * MIN_PIECE_SIZE - 5, 'origin')
const INFO: OriginInfo = { contentLength: BYTES.length, acceptsRanges: true, validators: { etag: '"v1"', lastModified: '' } }

/** An origin that is looked at, and read in parts. */
class LookedAtOrigin implements SourceClient {
  readonly schemes: readonly string[] = ['https:']
  info: OriginInfo = INFO
  authorization: string | undefined
  reads = 0
  probes = 0

  async probe({ headers }: Parameters<SourceClient['probe']>[0]): Promise<OriginInfo> {
    this.probes++
    if (this.authorization !== undefined && headers.get('authorization') !== this.authorization) {
      throw new DamselflyError('ORIGIN_UNAUTHORIZED', 'not for you')
    }
    return this.info
  }

  async read({ range }: Parameters<SourceClient['read']>[0]): Promise<OriginResponse> {
    this.reads++
    const bytes = BYTES.subarray(range?.start ?? 0, (range?.end ?? BYTES.length) + 1)
    const body = { pipe: async (sink: (part: Uint8Array) => unknown): Promise<void> => void (await sink(bytes)), cancel: (): void => undefined }
    return { ...this.info, start: range?.start ?? 0, bodyLength: bytes.length, body }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

function digestAt(index: number): Sha256 {
  return sha256(BYTES.subarray(index * MIN_PIECE_SIZE, (index + 1) * MIN_PIECE_SIZE))
}

describe('a supernode that passes contents on', () => {
  let origin: LookedAtOrigin
  let bench: ControlBench
  beforeEach(() => {
    origin = new LookedAtOrigin()
    bench = createControlBench({ passthrough: new Passthrough(origin) })
  })
  afterEach(() => bench.stop())

  async function join(peer: FakePeer): Promise<TaskId> {
    const answer = await peer.register({ url: URL })
    assert.equal(answer.errorCode, '')
    assert.equal(Number(answer.contentLength), BYTES.length)
    return taskIdFromBytes(answer.taskId)
  }

  /** What a peer says that has been sent to the origin. */
  function bring(peer: FakePeer, taskId: TaskId, index: number, digest = digestAt(index)): void {
    const task = taskIdToBytes(taskId)
    peer.say(
      { case: 'pieceStored', value: { taskId: task, index, digest } },
      { case: 'pieceDone', value: { taskId: task, index, parent: 'origin', bytes: MIN_PIECE_SIZE, durationUs: 1000 } },
    )
  }

  it('sends each piece to one peer alone, and the others to that peer', async () => {
    const [first, second] = [bench.peer(), bench.peer()]
    const taskId = await join(first)
    first.want(taskId, PIECES)
    const sent = await first.whenHeard('assign')
    assert.deepEqual([sent.parent, sent.digest.length], ['origin', 0])
    await join(second)
    bring(first, taskId, 0)
    bring(first, taskId, 1)
    bring(first, taskId, 2)
    second.want(taskId, PIECES)
    const assigned = await second.whenHeard('assign')
    assert.equal(assigned.parent, first.id)
    assert.deepEqual(Buffer.from(assigned.digest), Buffer.from(digestAt(assigned.index)))
    assert.equal(bench.cdn.obtained.length, 0)
  })

  it('believes no digest of a peer that was not sent there', async () => {
    const [child, stranger] = [bench.peer(), bench.peer()]
    const taskId = await join(child)
    await join(stranger)
    bring(stranger, taskId, 0)
    await settle()
    assert.equal(bench.tasks.get(taskId)?.swarm.content.digestCount, 0)
  })

  it('gives the piece to somebody else when a peer fails to fetch it', async () => {
    const [first, second] = [bench.peer(), bench.peer()]
    const taskId = await join(first)
    first.want(taskId, 1)
    const { index } = await first.whenHeard('assign')
    await join(second)
    first.say({
      case: 'pieceFailed',
      value: { taskId: taskIdToBytes(taskId), index, parent: 'origin', reason: 'PIECE_REFUSED', message: '' },
    })
    second.want(taskId, PIECES)
    const seen = new Set<number>()
    while (!seen.has(index)) {
      const assigned = await second.whenHeard('assign', (one) => !seen.has(one.index))
      assert.equal(assigned.parent, 'origin')
      seen.add(assigned.index)
      bring(second, taskId, assigned.index)
    }
  })

  it('caches what an origin does not serve in parts, or proves nothing of', async () => {
    for (const change of [{ acceptsRanges: false }, { contentLength: undefined }, { validators: { etag: 'W/"1"', lastModified: '' } }]) {
      origin.info = { ...INFO, ...change }
      await bench.peer().register({ url: `${URL}?${JSON.stringify(change)}` })
    }
    assert.equal(bench.cdn.obtained.length, 3)
  })

  it('begins anew when the content has changed at the origin', async () => {
    const [first, second] = [bench.peer(), bench.peer()]
    const taskId = await join(first)
    first.want(taskId, 1)
    const { index } = await first.whenHeard('assign')
    bring(first, taskId, index)
    origin.info = { ...INFO, validators: { etag: '"v2"', lastModified: '' } }
    bench.clock.advance(6_000)
    await join(second)
    const news = await first.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.equal(news.errorCode, 'ORIGIN_CHANGED')
    assert.equal(bench.tasks.get(taskId)?.swarm.content.digestCount, 0)
  })

  it('looks at the origin again when its word is over, once for all who come together', async () => {
    const taskId = await join(bench.peer())
    const joinAfter = async (ms: number, count = 1): Promise<number> => {
      bench.clock.advance(ms)
      await Promise.all(Array.from({ length: count }, () => join(bench.peer())))
      return origin.probes
    }
    assert.equal(await joinAfter(4_999), 1)
    origin.info = { ...INFO, terms: { freshForMs: 60_000, staleIfErrorMs: undefined, mayBeKept: true } }
    assert.equal(await joinAfter(2, 3), 2)
    assert.equal(await joinAfter(59_000), 2)
    assert.equal(await joinAfter(1_001), 3)
    assert.equal(bench.tasks.get(taskId)?.source.state.type, 'passed-on')
  })

  it('lets only those into a private content whom the origin accepts', async () => {
    origin.authorization = 'Bearer right'
    const answer = await bench.peer().register({ url: URL })
    assert.equal(answer.errorCode, 'ORIGIN_UNAUTHORIZED')
  })

  it('asks the origin about everybody when the content turns private while it is being fetched', async () => {
    bench.cdn.contents.set(URL, largeContent(PIECES, { authorization: 'Bearer right' }))
    bench.cdn.refusal = new DamselflyError('ORIGIN_UNAUTHORIZED', 'not for you')
    const stranger = bench.peer()
    const taskId = await join(stranger)
    stranger.want(taskId, 1)
    bring(stranger, taskId, (await stranger.whenHeard('assign')).index)
    origin.authorization = 'Bearer right'
    bench.clock.advance(6_000)
    assert.equal((await bench.peer().register({ url: URL })).errorCode, 'ORIGIN_UNAUTHORIZED')
    const { content } = bench.tasks.get(taskId)?.swarm ?? assert.fail()
    assert.deepEqual([content.isPrivate, content.digestCount], [true, 1])
    stranger.want(taskId, PIECES)
    bench.clock.advance(5_000)
    const refusal = await stranger.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.equal(refusal.errorCode, 'ORIGIN_UNAUTHORIZED')
    const known = bench.peer()
    const answer = await known.register({ url: URL }, { credentials: [{ name: 'authorization', value: 'Bearer right' }] })
    assert.equal(answer.errorCode, '')
    known.want(taskId, PIECES)
    assert.equal((await known.whenHeard('assign')).parent, 'origin')
  })
})

describe('samples of what peers found', () => {
  it('show who lies, believe them no longer, and void what they told', async () => {
    const origin = new LookedAtOrigin()
    const passthrough = new Passthrough(origin)
    const bench = createControlBench({ passthrough })
    const [liar, other] = [bench.peer(), bench.peer()]
    const answer = await liar.register({ url: URL })
    const taskId = taskIdFromBytes(answer.taskId)
    const swarm = bench.tasks.get(taskId)?.swarm
    assert.ok(swarm)
    const samples = new DigestSamples({ passthrough, random: () => 0, stopping: new AbortController().signal, logger: silentLogger() })
    samples.consider(swarm, other.id, 0, digestAt(0))
    await settle()
    assert.ok(samples.believes(other.id))
    samples.consider(swarm, liar.id, 1, sha256(Buffer.from('wrong')))
    await settle()
    assert.ok(!samples.believes(liar.id))
    const news = await liar.whenHeard('taskUpdate', ({ errorCode }) => errorCode !== '')
    assert.equal(news.errorCode, 'ORIGIN_CHANGED')
    assert.equal(origin.reads, 2)
    await bench.stop()
  })
})
