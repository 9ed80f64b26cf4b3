import type { StoredTask } from '@damselfly/exchange'
import { DamselflyError, type Clock, type Sha256 } from '@damselfly/shared'
import type { CacheTerms } from '../cache-terms.ts'
import type { CdnTask, CdnTaskListener, CdnTaskState, ContentSpec } from '../cdn.ts'
import { specOf } from './task-record.ts'

/** Signs of life come no more often; milliseconds. */
const PROGRESS_INTERVAL_MS = 250

export interface OriginAnswer {
  readonly terms: CacheTerms | undefined
  /** On the clock's scale; milliseconds. */
  readonly at: number
}

/** A task as others see it; its fetch tells it what happens. */
export class LiveTask implements CdnTask {
  readonly spec: ContentSpec
  readonly #clock: Clock
  readonly #listeners = new Set<CdnTaskListener>()
  #opening = newOpening()
  #isOpen = false
  #stored: StoredTask | undefined
  #state: CdnTaskState = { type: 'fetching' }
  #answer: OriginAnswer | undefined
  #originBytes = 0
  #wantedFrom = 0
  #progressAt = Number.NEGATIVE_INFINITY

  constructor(spec: ContentSpec, clock: Clock) {
    this.spec = spec
    this.#clock = clock
  }

  /** A task that is held since an earlier run of the program. */
  static ofComplete(stored: StoredTask, clock: Clock): LiveTask {
    const task = new LiveTask(specOf(stored.record), clock)
    task.hold(stored)
    task.open()
    task.#state = { type: 'complete' }
    return task
  }

  /** Whether it can be handed out. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Resolves when it can be handed out. @throws DamselflyError of the fetch */
  whenOpen(): Promise<void> {
    return this.#opening.promise
  }

  /** Nobody is handed the task before this is known. */
  get stored(): StoredTask {
    if (this.#stored === undefined) throw new DamselflyError('INTERNAL', 'the task is not open yet')
    return this.#stored
  }

  get state(): CdnTaskState {
    return this.#state
  }

  get isPrivate(): boolean {
    return this.#stored?.record.isPrivate ?? false
  }

  get originBytes(): number {
    return this.#originBytes
  }

  /** Where somebody reads; bytes. */
  get wantedFrom(): number {
    return this.#wantedFrom
  }

  wantFrom(position: number): void {
    this.#wantedFrom = position
  }

  subscribe(listener: CdnTaskListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  hold(stored: StoredTask): void {
    this.#stored = stored
  }

  /** The latest answer of its origin that brought content. */
  get answer(): OriginAnswer | undefined {
    return this.#answer
  }

  /** The origin has begun to serve it, under these terms. */
  answered(terms: CacheTerms | undefined): void {
    this.#answer = { terms, at: this.#clock.now() }
  }

  open(): void {
    this.#isOpen = true
    this.#opening.resolve()
  }

  tellLength(contentLength: number): void {
    for (const listener of this.#listeners) listener.lengthKnown(contentLength)
  }

  tellPiece(index: number, digest: Sha256): void {
    for (const listener of this.#listeners) listener.pieceStored(index, digest)
  }

  /** @param bytes that came from the origin just now */
  receive(bytes: number): void {
    this.#originBytes += bytes
    const now = this.#clock.now()
    if (now - this.#progressAt < PROGRESS_INTERVAL_MS) return
    this.#progressAt = now
    for (const listener of this.#listeners) listener.progress()
  }

  /** What was told is void. Whoever cannot start again is told that the task has failed. */
  startOver(reason: DamselflyError): void {
    // Those who wait for the first opening wait on.
    if (this.#isOpen) this.#opening = newOpening()
    this.#isOpen = false
    for (const listener of this.#listeners) {
      if (listener.startedOver !== undefined) {
        listener.startedOver()
        continue
      }
      this.#listeners.delete(listener)
      listener.ended({ type: 'failed', error: reason })
    }
  }

  end(state: CdnTaskState): void {
    this.#state = state
    if (state.type === 'failed') this.#opening.reject(state.error)
    for (const listener of this.#listeners) listener.ended(state)
    this.#listeners.clear()
  }
}

function newOpening(): PromiseWithResolvers<void> {
  const opening = Promise.withResolvers<void>()
  // The fetch may fail when nobody waits for its start.
  opening.promise.catch(() => undefined)
  return opening
}
