import { taskIdToBytes, type PieceRange, type Priority, type TaskId } from '@damselfly/shared'
import { create, decode, encode, PieceMessageSchema, type MessageInitShape, type PieceMessage } from '@damselfly/shared/wire'
import { CHANNEL_LIMITS } from '../channel/channel.ts'

/** What a parent reads and sends at once at most: two DATA frames, so that each call of the system does more; bytes. */
export const CHUNK_BYTES: number = 2 * CHANNEL_LIMITS['/damselfly/piece/1'].maxDataBytes

/** Messages for people are cut to this before they are sent or shown; characters. */
export const MAX_REASON_CHARACTERS = 300

type Body = NonNullable<MessageInitShape<typeof PieceMessageSchema>['body']>

/** @throws DamselflyError PROTOCOL */
export function decodePieceMessage(bytes: Uint8Array): PieceMessage {
  return decode(PieceMessageSchema, bytes, CHANNEL_LIMITS['/damselfly/piece/1'].maxMessageBytes)
}

export function encodeRequest(requestId: number, taskId: TaskId, { index, length }: PieceRange, priority: Priority): Uint8Array {
  const background = priority === 'background'
  return encodeBody({ case: 'request', value: { requestId, taskId: taskIdToBytes(taskId), index, length, background } })
}

export function encodeCancel(requestId: number): Uint8Array {
  return encodeBody({ case: 'cancel', value: { requestId } })
}

export function encodeTicket(signedTicket: Uint8Array): Uint8Array {
  return encodeBody({ case: 'ticket', value: { signedTicket } })
}

export function encodeRefusal(requestId: number, code: string, message: string): Uint8Array {
  return encodeBody({ case: 'refusal', value: { requestId, code, message: message.slice(0, MAX_REASON_CHARACTERS) } })
}

function encodeBody(body: Body): Uint8Array {
  return encode(PieceMessageSchema, create(PieceMessageSchema, { body }))
}
