import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { bodyError, longError, shortError } from './http-errors.ts'
import type { ConnectionWatch } from './origin-agent.ts'

/** Turns of the event loop in which bytes that were sent together with the body's last ones are read. */
const TURNS_AFTER_END = 4

export interface OriginBodyInit {
  readonly body: Dispatcher.ResponseData['body']
  /** Bytes; undefined when not announced. */
  readonly expected: number | undefined
  readonly watch: ConnectionWatch
  readonly signal: AbortSignal
  /** The URL for messages, redacted. */
  readonly shown: string
}

/** A response body that tells when it is shorter or longer than announced. */
export class OriginBody implements AsyncIterable<Uint8Array> {
  readonly #init: OriginBodyInit

  constructor(init: OriginBodyInit) {
    this.#init = init
    // An error that nobody is there to read must not end the process.
    init.body.on('error', () => undefined)
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    const chunks = this.#chunks()
    return {
      next: () => chunks.next(),
      return: async () => {
        // A generator that was never started would not run its `finally`.
        this.#end()
        await chunks.return(undefined)
        return { done: true, value: undefined }
      },
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array, undefined> {
    const { body, expected, shown, signal } = this.#init
    let received = 0
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        received += chunk.length
        if (expected !== undefined && received > expected) throw longError(shown, expected)
        yield chunk
      }
      await this.#checkEnd(received)
    } catch (error) {
      signal.throwIfAborted()
      throw bodyError(error, shown, received, expected)
    } finally {
      this.#end()
    }
    return undefined
  }

  async #checkEnd(received: number): Promise<void> {
    const { expected, shown, watch } = this.#init
    if (expected === undefined) return
    if (received < expected) throw shortError(shown, received, expected)
    // What comes after the announced end breaks the connection, not the body, and shows a little later.
    for (let turn = 0; turn < TURNS_AFTER_END; turn++) await nextTurn()
    if (watch.sentTooMuch) throw longError(shown, expected)
  }

  #end(): void {
    this.#init.watch.end()
    this.#init.body.destroy()
  }
}
