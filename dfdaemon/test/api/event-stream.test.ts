import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { DownloadHandles } from '../../src/api/download-handles.ts'
import { downloadEvents, PROGRESS_INTERVAL_MS } from '../../src/api/event-stream.ts'
import { FakePeer, requestFor } from '../../src/testing/index.ts'
import { PieceGate, URL_OF_CONTENT } from './local-api-fixture.ts'

const PIECE = 1024
const content = Buffer.alloc(3 * PIECE, 7)

describe('the events of a download', () => {
  let directory = ''

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-events-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  const begin = async () => {
    const clock = new VirtualClock()
    const gate = new PieceGate()
    const contents = { [URL_OF_CONTENT]: { bytes: content } }
    const peer = new FakePeer({ dataDir: directory, contents, pieceSize: PIECE, beforePiece: gate.pass })
    const handle = await new DownloadHandles(peer, { clock, logger: silentLogger(), listener: { ended: () => undefined } }).open(requestFor(URL_OF_CONTENT), true)
    const caller = new AbortController()
    const unuse = handle.use()
    return { clock, gate, handle, caller, unuse, events: downloadEvents(handle, clock, caller.signal) }
  }

  it('tell progress once per interval, and only what changed', async () => {
    const { clock, gate, handle, events } = await begin()
    assert.equal((await events.next()).value?.type, 'started')
    assert.equal((await events.next()).value?.type, 'progress')

    const told: unknown[] = []
    const next = events.next().then(({ value }) => told.push(value?.type === 'progress' && value.verifiedBytes))
    clock.advance(10 * PROGRESS_INTERVAL_MS)
    gate.open(2)
    const reader = handle.download.content(new AbortController().signal)
    for (let read = 0; read < 2 * PIECE; ) read += ((await reader[Symbol.asyncIterator]().next()).value as Uint8Array).length
    assert.deepEqual(told, [])
    clock.advance(PROGRESS_INTERVAL_MS)
    await next
    assert.deepEqual(told, [2 * PIECE])
    await handle.download.release()
  })

  it('end at once when the download ends, without waiting for the interval', async () => {
    const { clock, gate, events } = await begin()
    gate.open(3)
    const types = new Set<string>()
    for await (const event of events) types.add(event.type)
    assert.equal([...types].at(-1), 'done')
    assert.equal(clock.now(), 0)
  })

  it('end at once when the caller goes away, and leave no timer', async () => {
    const { clock, caller, handle, unuse, events } = await begin()
    await events.next()
    await events.next()
    const end = events.next()
    caller.abort()
    assert.equal((await end).done, true)
    assert.equal(clock.pending, 0)
    unuse()
    await assert.rejects(handle.download.finished)
  })
})
