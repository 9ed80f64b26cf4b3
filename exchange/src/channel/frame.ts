import { DamselflyError } from '@damselfly/shared'
import type { ChannelLimits } from './channel.ts'

/**
 * A frame, the same on every kind of channel:
 *
 *     u32 BE payload length | u8 type | u32 BE stream | payload
 *
 * END has no payload, and nothing comes after it: with it a channel that was closed can be
 * told from one that broke, even where the transport below cannot tell.
 */
export const FRAME_HEADER_BYTES = 9

export const FRAME = { message: 0, data: 1, end: 2 } as const
export type FrameType = (typeof FRAME)[keyof typeof FRAME]

export function frameHeader(type: FrameType, stream: number, payloadLength: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
  header.writeUInt32BE(payloadLength, 0)
  header.writeUInt8(type, 4)
  header.writeUInt32BE(stream, 5)
  return header
}

/** Takes what a decoder reads. `bytes` is only valid during the call. */
export interface FrameSink {
  message(bytes: Uint8Array): void
  data(stream: number, bytes: Uint8Array): void
  end(): void
}

/** A message that does not come in one piece is gathered in a buffer that grows with what has really arrived; bytes. */
const FIRST_GATHER_BYTES = 16 * 1024

/** Reads frames out of bytes that arrive in any portions. Bytes of DATA frames are passed on and never kept. */
export class FrameDecoder {
  readonly #limits: ChannelLimits
  readonly #sink: FrameSink
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES)
  #headerFill = 0
  #type: FrameType = FRAME.message
  #stream = 0
  /** Payload bytes of the present frame that are still to come. */
  #remaining = 0
  #gathered = Buffer.alloc(0)
  #gatheredFill = 0
  #ended = false
  #stopped = false

  constructor(limits: ChannelLimits, sink: FrameSink) {
    this.#limits = limits
    this.#sink = sink
  }

  /**
   * @returns how many bytes were read: all of them unless `stop` was called on the way.
   * @throws DamselflyError PROTOCOL; the decoder is not to be used any more then.
   */
  push(bytes: Uint8Array): number {
    this.#stopped = false
    let at = 0
    while (at < bytes.length && !this.#stopped) {
      at = this.#headerFill < FRAME_HEADER_BYTES ? this.#readHeader(bytes, at) : this.#readPayload(bytes, at)
    }
    return at
  }

  /** Called by the sink: `push` returns after the present callback. */
  stop(): void {
    this.#stopped = true
  }

  /** Bytes of an unfinished message that are kept. */
  get gatheredBytes(): number {
    return this.#gatheredFill
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    if (this.#ended) throw new DamselflyError('PROTOCOL', 'bytes came after the end of the channel')
    const taken = Math.min(FRAME_HEADER_BYTES - this.#headerFill, bytes.length - from)
    this.#header.set(bytes.subarray(from, from + taken), this.#headerFill)
    this.#headerFill += taken
    if (this.#headerFill === FRAME_HEADER_BYTES) this.#beginFrame()
    return from + taken
  }

  #beginFrame(): void {
    const length = this.#header.readUInt32BE(0)
    this.#type = checkedType(this.#header.readUInt8(4))
    this.#stream = this.#header.readUInt32BE(5)
    this.#remaining = length
    const limit = this.#limitOf(this.#type)
    if (length > limit) {
      throw new DamselflyError('PROTOCOL', `a frame of ${length} bytes exceeds the limit of ${limit}`)
    }
    if (this.#type === FRAME.data && length === 0) throw new DamselflyError('PROTOCOL', 'a DATA frame is empty')
    if (this.#type !== FRAME.data && this.#stream !== 0) {
      throw new DamselflyError('PROTOCOL', 'a frame other than DATA names a stream')
    }
    if (length === 0) this.#endFrame(this.#gathered.subarray(0, 0))
  }

  #limitOf(type: FrameType): number {
    if (type === FRAME.end) return 0
    return type === FRAME.data ? this.#limits.maxDataBytes : this.#limits.maxMessageBytes
  }

  #readPayload(bytes: Uint8Array, from: number): number {
    const to = from + Math.min(this.#remaining, bytes.length - from)
    const part = bytes.subarray(from, to)
    this.#remaining -= part.length
    if (this.#type === FRAME.data) this.#passData(part)
    else if (this.#remaining === 0 && this.#gatheredFill === 0) this.#endFrame(part)
    else this.#gather(part)
    return to
  }

  #passData(part: Uint8Array): void {
    if (this.#remaining === 0) this.#headerFill = 0
    this.#sink.data(this.#stream, part)
  }

  #gather(part: Uint8Array): void {
    const needed = this.#gatheredFill + part.length
    if (needed > this.#gathered.length) {
      const room = Math.max(needed, FIRST_GATHER_BYTES, this.#gathered.length * 2)
      const grown = Buffer.allocUnsafe(Math.min(room, needed + this.#remaining))
      grown.set(this.#gathered.subarray(0, this.#gatheredFill))
      this.#gathered = grown
    }
    this.#gathered.set(part, this.#gatheredFill)
    this.#gatheredFill = needed
    if (this.#remaining > 0) return
    const message = this.#gathered.subarray(0, needed)
    this.#gathered = Buffer.alloc(0)
    this.#gatheredFill = 0
    this.#endFrame(message)
  }

  #endFrame(payload: Uint8Array): void {
    this.#headerFill = 0
    if (this.#type === FRAME.message) {
      this.#sink.message(payload)
      return
    }
    this.#ended = true
    this.#sink.end()
  }
}

function checkedType(type: number): FrameType {
  if (type === FRAME.message || type === FRAME.data || type === FRAME.end) return type
  throw new DamselflyError('PROTOCOL', `there is no frame type ${type}`)
}
