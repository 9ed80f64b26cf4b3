import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DamselflyError, isDamselflyError, RateLimiter, systemClock, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { ControlClient, createLocalPieceStore, Freshness, TaskDownload, type PieceStore } from '@damselfly/exchange'
import { DownloadRegister } from '../../src/peer/download-register.ts'
import { originOfTask } from '../../src/peer/origin-of-task.ts'
import type { DownloadRequest } from '../../src/peer/peer.ts'
import { requestedTask, type RequestedTask } from '../../src/peer/requested-task.ts'
import { FakeSource } from './fake-source.ts'
import { MIB, until, wanted } from './peer-bench.ts'

describe('the register of downloads, while the supernode is being dialled', () => {
  let directory: string
  let store: PieceStore
  let source: FakeSource
  let clock: VirtualClock
  let control: ControlClient
  let dialled: PromiseWithResolvers<never>
  let register: DownloadRegister

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'register-'))
    store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    await store.start()
    source = new FakeSource(randomBytes(MIB))
    clock = new VirtualClock()
    dialled = Promise.withResolvers()
    control = new ControlClient({
      dial: (signal) => {
        signal.addEventListener('abort', () => dialled.reject(signal.reason), { once: true })
        return dialled.promise
      },
      hello: () => ({}),
      inventory: { taskIds: () => [], held: async () => undefined },
      onRate: () => undefined,
      onEvict: () => undefined,
      clock,
      random: () => 0,
      logger: silentLogger(),
    })
    control.start()
    register = new DownloadRegister({ create, origin, clock })
  })

  afterEach(async () => {
    await register.stop(new DamselflyError('CANCELLED', 'the test is over'))
    await control.stop()
    await store.stop()
    await rm(directory, { recursive: true })
  })

  function origin({ identity, credentials }: RequestedTask): ReturnType<typeof originOfTask> {
    return originOfTask({ source, url: identity.url, headers: credentials, range: identity.range })
  }

  function create(task: RequestedTask, { order, backToSource }: DownloadRequest): TaskDownload {
    const unlimited = new RateLimiter(0, clock)
    const noLane = new DamselflyError('PEER_UNREACHABLE', 'there are no peers here')
    return new TaskDownload(
      {
        store,
        control,
        openLane: () => Promise.reject(noLane),
        downloadLimiter: unlimited,
        freshness: new Freshness(clock, 0),
        parallelRanges: 2,
        clock,
        random: () => 0,
        logger: silentLogger(),
      },
      { ...task, order, origin: origin(task), backToSource, priority: () => 'foreground' },
    )
  }

  function hold(request: Partial<DownloadRequest>): ReturnType<DownloadRegister['hold']> {
    const whole = wanted(request)
    return register.hold(requestedTask(whole, source.schemes), whole)
  }

  const hasNoSource = (error: unknown): boolean => isDamselflyError(error, 'NO_SOURCE')

  it('gives a caller for whom the origin may be used a download of its own when the other’s fails', async () => {
    const first = await hold({ backToSource: false })
    const failed = assert.rejects(first.finished, hasNoSource)
    const second = hold({ backToSource: true })
    dialled.reject(new DamselflyError('SUPERNODE_UNREACHABLE', 'refused'))
    await failed
    const download = await second
    assert.equal((await download.finished).backToSource, 'supernode-unreachable')
    await download.release()
    await first.release()
    await until(() => register.count === 0)
  })

  it('lets a caller for whom the origin may not be used share in what it brings', async () => {
    source.holdAfter = 0
    const first = await hold({ backToSource: true })
    const second = await hold({ backToSource: false })
    assert.equal(register.count, 1)
    await until(() => {
      clock.advance(100)
      return source.reads > 0
    })
    source.open()
    assert.equal((await second.finished).bytesFrom.origin, MIB)
    const third = await hold({ backToSource: true })
    for (const download of [first, second, third]) await download.release()
    await until(() => register.count === 0)
    assert.equal(source.reads, 1)
  })

  it('gives up an origin that does not say whether it admits somebody who joins', async () => {
    source.freezeProbes()
    const first = await hold({ headers: [['authorization', 'Bearer one']], backToSource: false })
    const second = hold({ headers: [['authorization', 'Bearer two']], backToSource: false })
    const refused = assert.rejects(second, (error) => isDamselflyError(error, 'ORIGIN_UNREACHABLE'))
    await until(() => source.probes === 1)
    clock.advance(30_000)
    await refused
    const failed = assert.rejects(first.finished)
    await first.release()
    await failed
  })

  it('takes nobody any more once it is stopped', async () => {
    const running = await hold({ backToSource: false })
    const failed = assert.rejects(running.finished, (error) => isDamselflyError(error, 'CANCELLED'))
    await register.stop(new DamselflyError('CANCELLED', 'stopping'))
    await failed
    await assert.rejects(hold({}), (error) => isDamselflyError(error, 'CANCELLED'))
    assert.equal(register.count, 0)
  })
})
