import type { RateFlow } from '@damselfly/shared'
import type { PieceBytes } from './lane.ts'

/** One open request of a child: counts what comes, and is done when all came and the sink has settled. */
export class IncomingPiece {
  readonly id: number
  /** Which limits its bytes keep to. */
  readonly flow: RateFlow
  readonly #sink: PieceBytes
  readonly #onSinkError: (error: unknown) => void
  readonly #settled = Promise.withResolvers<void>()
  #remaining: number
  #unsettledSinks = 0

  /**
   * @param length bytes; at least 1.
   * @param onSinkError the sink failed; whoever is told calls `fail`.
   */
  constructor(id: number, length: number, flow: RateFlow, sink: PieceBytes, onSinkError: (error: unknown) => void) {
    this.id = id
    this.flow = flow
    this.#remaining = length
    this.#sink = sink
    this.#onSinkError = onSinkError
  }

  /** Resolves when the piece is whole; rejects with what `fail` was given. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** Bytes that are still to come. */
  get remaining(): number {
    return this.#remaining
  }

  /**
   * Hands bytes on; there must not be more than remain.
   *
   * @returns resolves when the sink is through with them; undefined if it is already.
   */
  take(bytes: Uint8Array): Promise<void> | undefined {
    this.#remaining -= bytes.length
    let pending: void | Promise<void>
    try {
      pending = this.#sink(bytes)
    } catch (error) {
      this.#onSinkError(error)
      return undefined
    }
    if (pending === undefined) {
      this.#settleWhenDone()
      return undefined
    }
    this.#unsettledSinks++
    return pending.then(() => {
      this.#unsettledSinks--
      this.#settleWhenDone()
    }, this.#onSinkError)
  }

  fail(error: unknown): void {
    this.#settled.reject(error)
  }

  #settleWhenDone(): void {
    if (this.#remaining === 0 && this.#unsettledSinks === 0) this.#settled.resolve()
  }
}
