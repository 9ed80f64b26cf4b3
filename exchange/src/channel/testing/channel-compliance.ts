/// <reference types="mocha" />
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { isDamselflyError, type PeerId } from '@damselfly/shared'
import type { ByteLink } from '../byte-link.ts'
import { CHANNEL_LIMITS, type Channel, type ChannelKind, type Protocol } from '../channel.ts'
import { FRAME, frameHeader } from '../frame.ts'
import { Recorder } from './recorder.ts'

/** What the suite needs of one kind of channel. */
export interface ChannelHarness {
  readonly kind: ChannelKind
  /** The protocols that this kind carries. */
  readonly protocols: readonly Protocol[]
  readonly dialer: PeerId
  readonly listener: PeerId
  /** @returns the dialling and the listening end. */
  connect(protocol: Protocol): Promise<readonly [Channel, Channel]>
  /** A proper handshake, and then a link on which anything can be written to the listening end. */
  connectRaw(protocol: Protocol): Promise<readonly [ByteLink, Channel]>
  stop(): Promise<void>
}

const PIECE: Protocol = '/damselfly/piece/1'
const CHUNK = CHANNEL_LIMITS[PIECE].maxDataBytes
const MIB = 1024 * 1024

/** More than this must never wait between a sender and a reader that does not read; bytes. */
const MOST_UNDER_WAY = 24 * MIB

/** The behaviour that protocols rely on, whatever the kind of channel. Needs mocha. */
export function describeChannel(name: string, start: () => Promise<ChannelHarness>): void {
  describe(`a ${name} channel`, () => {
    let harness: ChannelHarness
    before(async () => {
      harness = await start()
    })
    after(() => harness.stop())

    it('knows who is on the other side, and what for', async () => {
      for (const protocol of harness.protocols) {
        const [near, far] = await harness.connect(protocol)
        assert.equal(near.remotePeer, harness.listener)
        assert.equal(far.remotePeer, harness.dialer)
        for (const channel of [near, far]) {
          assert.equal(channel.protocol, protocol)
          assert.equal(channel.kind, harness.kind)
          assert.match(channel.remoteAddress, /.:\d+$/)
        }
        near.abort(new Error('done'))
        far.abort(new Error('done'))
      }
    })

    it('carries messages both ways in order', async () => {
      for (const protocol of harness.protocols) {
        const ends = await connected(harness, protocol)
        const words = Array.from({ length: 200 }, (_, index) => `message ${index}`)
        for (const word of words) {
          ends.near.sendMessage(Buffer.from(word))
          ends.far.sendMessage(Buffer.from(word.toUpperCase()))
        }
        await ends.atFar.when(() => ends.atFar.messages.length === words.length)
        await ends.atNear.when(() => ends.atNear.messages.length === words.length)
        assert.deepEqual(ends.atFar.messages, words)
        assert.deepEqual(ends.atNear.messages, words.map((word) => word.toUpperCase()))
        await ends.near.close()
      }
    })

    it('carries an empty message and one of the largest size', async () => {
      for (const protocol of harness.protocols) {
        const ends = await connected(harness, protocol)
        const largest = 'x'.repeat(CHANNEL_LIMITS[protocol].maxMessageBytes)
        ends.near.sendMessage(new Uint8Array())
        ends.near.sendMessage(Buffer.from(largest))
        await ends.atFar.when(() => ends.atFar.messages.length === 2)
        assert.deepEqual(ends.atFar.messages, ['', largest])
        assert.throws(() => ends.near.sendMessage(Buffer.alloc(largest.length + 1)), RangeError)
        await ends.near.close()
      }
    })

    it('carries data of one frame or more unchanged, mixed with messages', async () => {
      const ends = await connected(harness, PIECE)
      const sent = createHash('sha256')
      const chunks = Array.from({ length: 32 }, (_, index) => randomBytes(2 * CHUNK + 16 - index))
      for (const [index, chunk] of chunks.entries()) {
        sent.update(chunk)
        await ends.near.sendData(index % 3, chunk)
        if (index % 8 === 0) ends.near.sendMessage(Buffer.from('between'))
      }
      const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      await ends.atFar.when(() => ends.atFar.dataBytes === total)
      assert.equal(ends.atFar.dataHash.digest('hex'), sent.digest('hex'))
      assert.deepEqual(ends.atFar.messages, ['between', 'between', 'between', 'between'])
      assert.deepEqual([...ends.atFar.streams.keys()], [0, 1, 2])
      await ends.near.close()
    })

    it('lets the bytes of data be used again once they are sent', async () => {
      const ends = await connected(harness, PIECE)
      const sent = createHash('sha256')
      const buffer = Buffer.alloc(CHUNK)
      for (let round = 0; round < 24; round++) {
        buffer.fill(round)
        sent.update(buffer)
        await ends.near.sendData(1, buffer)
      }
      await ends.atFar.when(() => ends.atFar.dataBytes === 24 * CHUNK)
      assert.equal(ends.atFar.dataHash.digest('hex'), sent.digest('hex'))
      await ends.near.close()
    })

    it('holds the sender back while the reader pauses, and loses nothing', async () => {
      const ends = await connected(harness, PIECE)
      ends.far.pause()
      const total = 48 * MIB
      const sending = sendAll(ends.near, total)
      await settled(() => sending.given)
      assert.ok(sending.given < MOST_UNDER_WAY, `${sending.given} bytes were taken from the sender`)
      assert.equal(ends.atFar.dataBytes, 0)
      ends.far.resume()
      await sending.done
      await ends.atFar.when(() => ends.atFar.dataBytes === total)
      await ends.near.close()
    })

    it('stops at once on pause and goes on where it was', async () => {
      const ends = await connected(harness, PIECE)
      ends.atFar.onEvent = () => ends.far.pause()
      // Small ones come together, and large ones after the pause.
      const sent = Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(index < 6 ? 2 : 12_000, '.'))
      for (const text of sent) ends.near.sendMessage(Buffer.from(text))
      for (let count = 1; count <= sent.length; count++) {
        await ends.atFar.when(() => ends.atFar.messages.length === count)
        await nextTurns()
        assert.equal(ends.atFar.messages.length, count)
        ends.far.resume()
      }
      assert.deepEqual(ends.atFar.messages, sent)
      ends.atFar.onEvent = () => undefined
      ends.far.resume()
      await ends.near.close()
    })

    it('loses nothing that came before its receiver', async () => {
      const [near, far] = await harness.connect(PIECE)
      near.receive(new Recorder())
      near.sendMessage(Buffer.from('early'))
      const sent = near.sendData(7, randomBytes(CHUNK))
      const closing = near.close()
      await nextTurns()
      const late = new Recorder()
      far.receive(late)
      assert.equal(await late.whenClosed(), undefined)
      assert.deepEqual(late.messages, ['early'])
      assert.equal(late.dataBytes, CHUNK)
      await Promise.all([sent, closing])
    })

    it('delivers what is queued before it closes, and tells both sides once', async () => {
      const ends = await connected(harness, PIECE)
      const chunk = randomBytes(CHUNK)
      const sent = Array.from({ length: 12 }, () => ends.near.sendData(1, chunk))
      ends.near.sendMessage(Buffer.from('last'))
      await Promise.all([ends.near.close(), ends.near.close(), ...sent])
      assert.equal(await ends.atFar.whenClosed(), undefined)
      assert.equal(await ends.atNear.whenClosed(), undefined)
      assert.equal(ends.atFar.dataBytes, 12 * CHUNK)
      assert.deepEqual(ends.atFar.messages, ['last'])
    })

    it('ends at once when aborted, and the other side learns that it broke', async () => {
      const ends = await connected(harness, PIECE)
      const reason = new Error('enough')
      ends.near.abort(reason)
      ends.near.abort(new Error('again'))
      assert.equal(await ends.atNear.whenClosed(), reason)
      assert.ok(isDamselflyError(await ends.atFar.whenClosed(), 'CHANNEL_CLOSED'))
    })

    it('refuses to send once it is over', async () => {
      for (const end of ['close', 'abort'] as const) {
        const ends = await connected(harness, PIECE)
        if (end === 'abort') ends.near.abort(new Error('enough'))
        else await ends.near.close()
        const isClosed = (error: unknown): boolean => isDamselflyError(error, 'CHANNEL_CLOSED')
        assert.throws(() => ends.near.sendMessage(Buffer.from('late')), isClosed)
        await assert.rejects(ends.near.sendData(1, Buffer.from('late')), isClosed)
        await assert.rejects(ends.near.writable(), isClosed)
        await ends.atFar.whenClosed()
      }
    })

    it('wakes a held-back sender with CHANNEL_CLOSED when it breaks', async () => {
      const ends = await connected(harness, PIECE)
      ends.far.pause()
      const sending = sendAll(ends.near, 48 * MIB)
      await settled(() => sending.given)
      ends.near.abort(new Error('enough'))
      await assert.rejects(sending.done, (error) => isDamselflyError(error, 'CHANNEL_CLOSED'))
      ends.far.abort(new Error('done'))
    })

    it('refuses hostile frames with PROTOCOL', async () => {
      const { maxDataBytes, maxMessageBytes } = CHANNEL_LIMITS[PIECE]
      const hostile: readonly (readonly [string, Buffer])[] = [
        ['a huge message', frameHeader(FRAME.message, 0, 0xffff_ffff)],
        ['a message above the limit', frameHeader(FRAME.message, 0, maxMessageBytes + 1)],
        ['data above the limit', frameHeader(FRAME.data, 1, maxDataBytes + 1)],
        ['empty data', frameHeader(FRAME.data, 1, 0)],
        ['a message with a stream', frameHeader(FRAME.message, 1, 4)],
        ['an unknown type', Buffer.from([0, 0, 0, 1, 9, 0, 0, 0, 0])],
        ['an end with content', frameHeader(FRAME.end, 0, 1)],
        ['random bytes', Buffer.alloc(64, 0xfe)],
      ]
      for (const [what, bytes] of hostile) {
        const [link, channel] = await harness.connectRaw(PIECE)
        const recorder = new Recorder()
        channel.receive(recorder)
        const over = linkOver(link)
        link.write([bytes], () => undefined)
        assert.ok(isDamselflyError(await recorder.whenClosed(), 'PROTOCOL'), what)
        assert.equal(recorder.messages.length + recorder.dataBytes, 0, what)
        await over
      }
    })

    it('reports a connection that ends inside a frame, after what came whole', async () => {
      const [link, channel] = await harness.connectRaw(PIECE)
      const recorder = new Recorder()
      channel.receive(recorder)
      const whole = [frameHeader(FRAME.message, 0, 5), Buffer.from('whole')]
      link.write([...whole, frameHeader(FRAME.message, 0, 100), Buffer.from('half')], () => link.end())
      assert.ok(isDamselflyError(await recorder.whenClosed(), 'CHANNEL_CLOSED'))
      assert.deepEqual(recorder.messages, ['whole'])
    })

    it('reports a connection that ends between frames without having been closed', async () => {
      const [link, channel] = await harness.connectRaw(PIECE)
      const recorder = new Recorder()
      channel.receive(recorder)
      link.write([frameHeader(FRAME.message, 0, 5), Buffer.from('whole')], () => link.end())
      assert.ok(isDamselflyError(await recorder.whenClosed(), 'CHANNEL_CLOSED'))
    })

    it('reads frames that arrive byte by byte', async () => {
      const [link, channel] = await harness.connectRaw(PIECE)
      const recorder = new Recorder()
      channel.receive(recorder)
      const frames = Buffer.concat([
        frameHeader(FRAME.message, 0, 5), Buffer.from('whole'),
        frameHeader(FRAME.data, 3, 4), Buffer.from('data'),
        frameHeader(FRAME.end, 0, 0),
      ])
      for (const byte of frames) await new Promise((resolve) => link.write([Uint8Array.of(byte)], resolve))
      assert.equal(await recorder.whenClosed(), undefined)
      assert.deepEqual(recorder.messages, ['whole'])
      assert.deepEqual([...recorder.streams], [[3, 4]])
      link.destroy()
    })

    it('works many times at once', async () => {
      const all = await Promise.all(Array.from({ length: 40 }, () => connected(harness, PIECE)))
      await Promise.all(
        all.map(async (ends, index) => {
          ends.near.sendMessage(Buffer.from(`hello ${index}`))
          await ends.near.sendData(index, randomBytes(64 * 1024))
          await ends.atFar.when(() => ends.atFar.dataBytes === 64 * 1024)
          assert.deepEqual(ends.atFar.messages, [`hello ${index}`])
          await ends.near.close()
        }),
      )
    })
  })
}

interface Ends {
  readonly near: Channel
  readonly far: Channel
  readonly atNear: Recorder
  readonly atFar: Recorder
}

async function connected(harness: ChannelHarness, protocol: Protocol): Promise<Ends> {
  const [near, far] = await harness.connect(protocol)
  const ends = { near, far, atNear: new Recorder(), atFar: new Recorder() }
  near.receive(ends.atNear)
  far.receive(ends.atFar)
  return ends
}

interface Sending {
  /** Bytes that the channel has taken. */
  readonly given: number
  readonly done: Promise<void>
}

/** Sends as a well-behaved sender does: whenever the channel is writable. */
function sendAll(channel: Channel, total: number): Sending {
  const chunk = randomBytes(CHUNK)
  let given = 0
  const send = async (): Promise<void> => {
    const sent: Promise<void>[] = []
    while (given < total) {
      await channel.writable()
      given += chunk.length
      sent.push(channel.sendData(1, chunk))
      sent.at(-1)?.catch(() => undefined)
    }
    await Promise.all(sent)
  }
  const done = send()
  done.catch(() => undefined)
  return { get given() { return given }, done }
}

/** Waits until the value has stayed the same for many turns of the event loop. */
async function settled(value: () => number): Promise<void> {
  for (let last = -1; last !== value(); ) {
    last = value()
    await nextTurns(200)
  }
}

async function nextTurns(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function linkOver(link: ByteLink): Promise<void> {
  return new Promise((resolve) => {
    link.attach({ bytes: () => undefined, ended: resolve, closed: () => resolve() })
    link.resume()
  })
}
