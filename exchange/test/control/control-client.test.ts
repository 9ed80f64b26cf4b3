import assert from 'node:assert/strict'
import { DamselflyError, isDamselflyError, taskIdToBytes } from '@damselfly/shared'
import { ControlBench, DIGEST, heldTask, Listener, never, OTHER, PARENT, registration, TASK } from './control-bench.ts'
import { turns } from './scripted-supernode.ts'

describe('a control client', () => {
  let bench: ControlBench

  beforeEach(() => {
    bench = new ControlBench()
  })

  afterEach(() => bench.stop())

  describe('connecting', () => {
    it('says Hello, then what it holds', async () => {
      bench.held = [heldTask(TASK), heldTask(OTHER)]
      const client = await bench.connected()
      await bench.supernode.whenHeard('announce', 2)
      assert.deepEqual(bench.supernode.heard.map((message) => message.case), ['hello', 'announce', 'announce'])
      assert.equal(bench.supernode.all('hello')[0]?.agent, 'test/1')
      const { state } = client
      assert.ok(state.type === 'connected' && state.supernode === bench.supernode.peer)
    })

    it('tells what the running downloads hold before anything is registered, and the rest after', async () => {
      bench.held = [heldTask(OTHER), heldTask(TASK)]
      const client = bench.createClient()
      const listener = new Listener()
      const task = client.task(TASK, listener)
      listener.restored = () => void task.register(registration, never).catch(() => undefined)
      client.start()
      await bench.supernode.whenHeard('announce', 2)
      const heard = bench.supernode.heard.map((message) => message.case)
      assert.deepEqual(heard.slice(0, 2), ['hello', 'announce'])
      assert.deepEqual(Buffer.from(bench.supernode.all('announce')[0]?.taskId ?? []).toString('hex'), TASK)
      assert.ok(heard.indexOf('register') > 1)
    })

    it('leaves out tasks that it cannot offer, or not in one message', async () => {
      bench.held = [heldTask(TASK, 300_000), heldTask(OTHER)]
      await bench.connected()
      await bench.supernode.whenHeard('announce')
      assert.equal(Buffer.from(bench.supernode.all('announce')[0]?.taskId ?? []).toString('hex'), OTHER)
    })

    it('starts each connection without rate limits', async () => {
      await bench.connected()
      bench.supernode.say({ case: 'setRate', value: { upload: 10n, download: 20n, origin: 30n } })
      await turns()
      bench.supernode.drop()
      await bench.supernode.whenHeard('hello', 2)
      assert.deepEqual(bench.rates.map(({ upload, download, origin }) => [upload, download, origin]), [[0, 0, 0], [10, 20, 30], [0, 0, 0]])
    })

    it('is settled as soon as the first attempt has failed', async () => {
      bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
      const client = bench.createClient()
      client.start()
      await client.settled(never)
      assert.deepEqual(client.state, { type: 'disconnected', error: bench.supernode.refusal })
    })

    it('is settled when whoever waits gives up', async () => {
      bench.supernode.gate = new Promise(() => undefined)
      const client = bench.createClient()
      client.start()
      const impatient = new AbortController()
      const settled = client.settled(impatient.signal)
      impatient.abort()
      await settled
      await client.settled(impatient.signal)
      assert.equal(client.state.type, 'disconnected')
    })
  })

  describe('speaking', () => {
    it('puts what is said in one turn into one frame, in order', async () => {
      const client = await bench.connected()
      const task = client.task(TASK, new Listener())
      bench.supernode.batches.length = 0
      task.want(3)
      task.pieceDone(1, PARENT, 4, 2.5)
      task.pieceFailed(2, PARENT, new DamselflyError('TIMEOUT', 'late'))
      task.pieceStored(4, DIGEST)
      client.dropTask(OTHER)
      task.leave()
      await bench.supernode.whenHeard('leaveTask')
      assert.deepEqual(bench.supernode.batches, [6])
      const said = bench.supernode.heard.slice(-6).map((message) => message.case)
      assert.deepEqual(said, ['want', 'pieceDone', 'pieceFailed', 'pieceStored', 'dropTask', 'leaveTask'])
      const [done] = bench.supernode.all('pieceDone')
      assert.deepEqual([done?.index, done?.parent, done?.bytes, done?.durationUs], [1, PARENT, 4, 2500])
      assert.deepEqual(bench.supernode.all('pieceFailed').map(({ reason }) => reason), ['TIMEOUT'])
    })

    it('tells a changed priority of a download that runs, and of no other', async () => {
      const client = await bench.connected()
      const task = client.task(TASK, new Listener())
      task.want(3, 'background')
      client.setPriority(TASK, 'foreground')
      client.setPriority(OTHER, 'foreground')
      client.setPriority(TASK, 'background')
      task.leave()
      client.setPriority(TASK, 'foreground')
      await bench.supernode.whenHeard('leaveTask')
      assert.deepEqual(bench.supernode.all('want').map(({ count, background }) => [count, background]), [[3, true], [0, false], [0, true]])
    })

    it('keeps frames bounded when much is said at once', async () => {
      const client = await bench.connected()
      const task = client.task(TASK, new Listener())
      bench.supernode.batches.length = 0
      for (let index = 0; index < 600; index++) task.pieceStored(index, DIGEST)
      await bench.supernode.whenHeard('pieceStored', 600)
      assert.ok(Math.max(...bench.supernode.batches) <= 256)
      assert.deepEqual(bench.supernode.all('pieceStored').map(({ index }) => index), [...Array(600).keys()])
    })

    it('sends what was said just before it stops', async () => {
      const client = await bench.connected()
      const task = client.task(TASK, new Listener())
      task.pieceDone(1, PARENT, 4, 1)
      await client.stop()
      await bench.supernode.when(() => !bench.supernode.isConnected)
      assert.equal(bench.supernode.all('pieceDone').length, 1)
    })

    it('says nothing to a supernode that is away', async () => {
      bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
      const client = bench.createClient()
      client.start()
      await client.settled(never)
      const task = client.task(TASK, new Listener())
      task.want(1)
      client.dropTask(TASK)
      task.leave()
      await turns()
      assert.deepEqual(bench.supernode.heard, [])
    })
  })

  describe('registering', () => {
    it('resolves with the answer to this very request', async () => {
      const client = await bench.connected()
      const first = client.task(TASK, new Listener()).register(registration, never)
      const second = client.task(OTHER, new Listener()).register({ ...registration, taskId: OTHER }, never)
      const requests = await bench.supernode.whenHeard('register', 2)
      const ids = requests.map(({ requestId }) => requestId)
      assert.notEqual(ids[0], ids[1])
      bench.supernode.say({ case: 'registered', value: { requestId: ids[1] ?? 0, pieceSize: 8, contentLength: 80n } })
      bench.supernode.say({ case: 'registered', value: { requestId: ids[0] ?? 0, pieceSize: 4 } })
      assert.equal((await second).contentLength, 80)
      assert.equal((await first).pieceSize, 4)
    })

    it('asks for a bounded number at once, and for the others as answers come', async () => {
      const client = await bench.connected()
      const caller = new AbortController()
      const asked = Array.from({ length: 200 }, () => client.task(TASK, new Listener()).register(registration, never))
      const givenUp = client.task(TASK, new Listener()).register(registration, caller.signal)
      const requests = await bench.supernode.whenHeard('register')
      await turns()
      const open = bench.supernode.all('register').length
      assert.ok(open < 200, `${open} at once`)
      caller.abort(new DamselflyError('CANCELLED', 'enough'))
      await assert.rejects(givenUp, (error) => isDamselflyError(error, 'CANCELLED'))
      const answer = (requestId: number): void => bench.supernode.say({ case: 'registered', value: { requestId, pieceSize: 4 } })
      answer(requests[0]?.requestId ?? 0)
      await bench.supernode.whenHeard('register', open + 1)
      bench.supernode.onHeard = (message) => {
        if (message.case === 'register') answer(message.value.requestId)
      }
      for (const { requestId } of bench.supernode.all('register').slice(1)) answer(requestId)
      await Promise.all(asked)
      assert.equal(bench.supernode.all('register').length, 200)
    })

    it('rejects those that have not been asked yet, too, when the channel goes', async () => {
      const client = await bench.connected()
      const asked = Array.from({ length: 200 }, () => client.task(TASK, new Listener()).register(registration, never))
      const ended = Promise.allSettled(asked)
      await bench.supernode.whenHeard('register')
      bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
      bench.supernode.drop()
      for (const result of await ended) {
        assert.ok(result.status === 'rejected' && isDamselflyError(result.reason, 'SUPERNODE_UNREACHABLE'))
      }
    })

    it('rejects with the refusal', async () => {
      const client = await bench.connected()
      const asked = client.task(TASK, new Listener()).register(registration, never)
      const [request] = await bench.supernode.whenHeard('register')
      const requestId = request?.requestId ?? 0
      bench.supernode.say({ case: 'registered', value: { requestId, errorCode: 'ORIGIN_NOT_FOUND', errorMessage: 'gone' } })
      await assert.rejects(asked, (error) => isDamselflyError(error, 'ORIGIN_NOT_FOUND'))
    })

    it('rejects an answer that makes no sense, and keeps the channel', async () => {
      const client = await bench.connected()
      for (const nonsense of [{ pieceSize: 0 }, { pieceSize: 1, contentLength: 2n ** 40n }, { pieceSize: 4, contentLength: 2n ** 60n }]) {
        const asked = client.task(TASK, new Listener()).register(registration, never)
        const requestId = (await bench.supernode.whenHeard('register', bench.supernode.all('register').length + 1)).at(-1)?.requestId ?? 0
        bench.supernode.say({ case: 'registered', value: { requestId, ...nonsense } })
        await assert.rejects(asked, (error) => isDamselflyError(error, 'PROTOCOL'))
      }
      assert.equal(client.state.type, 'connected')
    })

    it('rejects when the channel goes before the answer, and at once while there is none', async () => {
      const client = await bench.connected()
      const task = client.task(TASK, new Listener())
      const asked = task.register(registration, never)
      await bench.supernode.whenHeard('register')
      bench.supernode.refusal = new DamselflyError('SUPERNODE_UNREACHABLE', 'refused')
      bench.supernode.drop()
      const isUnreachable = (error: unknown): boolean => isDamselflyError(error, 'SUPERNODE_UNREACHABLE')
      await assert.rejects(asked, isUnreachable)
      await assert.rejects(task.register(registration, never), isUnreachable)
    })

    it('rejects when the caller gives up, and signs off when the answer comes after all', async () => {
      const client = await bench.connected()
      const caller = new AbortController()
      const task = client.task(TASK, new Listener())
      const asked = task.register(registration, caller.signal)
      const [request] = await bench.supernode.whenHeard('register')
      caller.abort(new DamselflyError('CANCELLED', 'enough'))
      await assert.rejects(asked, (error) => isDamselflyError(error, 'CANCELLED'))
      await assert.rejects(task.register(registration, caller.signal), (error) => isDamselflyError(error, 'CANCELLED'))
      task.leave()
      await bench.supernode.whenHeard('leaveTask')
      bench.supernode.say({ case: 'registered', value: { requestId: request?.requestId ?? 0, taskId: taskIdToBytes(TASK), pieceSize: 4 } })
      await bench.supernode.whenHeard('leaveTask', 2)
    })

    it('does not sign off a later download of the same task', async () => {
      const client = await bench.connected()
      const earlier = client.task(TASK, new Listener())
      const later = client.task(TASK, new Listener())
      earlier.leave()
      later.want(1)
      await bench.supernode.whenHeard('want')
      assert.deepEqual(bench.supernode.all('leaveTask'), [])
    })
  })

  describe('listening', () => {
    it('tells each task what concerns it, in order, until it leaves', async () => {
      const client = await bench.connected()
      const listener = new Listener()
      const task = client.task(TASK, listener)
      const taskId = taskIdToBytes(TASK)
      bench.supernode.say(
        { case: 'taskUpdate', value: { taskId } },
        { case: 'parent', value: { taskId, peer: PARENT, security: 'tls' } },
        { case: 'assign', value: { taskId, index: 3, parent: PARENT, digest: DIGEST } },
        { case: 'cancelPiece', value: { taskId, index: 3, parent: PARENT } },
        { case: 'backToSource', value: { taskId, reason: 'no-parent' } },
      )
      await turns()
      assert.deepEqual(listener.told, ['news', 'parent', 'assigned 3', 'cancelled 3', 'back to source: no-parent'])
      task.leave()
      bench.supernode.say({ case: 'taskUpdate', value: { taskId } })
      await turns()
      assert.equal(listener.told.length, 5)
    })

    it('passes over what concerns tasks that it does not know, and messages of a later version', async () => {
      const client = await bench.connected()
      const taskId = taskIdToBytes(OTHER)
      bench.supernode.say(
        { case: 'taskUpdate', value: { taskId } },
        { case: 'parent', value: { taskId, peer: PARENT, security: 'none' } },
        { case: 'assign', value: { taskId, index: 3, parent: PARENT } },
        { case: 'cancelPiece', value: { taskId } },
        { case: 'backToSource', value: { taskId } },
      )
      // Field 99 of SupernodeMessage, of one byte.
      bench.supernode.sayBytes(Uint8Array.of(0x0a, 0x04, 0x9a, 0x06, 0x01, 0x00))
      bench.supernode.say({ case: 'evict', value: { taskId } })
      await turns()
      assert.deepEqual(bench.evicted, [OTHER])
      assert.equal(client.state.type, 'connected')
    })

    it('takes the window that the supernode wishes, within reason', async () => {
      const client = await bench.connected()
      const task = client.task(TASK, new Listener())
      for (const [said, taken] of [[3, 3], [0, 3], [0xffff_ffff, 1024]] as const) {
        bench.supernode.say({ case: 'welcome', value: { window: said } })
        await turns()
        assert.equal(task.window(), taken)
      }
    })

    it('answers a ping', async () => {
      await bench.connected()
      bench.supernode.say({ case: 'ping', value: {} })
      await bench.supernode.whenHeard('pong')
    })
  })
})
