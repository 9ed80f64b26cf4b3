import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import type { ChannelLimits } from '../../src/channel/channel.ts'
import { FRAME, frameHeader, FrameDecoder } from '../../src/channel/frame.ts'

const LIMITS: ChannelLimits = { maxMessageBytes: 400, maxDataBytes: 600, highWaterMark: 1000 }

interface Frame {
  readonly stream: number | undefined
  readonly payload: Uint8Array
}

const message = fc.record({ stream: fc.constant(undefined), payload: fc.uint8Array({ maxLength: LIMITS.maxMessageBytes }) })
const data = fc.record({
  stream: fc.nat(0xffff_ffff),
  payload: fc.uint8Array({ minLength: 1, maxLength: LIMITS.maxDataBytes }),
})
const frames: fc.Arbitrary<Frame[]> = fc.array(fc.oneof(message, data), { maxLength: 12 })

function encoded({ stream, payload }: Frame): Buffer {
  const type = stream === undefined ? FRAME.message : FRAME.data
  return Buffer.concat([frameHeader(type, stream ?? 0, payload.length), payload])
}

/** What a decoder tells, with neighbouring parts of one stream joined. */
class Heard {
  readonly #parts: (readonly [number | undefined, Buffer])[] = []
  ended = 0
  readonly sink = {
    message: (bytes: Uint8Array) => void this.#parts.push([undefined, Buffer.from(bytes)]),
    data: (stream: number, bytes: Uint8Array) => this.#addData(stream, Buffer.from(bytes)),
    end: () => void this.ended++,
  }

  get text(): string {
    return this.#parts.map(([stream, bytes]) => `${stream ?? 'message'}:${bytes.toString('hex')}`).join(' ')
  }

  #addData(stream: number, bytes: Buffer): void {
    assert.ok(bytes.length > 0)
    const last = this.#parts.at(-1)
    if (last?.[0] === stream) this.#parts.splice(-1, 1, [stream, Buffer.concat([last[1], bytes])])
    else this.#parts.push([stream, bytes])
  }
}

function expectedText(all: readonly Frame[]): string {
  const heard = new Heard()
  for (const { stream, payload } of all) {
    if (stream === undefined) heard.sink.message(payload)
    else heard.sink.data(stream, payload)
  }
  return heard.text
}

describe('a frame decoder', () => {
  it('reads the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (all, cuts) => {
        const heard = new Heard()
        const decoder = new FrameDecoder(LIMITS, heard.sink)
        const bytes = Buffer.concat([...all.map(encoded), frameHeader(FRAME.end, 0, 0)])
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const next = at + (cuts[cut % cuts.length] ?? 1)
          // A copy that is spoiled afterwards shows whether anything is kept that must not be.
          const part = Buffer.from(bytes.subarray(at, next))
          assert.equal(decoder.push(part), part.length)
          part.fill(0xaa)
          at = next
        }
        assert.equal(heard.text, expectedText(all))
        assert.equal(heard.ended, 1)
      }),
    )
  })

  it('stops after the callback that asks for it, and goes on from there', () => {
    fc.assert(
      fc.property(frames, (all) => {
        const heard = new Heard()
        const decoder: FrameDecoder = new FrameDecoder(LIMITS, {
          message: (bytes) => {
            heard.sink.message(bytes)
            decoder.stop()
          },
          data: (stream, bytes) => {
            heard.sink.data(stream, bytes)
            decoder.stop()
          },
          end: () => undefined,
        })
        let rest = Buffer.concat(all.map(encoded))
        let pushes = 0
        for (; rest.length > 0; pushes++) rest = rest.subarray(decoder.push(rest))
        assert.equal(pushes, all.length)
        assert.equal(heard.text, expectedText(all))
      }),
    )
  })

  it('meets garbage with PROTOCOL at worst, and never keeps more than one message', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (portions) => {
        const decoder = new FrameDecoder(LIMITS, new Heard().sink)
        try {
          for (const portion of portions) {
            decoder.push(portion)
            assert.ok(decoder.gatheredBytes <= LIMITS.maxMessageBytes)
          }
        } catch (error) {
          assert.ok(isDamselflyError(error, 'PROTOCOL'))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('refuses a length before a byte of it has come', () => {
    const tooLong = [
      frameHeader(FRAME.message, 0, LIMITS.maxMessageBytes + 1),
      frameHeader(FRAME.data, 0, LIMITS.maxDataBytes + 1),
      frameHeader(FRAME.end, 0, 1),
      frameHeader(FRAME.message, 0, 0xffff_ffff),
    ]
    for (const header of tooLong) {
      const decoder = new FrameDecoder(LIMITS, new Heard().sink)
      assert.throws(() => decoder.push(header), (error) => isDamselflyError(error, 'PROTOCOL'))
    }
  })

  it('refuses anything after the end', () => {
    const decoder = new FrameDecoder(LIMITS, new Heard().sink)
    const end = frameHeader(FRAME.end, 0, 0)
    decoder.push(end)
    assert.throws(() => decoder.push(end), (error) => isDamselflyError(error, 'PROTOCOL'))
  })

  it('keeps of a large message only what has come', () => {
    const decoder = new FrameDecoder({ ...LIMITS, maxMessageBytes: 8 * 1024 * 1024 }, new Heard().sink)
    decoder.push(frameHeader(FRAME.message, 0, 8 * 1024 * 1024))
    decoder.push(Buffer.alloc(100))
    assert.equal(decoder.gatheredBytes, 100)
  })
})
