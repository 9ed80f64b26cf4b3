import assert from 'node:assert/strict'
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { TypedEventEmitter, type Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { StreamLink } from '../../src/channel/stream-link.ts'

const KIB = 1024

/** Takes everything at once, until it is told to hold back. */
class TakingStream extends TypedEventEmitter<Record<string, Event>> {
  readonly status = 'open'
  readonly sent: number[] = []
  writeBufferLength = 0
  writableNeedsDrain = false
  isClosed = false

  send(bytes: Uint8ArrayList): boolean {
    if (this.isClosed) throw new Error('it is closed')
    this.sent.push(bytes.byteLength)
    return true
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

describe('a stream as a byte link', () => {
  const setUp = (): { stream: TakingStream; link: StreamLink; outcomes: (Error | undefined)[]; write: (size: number) => void } => {
    const stream = new TakingStream()
    const link = new StreamLink(stream as unknown as Stream)
    const outcomes: (Error | undefined)[] = []
    return { stream, link, outcomes, write: (size) => link.write([new Uint8Array(size)], (error) => outcomes.push(error)) }
  }

  it('sends at once what is written in one turn of the event loop', async () => {
    const { stream, outcomes, write } = setUp()
    write(256 * KIB)
    write(100 * KIB)
    assert.deepEqual(stream.sent, [])
    await endOfTurn()
    assert.deepEqual(stream.sent, [356 * KIB])
    assert.deepEqual(outcomes, [undefined, undefined])
  })

  it('gathers no more than a mebibyte', () => {
    const { stream, write } = setUp()
    for (let i = 0; i < 5; i++) write(256 * KIB)
    assert.deepEqual(stream.sent, [1024 * KIB])
  })

  it('lets no message wait, nor overtake what was written before', () => {
    const { stream, outcomes, write } = setUp()
    write(10)
    write(256 * KIB)
    write(20)
    assert.deepEqual(stream.sent, [10, 256 * KIB + 20])
    assert.equal(outcomes.length, 3)
  })

  it('sends what waits before it ends', () => {
    const { stream, link, outcomes, write } = setUp()
    write(256 * KIB)
    link.end()
    assert.deepEqual(stream.sent, [256 * KIB])
    assert.deepEqual(outcomes, [undefined])
  })

  it('keeps the bytes until the stream has sent all', async () => {
    const { stream, outcomes, write } = setUp()
    stream.writableNeedsDrain = true
    write(256 * KIB)
    await endOfTurn()
    assert.deepEqual(outcomes, [])
    stream.writableNeedsDrain = false
    stream.dispatchEvent(new Event('drain'))
    await endOfTurn()
    assert.deepEqual(outcomes, [undefined])
  })

  it('tells every write that waits when the stream has closed', async () => {
    const { stream, outcomes, write } = setUp()
    write(256 * KIB)
    write(256 * KIB)
    stream.isClosed = true
    await endOfTurn()
    assert.deepEqual(outcomes.map((error) => error?.message), ['it is closed', 'it is closed'])
  })
})
