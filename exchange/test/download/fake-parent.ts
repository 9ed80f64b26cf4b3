import { DamselflyError, type PeerId, type PieceRange, type Priority, type TaskId } from '@damselfly/shared'
import type { ParentInfo } from '../../src/control/task-control.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import type { Lane, PieceBytes } from '../../src/lane/lane.ts'

/** What a parent hands over at once; odd, so that no boundary is met by chance. */
const CHUNK = 60_001

export interface FakeParentInit {
  /** The content as this parent has it. */
  readonly content: Uint8Array
  readonly isCdn?: boolean
}

/** A parent, and the lane to it, whose bytes, delays, lies and stalls the test controls. */
export class FakeParent implements Lane {
  readonly kind = 'direct'
  readonly parent: PeerId = createIdentity().peerId
  readonly host = '127.0.0.1'
  readonly receivedBytes = 0
  readonly closed: AbortSignal = new AbortController().signal
  isHeldBack = false
  heldBackMs = 0
  readonly content: Uint8Array
  readonly isCdn: boolean
  readonly tickets: Uint8Array[] = []
  /** Of each request. */
  readonly priorities: Priority[] = []
  /** Every request that ever came. */
  readonly requests: FakeRequest[] = []
  /** No lane can be opened. */
  isUnreachable = false
  /** What happens to each request. */
  onRequest: (request: FakeRequest) => void = (request) => request.serve()
  #waiters = new Set<() => void>()

  constructor({ content, isCdn = false }: FakeParentInit) {
    this.content = content
    this.isCdn = isCdn
  }

  get info(): ParentInfo {
    return { peer: this.parent, endpoints: [], security: 'tls', signedTicket: Buffer.from(this.parent), isCdn: this.isCdn }
  }

  get open(): number {
    return this.requests.filter(({ isOpen }) => isOpen).length
  }

  /** Indexes that were asked for, in order. */
  get asked(): number[] {
    return this.requests.map(({ piece }) => piece.index)
  }

  /** The request for a piece that came last; waits for it. */
  async whenAsked(index: number, times = 1): Promise<FakeRequest> {
    const mine = (): FakeRequest[] => this.requests.filter(({ piece }) => piece.index === index)
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (mine().length < times) return
        this.#waiters.delete(check)
        resolve()
      }
      this.#waiters.add(check)
      check()
    })
    return mine().at(-1) as FakeRequest
  }

  presentTicket(_taskId: TaskId, signedTicket: Uint8Array): void {
    this.tickets.push(signedTicket)
  }

  request(_taskId: TaskId, piece: PieceRange, sink: PieceBytes, signal: AbortSignal, priority: Priority = 'foreground'): Promise<void> {
    signal.throwIfAborted()
    this.priorities.push(priority)
    const request = new FakeRequest(piece, this.content, sink, signal)
    this.requests.push(request)
    for (const check of this.#waiters) check()
    this.onRequest(request)
    return request.settled
  }

  async close(): Promise<void> {
    for (const request of this.requests) request.fail(new DamselflyError('CHANNEL_CLOSED', 'the lane was closed'))
  }
}

/** One open request of a child. */
export class FakeRequest {
  readonly piece: PieceRange
  readonly settled: Promise<void>
  readonly #content: Uint8Array
  readonly #sink: PieceBytes
  readonly #outcome = Promise.withResolvers<void>()
  #given = 0
  #isOpen = true
  #busy: Promise<unknown> = Promise.resolve()

  constructor(piece: PieceRange, content: Uint8Array, sink: PieceBytes, signal: AbortSignal) {
    this.piece = piece
    this.#content = content
    this.#sink = sink
    const cancel = (): void => this.fail(signal.reason)
    signal.addEventListener('abort', cancel, { once: true })
    this.settled = this.#outcome.promise.finally(() => signal.removeEventListener('abort', cancel))
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Everything that is still missing, as it should be. */
  serve(): void {
    this.give(this.piece.length - this.#given)
  }

  /** The next bytes, as they should be; the last of them end the request. */
  give(bytes: number): void {
    const { offset, length } = this.piece
    const end = offset + Math.min(length, this.#given + bytes)
    for (let at = offset + this.#given; at < end; at += CHUNK) this.#hand(new Uint8Array(this.#content.subarray(at, Math.min(end, at + CHUNK))))
  }

  /** As many bytes as were asked for, but others. */
  lie(): void {
    this.#hand(Buffer.alloc(this.piece.length - this.#given, 0xbb))
  }

  refuse(): void {
    this.fail(new DamselflyError('PIECE_REFUSED', 'the parent refused'))
  }

  fail(error: unknown): void {
    this.#isOpen = false
    this.#outcome.reject(error)
  }

  #hand(bytes: Uint8Array): void {
    if (!this.#isOpen) return
    this.#given += bytes.length
    const taken = Promise.resolve(this.#sink(bytes))
    // As on a real lane, the memory is used again.
    bytes.fill(0xee)
    taken.catch((error: unknown) => this.fail(error))
    this.#busy = Promise.all([this.#busy, taken])
    if (this.#given < this.piece.length) return
    this.#busy.then(
      () => {
        this.#isOpen = false
        this.#outcome.resolve()
      },
      () => undefined,
    )
  }
}
