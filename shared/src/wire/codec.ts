import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { DamselflyError, messageOf } from '../errors/damselfly-error.ts'

export { create }
export type { MessageInitShape } from '@bufbuild/protobuf'

export function encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  return toBinary(schema, message)
}

/**
 * Decodes a message that came from another machine. The message owns its bytes: `bytes` may be used again at once.
 *
 * @param maxBytes what this message may weigh at most.
 * @throws DamselflyError PROTOCOL when it is larger or is not such a message.
 */
export function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array, maxBytes: number): MessageShape<Desc> {
  if (bytes.length > maxBytes) {
    throw new DamselflyError('PROTOCOL', `a ${schema.name} of ${bytes.length} bytes exceeds the limit of ${maxBytes}`)
  }
  try {
    // Fields of bytes are views into what is decoded, which a receiver may be about to overwrite.
    return fromBinary(schema, new Uint8Array(bytes), { readUnknownFields: false })
  } catch (error) {
    throw new DamselflyError('PROTOCOL', `not a ${schema.name}: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * A 64-bit count from the wire as a number.
 *
 * @throws DamselflyError PROTOCOL past 2^53.
 */
export function toNumber(value: bigint, what: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new DamselflyError('PROTOCOL', `${what} of ${value} is out of range`)
  return number
}
