import assert from 'node:assert/strict'
import fc from 'fast-check'
import { taskIdFromBytes, taskIdToBytes } from '@damselfly/shared'
import { create, encode, PeerBatchSchema, PeerMessageSchema } from '@damselfly/shared/wire'
import { createIdentity } from '@damselfly/exchange'
import { createControlBench, largeContent, settle } from './control-bench.ts'
import { FakePeer } from './fake-peer.ts'

const URL_A = 'https://a.example/file'

/** Why the supernode ended the peer's channel. */
function farewell(peer: FakePeer): string {
  const [goodbye] = peer.all('goodbye')
  return `${goodbye?.errorCode}: ${goodbye?.reason}`
}

describe('a control channel', () => {
  it('begins with Hello and is welcomed', async () => {
    const bench = createControlBench()
    const peer = bench.peer()
    assert.equal((await peer.whenHeard('welcome')).window, 8)
    assert.equal(bench.peers.count, 1)
    peer.channel.hangUp()
    assert.equal(bench.peers.count, 0)
    await bench.stop()
  })

  it('ends with a reason when something comes before Hello, or Hello twice, or never', async () => {
    const bench = createControlBench()
    const early = new FakePeer(bench.control)
    early.say({ case: 'want', value: { taskId: new Uint8Array(32), count: 1 } })
    assert.match(farewell(early), /^PROTOCOL: 'want' before Hello/)
    const twice = bench.peer()
    twice.hello()
    assert.match(farewell(twice), /^PROTOCOL: a second Hello/)
    const silent = new FakePeer(bench.control)
    bench.clock.advance(10_000)
    assert.match(farewell(silent), /in time/)
    assert.deepEqual([early, twice, silent].map(({ channel }) => channel.isEnded), [true, true, true])
    assert.equal(bench.peers.count, 0)
    await bench.stop()
  })

  it('replaces the one that the same peer had, and keeps working', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const { peerId } = createIdentity()
    const first = FakePeer.greet(bench.control, {}, peerId)
    await first.register({ url: URL_A })
    const second = FakePeer.greet(bench.control, {}, peerId)
    assert.equal(first.channel.isEnded, true)
    assert.equal(first.all('goodbye').length, 1)
    assert.equal(bench.peers.count, 1)
    const taskId = taskIdFromBytes((await second.register({ url: URL_A })).taskId)
    second.want(taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    await second.whenHeard('assign')
    await bench.stop()
  })

  it('answers a ping, asks a peer that is silent, and gives up one that stays so', async () => {
    const bench = createControlBench()
    const [dead, living] = [bench.peer(), bench.peer()]
    living.say({ case: 'ping', value: {} })
    await living.whenHeard('pong')
    let answered = 0
    for (let second = 0; second < 30; second++) {
      bench.clock.advance(1000)
      await settle()
      // A living peer that has nothing else to say answers.
      while (answered < living.all('ping').length) {
        living.say({ case: 'pong', value: {} })
        answered++
      }
    }
    assert.ok(dead.all('ping').length > 0)
    assert.equal(dead.channel.isEnded, true)
    assert.equal(living.channel.isEnded, false)
    assert.equal(bench.peers.count, 1)
    await bench.stop()
  })

  it('is refused to somebody with the PeerId of the supernode', async () => {
    const bench = createControlBench()
    const impostor = FakePeer.greet(bench.control, {}, bench.identity.peerId)
    assert.equal(impostor.channel.isEnded, true)
    await bench.stop()
  })

  it('is refused when too many peers are there', async () => {
    const bench = createControlBench({ limits: { peers: 1 } })
    bench.peer()
    const second = bench.peer()
    assert.match(farewell(second), /^SUPERNODE_OVERLOADED/)
    await bench.stop()
  })

  it('carries all that is said in one turn as one batch', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(8))
    const peer = bench.peer()
    const taskId = taskIdFromBytes((await peer.register({ url: URL_A })).taskId)
    peer.want(taskId)
    await settle()
    const before = peer.batches.length
    bench.cdn.tasks.get(taskId)?.finish()
    await peer.whenHeard('assign', () => peer.all('assign').length === 8)
    await peer.whenDigests(8)
    assert.ok(peer.batches.length - before <= 3, `${peer.batches.length - before} batches`)
    await bench.stop()
  })

  it('ends when the peer does not read', async () => {
    const bench = createControlBench({ limits: { maxQueuedBytes: 4096 } })
    const peer = bench.peer()
    await peer.whenHeard('welcome')
    peer.channel.block()
    for (let request = 0; request < 200 && !peer.channel.isEnded; request++) {
      peer.say({ case: 'register', value: { requestId: request, order: 'rarest-first' } })
      await settle()
    }
    assert.equal(peer.channel.isEnded, true)
    await bench.stop()
  })

  it('ends when the peer asks for signs of life and does not read them', async () => {
    const bench = createControlBench({ limits: { maxQueuedBytes: 4096 } })
    const peer = bench.peer()
    await peer.whenHeard('welcome')
    const unblock = peer.channel.block()
    for (let ping = 0; ping < 200 && !peer.channel.isEnded; ping++) peer.say({ case: 'ping', value: {} })
    assert.equal(peer.channel.isEnded, true)
    unblock()
    await bench.stop()
  })

  it('answers pings between other messages, in any number and any batch', async () => {
    const bench = createControlBench()
    const peer = bench.peer()
    peer.say({ case: 'ping', value: {} }, { case: 'ping', value: {} })
    peer.say({ case: 'ping', value: {} })
    const answer = peer.register({ url: 'no url' })
    peer.say({ case: 'ping', value: {} })
    await answer
    await peer.whenHeard('pong', () => peer.all('pong').length === 4)
    await bench.stop()
  })

  it('holds what waits for a slow peer and sends it when it reads on', async () => {
    const bench = createControlBench()
    const peer = bench.peer()
    await peer.whenHeard('welcome')
    const unblock = peer.channel.block()
    const answers = [peer.register({ url: '1' }), peer.register({ url: '2' }), peer.register({ url: '3' })]
    await settle()
    const late = peer.register({ url: '4' })
    await settle()
    assert.equal(peer.all('registered').length, 3)
    unblock()
    assert.equal((await Promise.all([...answers, late])).length, 4)
    await bench.stop()
  })

  it('bounds registrations and tasks of one peer', async () => {
    const bench = createControlBench({ limits: { pendingRegistrations: 2, tasksPerPeer: 2 } })
    const gate = Promise.withResolvers<void>()
    bench.cdn.gate = gate.promise
    const peer = bench.peer()
    const urls = [1, 2, 3].map((number) => `https://a.example/${number}`)
    for (const url of urls) bench.cdn.contents.set(url, largeContent(1))
    const answers = urls.map((url) => peer.register({ url }))
    await bench.cdn.whenObtained(2)
    gate.resolve()
    const codes = (await Promise.all(answers)).map(({ errorCode }) => errorCode)
    assert.deepEqual(codes, ['', '', 'SUPERNODE_OVERLOADED'])
    assert.equal((await peer.register({ url: urls[2] ?? '' })).errorCode, 'SUPERNODE_OVERLOADED')
    await bench.stop()
  })

  it('says Goodbye when the supernode stops', async () => {
    const bench = createControlBench()
    const peer = bench.peer()
    await bench.stop()
    assert.equal(peer.all('goodbye')[0]?.reason, 'the supernode stops')
    assert.equal(bench.clock.pending, 0)
  })

  it('makes the addresses of a peer usable for others', async () => {
    const bench = createControlBench()
    const endpoints = [
      { kind: 'direct', host: '0.0.0.0', port: 7000 },
      { kind: 'direct', host: '127.0.0.1', port: 7001 },
      { kind: 'libp2p', host: '2001:db8::1', port: 7002 },
      { kind: 'carrier-pigeon', host: '192.0.2.1', port: 7003 },
      { kind: 'direct', host: 'evil host/path', port: 7004 },
      { kind: 'direct', host: '192.0.2.1', port: 0 },
    ]
    const peer = FakePeer.greet(bench.control, { endpoints }, undefined, '[2001:db8::5]:40000')
    assert.deepEqual(bench.peers.get(peer.id)?.card.endpoints, [
      { kind: 'direct', host: '2001:db8::5', port: 7000 },
      { kind: 'libp2p', host: '2001:db8::1', port: 7002 },
    ])
    await bench.stop()
  })

  it('tells each peer what the network demands, and others to demand it of them', async () => {
    const bench = createControlBench({ demands: { security: 'tls', ciphers: ['aes-256-gcm'] } })
    const [lax, strict] = [bench.peer({ security: 'plain' }), bench.peer({ security: 'noise' })]
    const welcome = await lax.whenHeard('welcome')
    assert.deepEqual([welcome.security, welcome.ciphers], ['tls', ['aes-256-gcm']])
    assert.equal(bench.peers.get(lax.id)?.card.security, 'tls')
    assert.equal(bench.peers.get(strict.id)?.card.security, 'noise')
    await bench.stop()
  })
})

describe('pieces between peers', () => {
  it('come from a peer that has them, and from nobody that left or dropped them', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(1))
    const [first, second] = [bench.peer(), bench.peer()]
    const taskId = taskIdFromBytes((await first.register({ url: URL_A })).taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    first.want(taskId, 1)
    first.done(taskId, 0, (await first.whenHeard('assign')).parent)
    first.say({ case: 'leaveTask', value: { taskId: taskIdToBytes(taskId) } })
    await second.register({ url: URL_A })
    second.want(taskId, 1)
    assert.equal((await second.whenHeard('assign')).parent, first.id)
    assert.equal((await second.whenHeard('parent')).endpoints[0]?.port, 7000)
    first.say({ case: 'dropTask', value: { taskId: taskIdToBytes(taskId) } })
    second.failed(taskId, 0, first.id, 'PIECE_REFUSED')
    const parent = bench.identity.peerId
    const again = await second.whenHeard('assign', (assign) => assign.parent === parent)
    assert.equal(again.index, 0)
    await bench.stop()
  })

  it('are not credited to, or blamed on, parents that the child was never shown', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL_A, largeContent(2))
    const [victim, liar] = [bench.peer(), bench.peer()]
    const taskId = taskIdFromBytes((await liar.register({ url: URL_A })).taskId)
    for (let attempt = 0; attempt < 10; attempt++) {
      const value = { taskId: taskIdToBytes(taskId), index: 0, parent: victim.id, reason: 'PIECE_CORRUPT', message: '' }
      liar.say({ case: 'pieceFailed', value })
      liar.done(taskId, 0, victim.id)
    }
    const metrics = await bench.metrics.registry.metrics()
    assert.doesNotMatch(metrics, /damselfly_piece_failures_total\{/)
    assert.doesNotMatch(metrics, /damselfly_reported_piece_bytes_total\{/)
    await bench.stop()
  })
})

describe('whatever a peer sends', () => {
  const bytes = fc.uint8Array({ maxLength: 64 })
  const id = fc.oneof(bytes, fc.constant(new Uint8Array(32).fill(1)))
  const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom(URL_A, 'rarest-first', 'tls', 'PIECE_CORRUPT'))
  const uint32 = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 0xff_ff_ff_ff }))
  const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 10n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
  const spec = fc.record({ url: text, digest: bytes, tag: text, filteredQueryParams: fc.array(text, { maxLength: 3 }) })
  const body = fc.oneof(
    fc.record({ case: fc.constant('hello' as const), value: fc.record({ agent: text, security: text, uploadSlots: uint32 }) }),
    fc.record({
      case: fc.constant('announce' as const),
      value: fc.record({ taskId: id, spec, contentLength: uint64, pieceSize: uint32, have: bytes, pieceDigests: bytes, signedManifest: bytes }),
    }),
    fc.record({
      case: fc.constant('register' as const),
      value: fc.record({ requestId: uint32, spec, order: text, heldContentLength: uint64, heldPieceSize: uint32, held: bytes }),
    }),
    fc.record({ case: fc.constant('want' as const), value: fc.record({ taskId: id, count: uint32 }) }),
    fc.record({
      case: fc.constant('pieceDone' as const),
      value: fc.record({ taskId: id, index: uint32, parent: text, bytes: uint32, durationUs: uint32 }),
    }),
    fc.record({
      case: fc.constant('pieceFailed' as const),
      value: fc.record({ taskId: id, index: uint32, parent: text, reason: text, message: text }),
    }),
    fc.record({ case: fc.constant('pieceStored' as const), value: fc.record({ taskId: id, index: uint32, digest: id }) }),
    fc.record({ case: fc.constant('leaveTask' as const), value: fc.record({ taskId: id }) }),
    fc.record({ case: fc.constant('dropTask' as const), value: fc.record({ taskId: id }) }),
  )
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(body, { maxLength: 5 }).map((bodies) => {
      const messages = bodies.map((one) => create(PeerMessageSchema, { body: one }))
      return encode(PeerBatchSchema, create(PeerBatchSchema, { messages }))
    }),
  )

  it('ends at most its own channel', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 8 }), fc.boolean(), async (frames, greets) => {
        const bench = createControlBench()
        bench.cdn.contents.set(URL_A, largeContent(2))
        const bystander = bench.peer()
        const peer = greets ? bench.peer() : new FakePeer(bench.control)
        for (const one of frames) peer.channel.deliver(one)
        await settle()
        assert.equal(bystander.channel.isEnded, false)
        const answer = await bystander.register({ url: URL_A })
        assert.equal(answer.errorCode, '')
        const taskId = taskIdFromBytes(answer.taskId)
        bystander.want(taskId)
        bench.cdn.tasks.get(taskId)?.finish()
        await bystander.whenHeard('assign', () => bystander.all('assign').length === 2)
        await bench.stop()
        assert.equal(bench.clock.pending, 0)
      }),
      { numRuns: 200 },
    )
  })
})
