/** 32 bytes as 64 lower-case hexadecimal characters; on the wire it travels as bytes. */
export type TaskId = string & { readonly __brand: 'TaskId' }

/** A libp2p PeerId in its base58btc text form (`12D3KooW…`): the Ed25519 public key itself. */
export type PeerId = string & { readonly __brand: 'PeerId' }

const TASK_ID_PATTERN = /^[0-9a-f]{64}$/

export function isTaskId(text: string): text is TaskId {
  return TASK_ID_PATTERN.test(text)
}

/** @throws RangeError when `bytes` is not 32 bytes long. */
export function taskIdFromBytes(bytes: Uint8Array): TaskId {
  if (bytes.length !== 32) throw new RangeError(`a task id has 32 bytes, not ${bytes.length}`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') as TaskId
}

export function taskIdToBytes(taskId: TaskId): Uint8Array {
  return Buffer.from(taskId, 'hex')
}
