import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DamselflyError, isDamselflyError, systemClock, taskIdToBytes, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { create, encode, SupernodeBatchSchema } from '@damselfly/shared/wire'
import { CHANNEL_LIMITS } from '../../src/channel/channel.ts'
import { ControlClient } from '../../src/control/control-client.ts'
import { ControlBench, DIGEST, heldTask, Listener, never, OTHER, PARENT, registration, TASK } from './control-bench.ts'
import { turns, type Said } from './scripted-supernode.ts'

/** Lets time pass until something has come of it. */
async function hurry(clock: VirtualClock, holds: () => boolean): Promise<void> {
  for (await turns(); !holds(); await turns()) clock.advance(100)
}

/** A message that was right before some of its bytes changed. */
function damagedMessage(): fc.Arbitrary<Uint8Array> {
  const taskId = taskIdToBytes(TASK)
  const bodies: readonly Said[] = [
    { case: 'assign', value: { taskId, index: 1, parent: PARENT, digest: DIGEST } },
    { case: 'parent', value: { taskId, peer: PARENT, security: 'tls', endpoints: [{ kind: 'direct', host: '::1', port: 1 }] } },
    { case: 'taskUpdate', value: { taskId, contentLength: 5n, digests: [{ index: 1, digest: DIGEST }] } },
    { case: 'registered', value: { requestId: 1, taskId, pieceSize: 4, contentLength: 5n } },
  ]
  const good = encode(SupernodeBatchSchema, create(SupernodeBatchSchema, { messages: bodies.map((body) => ({ body })) }))
  const damage = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
  return fc.tuple(fc.array(damage, { maxLength: 4 }), fc.nat(good.length)).map(([changes, length]) => {
    const bytes = good.slice(0, length)
    for (const [at, value] of changes) if (at < length) bytes[at] = value
    return bytes
  })
}

describe('a control client and its channel', () => {
  let bench: ControlBench

  beforeEach(() => {
    bench = new ControlBench()
  })

  afterEach(() => bench.stop())

  describe('losing the supernode', () => {
    it('comes back, introduces itself anew, announces anew and tells every task', async () => {
      bench.held = [heldTask(OTHER)]
      const client = await bench.connected()
      const listener = new Listener()
      client.task(TASK, listener)
      await bench.supernode.whenHeard('announce')
      bench.held = [heldTask(OTHER), heldTask(TASK)]
      bench.supernode.drop()
      await bench.supernode.whenHeard('hello', 2)
      await bench.supernode.whenHeard('announce', 3)
      assert.deepEqual(listener.told, ['lost', 'restored'])
      assert.equal(client.state.type, 'connected')
    })

    it('waits longer after each failure, with some chance in it, but not for ever', async () => {
      const clock = new VirtualClock()
      bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
      bench.createClient(clock, () => 0).start()
      const waits: number[] = []
      for (let dials = 1; dials < 10; dials++) {
        await bench.supernode.when(() => bench.supernode.dials === dials)
        await turns()
        const since = clock.now()
        while (bench.supernode.dials === dials) {
          clock.advance(50)
          await turns(2)
        }
        waits.push(clock.now() - since)
      }
      assert.deepEqual(waits, [50, 100, 200, 400, 800, 1600, 2500, 2500, 2500])
    })

    it('goes on waiting longer when channels break as soon as they are made', async () => {
      const clock = new VirtualClock()
      bench.createClient(clock, () => 0).start()
      const waits: number[] = []
      for (let hellos = 1; hellos < 6; hellos++) {
        await bench.supernode.whenHeard('hello', hellos)
        bench.supernode.drop()
        await turns()
        const since = clock.now()
        while (bench.supernode.dials === hellos) {
          clock.advance(50)
          await turns(2)
        }
        waits.push(clock.now() - since)
      }
      assert.deepEqual(waits, [50, 100, 200, 400, 800])
    })

    it('comes back soon after a channel that was good for long', async () => {
      const clock = new VirtualClock()
      bench.createClient(clock, () => 0).start()
      for (const hellos of [1, 2, 3]) {
        await bench.supernode.whenHeard('hello', hellos)
        await turns()
        for (let second = 0; second < 12; second++) {
          clock.advance(1000)
          await turns()
        }
        bench.supernode.drop()
        await turns()
        assert.equal(bench.supernode.dials, hellos)
        clock.advance(50)
        await turns()
      }
    })

    for (const { when, isSaid, atLeast, atMost } of [
      { when: 'within 15 s of saying something', isSaid: true, atLeast: 10_000, atMost: 15_000 },
      { when: 'within 45 s where nothing is said', isSaid: false, atLeast: 15_000, atMost: 45_000 },
    ]) {
      it(`notices a frozen supernode ${when}`, async () => {
        const clock = new VirtualClock()
        const client = await bench.connected(clock)
        const listener = new Listener()
        const task = client.task(TASK, listener)
        for (let second = 0; second < 120; second++) {
          clock.advance(1000)
          await turns()
        }
        assert.deepEqual(listener.told, [], 'an idle supernode that answers is not lost')
        const pings = bench.supernode.all('ping').length
        assert.ok(pings >= 4 && pings <= 6, 'and is asked seldom')
        bench.supernode.isFrozen = true
        if (isSaid) task.want(1)
        const since = clock.now()
        while (listener.told.length === 0) {
          clock.advance(500)
          await turns()
          assert.ok(clock.now() - since <= atMost)
        }
        assert.deepEqual(listener.told, ['lost'])
        assert.ok(clock.now() - since >= atLeast)
      })
    }
  })

  describe('a supernode that does not keep to the protocol', () => {
    const limit = CHANNEL_LIMITS['/damselfly/control/1'].maxMessageBytes

    it('loses its channel and nothing else', async () => {
      const clock = new VirtualClock()
      const client = await bench.connected(clock)
      const taskId = taskIdToBytes(TASK)
      const listener = new Listener()
      client.task(TASK, listener)
      const offences: (() => void)[] = [
        () => bench.supernode.sayBytes(Buffer.from('this is no protobuf')),
        () => bench.supernode.sayBytes(Buffer.alloc(limit, 0xff)),
        () => bench.supernode.sayBytes(Uint8Array.of(0x0a, 0x7f, 0x01)),
        () => bench.supernode.say({ case: 'assign', value: { taskId, index: 1, parent: PARENT, digest: new Uint8Array(31) } }),
        () => bench.supernode.say({ case: 'parent', value: { taskId, peer: PARENT, security: 'none' } }),
        () => bench.supernode.say({ case: 'taskUpdate', value: { taskId, contentLength: 2n ** 63n } }),
        () => bench.supernode.say({ case: 'evict', value: { taskId: new Uint8Array(31) } }),
      ]
      for (const [i, offend] of offences.entries()) {
        await hurry(clock, () => bench.supernode.all('hello').length > i)
        offend()
        await bench.supernode.when(() => !bench.supernode.isConnected)
      }
      await hurry(clock, () => bench.supernode.all('hello').length > offences.length)
      await turns()
      assert.equal(client.state.type, 'connected')
      assert.ok(listener.told.every((what) => what === 'lost' || what === 'restored'))
    })

    it('cannot do harm with any bytes', async () => {
      const message = fc.oneof(fc.uint8Array({ maxLength: 300 }), damagedMessage())
      await fc.assert(
        fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 5 }), async (frames) => {
          const own = new ControlBench()
          const clock = new VirtualClock()
          const client = await own.connected(clock)
          const listener = new Listener()
          client.task(TASK, listener)
          for (const frame of frames) own.supernode.sayBytes(frame)
          await turns()
          const isLost = listener.told.includes('lost')
          assert.equal(client.state.type, isLost ? 'disconnected' : 'connected')
          // Whatever came, the next channel is a good one.
          if (isLost) await hurry(clock, () => own.supernode.all('hello').length > 1)
          await client.stop()
        }),
        { numRuns: 100 },
      )
    })
  })

  describe('stopping', () => {
    it('closes the channel in good order, any number of times, and never comes back', async () => {
      const clock = new VirtualClock()
      const client = await bench.connected(clock)
      await Promise.all([client.stop(), client.stop()])
      await client.stop()
      await bench.supernode.when(() => !bench.supernode.isConnected)
      clock.advance(60_000)
      await turns()
      assert.equal(bench.supernode.dials, 1)
      assert.equal(client.state.type, 'disconnected')
      assert.equal(clock.pending, 0)
    })

    it('ends at any moment: never started, dialling, waiting, or announcing', async () => {
      await bench.createClient().stop()

      bench.supernode.gate = new Promise(() => undefined)
      const dialling = bench.createClient()
      dialling.start()
      await bench.supernode.when(() => bench.supernode.dials === 1)
      await dialling.stop()

      bench.supernode.gate = Promise.resolve()
      bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
      const waiting = bench.createClient(new VirtualClock())
      waiting.start()
      await waiting.settled(never)
      await waiting.stop()

      bench.supernode.refusal = undefined
      const reading = Promise.withResolvers<void>()
      const announcing = new ControlClient({
        dial: bench.supernode.dial,
        hello: () => ({}),
        inventory: { taskIds: () => [TASK], held: () => reading.promise.then(() => undefined) },
        onRate: () => undefined,
        onEvict: () => undefined,
        clock: systemClock,
        random: () => 0,
        logger: silentLogger(),
      })
      announcing.task(TASK, new Listener())
      announcing.start()
      await bench.supernode.whenHeard('hello')
      const stopped = announcing.stop()
      reading.resolve()
      await stopped
      await bench.supernode.when(() => !bench.supernode.isConnected)
    })

    it('rejects registrations that wait', async () => {
      const client = await bench.connected()
      const asked = client.task(TASK, new Listener()).register(registration, never)
      await bench.supernode.whenHeard('register')
      const rejected = assert.rejects(asked, (error) => isDamselflyError(error, 'SUPERNODE_UNREACHABLE'))
      await client.stop()
      await rejected
    })

    it('leaves no listener on its callers’ signals', async () => {
      const client = await bench.connected()
      const caller = new AbortController()
      const { signal } = caller
      let listeners = 0
      const add = signal.addEventListener.bind(signal)
      const remove = signal.removeEventListener.bind(signal)
      signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
      signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
      await client.settled(signal)
      const asked = client.task(TASK, new Listener()).register(registration, signal)
      const [request] = await bench.supernode.whenHeard('register')
      bench.supernode.say({ case: 'registered', value: { requestId: request?.requestId ?? 0, pieceSize: 4 } })
      await asked
      assert.equal(listeners, 0)
    })
  })
})
