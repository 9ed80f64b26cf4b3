import type { Clock } from '@damselfly/shared'
import type { ConnectionHandler, OriginConnection } from './origin-connection.ts'
import { ProtocolError } from './protocol-error.ts'
import { HeadReader, type ResponseHead } from './response-head.ts'

/** Provisional answers before the real one. */
const MAX_PROVISIONAL = 16

/** A connection that ended before a byte of the answer had come. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
}

export interface AnswerWaitInit {
  readonly connection: OriginConnection
  /** Bytes. */
  readonly maxHeaderBytes: number
  /** Milliseconds. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Resolves with the head of the answer to the request that was just sent; the connection is paused
 * where the head ends.
 *
 * @throws ProtocolError, UnansweredError, the error of the connection, or the signal's reason. The connection is then of no use.
 */
export async function waitForAnswer(init: AnswerWaitInit): Promise<ResponseHead> {
  const { connection, clock, timeoutMs, signal } = init
  const wait = new AnswerWait(init)
  const cancelTimer = clock.after(timeoutMs, () => wait.fail(new Error(`no answer within ${timeoutMs} ms`)))
  const abort = (): void => wait.fail(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    connection.handTo(wait)
    return await wait.head
  } finally {
    cancelTimer()
    signal.removeEventListener('abort', abort)
  }
}

class AnswerWait implements ConnectionHandler {
  readonly #init: AnswerWaitInit
  readonly #answered = Promise.withResolvers<ResponseHead>()
  #reader: HeadReader
  #provisional = 0
  #hasBegun = false

  constructor(init: AnswerWaitInit) {
    this.#init = init
    this.#reader = new HeadReader(init.maxHeaderBytes)
  }

  get head(): Promise<ResponseHead> {
    return this.#answered.promise
  }

  fail(reason: unknown): void {
    this.#answered.reject(reason)
  }

  bytes(bytes: Uint8Array): number {
    this.#hasBegun = true
    try {
      return this.#read(bytes)
    } catch (error) {
      this.fail(error)
      return bytes.length
    }
  }

  ended(error: Error | undefined): void {
    const how = error === undefined ? 'the origin ended the connection without an answer' : 'the connection broke'
    this.fail(this.#hasBegun ? (error ?? new Error(how)) : new UnansweredError(how, { cause: error }))
  }

  #read(bytes: Uint8Array): number {
    for (let taken = 0; taken < bytes.length; ) {
      taken += this.#reader.take(bytes.subarray(taken))
      const { head } = this.#reader
      if (head === undefined) continue
      if (head.status >= 200) {
        this.#init.connection.pause()
        this.#answered.resolve(head)
        return taken
      }
      if (head.status === 101 || ++this.#provisional > MAX_PROVISIONAL) {
        throw new ProtocolError(`status ${head.status} came unasked`)
      }
      this.#reader = new HeadReader(this.#init.maxHeaderBytes)
    }
    return bytes.length
  }
}
