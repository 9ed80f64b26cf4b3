import type { Sha256 } from '@damselfly/shared'
import type { StoredTask } from '../store/piece-store.ts'
import type { ArrivingContent } from './arriving-content.ts'
import type { AssignedWork } from './assigned-work.ts'
import { fetchFromKnownParents } from './known-parents.ts'
import { createOriginFetch } from './create-origin-fetch.ts'
import type { OriginFetch } from './origin-fetch.ts'
import type { DownloadDependencies, DownloadTask } from './task-download.ts'
import type { ReadingPositions } from './reading-positions.ts'
import type { TransferAccount } from './transfer-account.ts'

export interface OwnWayOptions {
  readonly dependencies: DownloadDependencies
  readonly task: DownloadTask
  readonly account: TransferAccount
  readonly positions: ReadingPositions
  readonly content: ArrivingContent
  /** What is here of the content and may be completed. */
  readonly existing: StoredTask | undefined
  /** What is assigned, and to whom; undefined until the content's place in the store is made. */
  readonly assigned: () => AssignedWork | undefined
  /** Whether parents that are known are asked before the origin. */
  readonly asksParents: boolean
  readonly onStored: (index: number, digest: Sha256) => void
  /** The origin itself is used from now on. */
  readonly onBackToSource: () => void
  readonly signal: AbortSignal
}

/**
 * How it ended: nothing was left that it could ask for, it was stopped, or only the origin
 * could have helped and is not allowed.
 */
export type OwnWayEnd = 'exhausted' | 'stopped' | 'forbidden'

/** What a peer does without its supernode's help: asks the parents that it knows, then the origin. */
export class OwnWay {
  readonly #options: OwnWayOptions
  readonly #stop = new AbortController()
  #origin: OriginFetch | undefined

  constructor(options: OwnWayOptions) {
    this.#options = options
  }

  /** The supernode helps again: lets the pieces under way end and asks for no more. */
  stop(): void {
    this.#stop.abort()
    this.#origin?.stop()
  }

  /** @throws DamselflyError what the origin or the disk fails with; the signal's reason */
  async run(): Promise<OwnWayEnd> {
    const { content, task, onBackToSource } = this.#options
    await this.#askParents()
    if (this.#stop.signal.aborted) return 'stopped'
    if (content.isComplete) return 'exhausted'
    if (!task.backToSource) return 'forbidden'
    onBackToSource()
    await this.#askOrigin()
    return this.#stop.signal.aborted ? 'stopped' : 'exhausted'
  }

  async #askParents(): Promise<void> {
    const { asksParents, content, dependencies, signal } = this.#options
    const assigned = this.#options.assigned()
    if (!asksParents || assigned === undefined) return
    await fetchFromKnownParents({
      context: assigned.context,
      // The supernode's own CDN is gone with it.
      parents: assigned.parents.filter(({ isCdn }) => !isCdn),
      digests: content.digests,
      isElsewhere: (index) => assigned.isFetching(index),
      random: dependencies.random,
      onFetched: (index, result) => assigned.report(index, result),
      stop: this.#stop.signal,
      signal,
    })
  }

  async #askOrigin(): Promise<void> {
    const { content, existing } = this.#options
    // A whole content has nothing to ask for, so whether it is still the origin's must show first.
    const resumable = existing?.layout !== undefined && !existing.isComplete ? existing : undefined
    if (content.stored === undefined && resumable !== undefined) await content.prepare(resumable.record)
    const { assigned, onStored } = this.#options
    const isElsewhere = (index: number): boolean => assigned()?.isFetching(index) === true
    this.#origin = createOriginFetch(this.#options, { parallel: this.#options.dependencies.parallelRanges, isElsewhere, onStored })
    if (this.#stop.signal.aborted) return
    await this.#origin.run()
  }
}
