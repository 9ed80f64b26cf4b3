import { DamselflyError, pause, toDamselflyError, type Clock } from '@damselfly/shared'
import type { ArrivingContent } from './arriving-content.ts'
import type { AssignedWork } from './assigned-work.ts'
import type { BackToSourceReason } from './back-to-source-reason.ts'
import type { OwnWay, OwnWayEnd } from './own-way.ts'
import { isFinal, isOriginTrouble, isSpoiled } from './refusals.ts'
import { whyAlone, type Standing } from './standing.ts'

/** How long a peer that may not use the origin waits for a lost supernode; milliseconds. */
const SUPERNODE_WAIT = 30_000

/** Before the own way is tried again although it brought nothing the last time; milliseconds. */
const FRUITLESS_PAUSE = 1_000

export interface SelfHelpOptions {
  readonly content: ArrivingContent
  readonly createOwnWay: (reason: BackToSourceReason) => OwnWay
  readonly assigned: () => AssignedWork | undefined
  readonly standing: () => Standing
  /** Runs work that the download waits for before it ends; a rejection fails the download. */
  readonly spawn: (work: Promise<void>) => void
  readonly fail: (error: DamselflyError) => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Decides when a peer goes its own way and what follows from how it ends. While the supernode may still help,
 * a failure is only kept; when nobody else can be waited for, the way is gone again as long as it helps.
 */
export class SelfHelp {
  readonly #options: SelfHelpOptions
  #ownWay: OwnWay | undefined
  #failure: DamselflyError | undefined
  #hasFailedInSilence = false

  constructor(options: SelfHelpOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#ownWay !== undefined
  }

  /** What the origin failed with while the supernode could still be hoped for. */
  get failure(): DamselflyError | undefined {
    return this.#failure
  }

  /** The same, as long as the supernode has been silent since. */
  get failureInSilence(): DamselflyError | undefined {
    return this.#hasFailedInSilence ? this.#failure : undefined
  }

  /** The supernode showed that it may still help. */
  signOfLife(): void {
    this.#hasFailedInSilence = false
  }

  /** Without effect while it runs already or when there is nothing to do. */
  start(reason: BackToSourceReason): void {
    const { content, createOwnWay, spawn, signal } = this.#options
    if (this.isRunning || signal.aborted || content.isComplete) return
    this.#ownWay = createOwnWay(reason)
    spawn(this.#go(this.#ownWay))
  }

  /** The supernode helps again: what is under way ends, and no more is begun. */
  stop(): void {
    this.#failure = undefined
    this.#ownWay?.stop()
  }

  /** What to tell whoever waits when back-to-source is switched off and nothing else is left. */
  noSource(reason: BackToSourceReason): DamselflyError {
    const standing = this.#options.standing()
    const refusal = standing.type === 'away' ? standing.refusal : undefined
    if (refusal !== undefined && (isOriginTrouble(refusal) || refusal.code === 'PEER_NOT_ADMITTED')) return refusal
    const why = refusal === undefined ? reason : `${reason}: ${refusal.message}`
    return new DamselflyError('NO_SOURCE', `back-to-source is switched off (${why})`, { cause: refusal })
  }

  async #go(ownWay: OwnWay): Promise<void> {
    const { content, fail, assigned, clock, signal } = this.#options
    const before = content.stored?.verifiedBytes ?? 0
    const end = await endOf(ownWay)
    this.#ownWay = undefined
    content.check()
    if (end instanceof DamselflyError && (isFinal(end) || isSpoiled(end))) return fail(end)
    if (end === 'stopped' && this.#whyAlone === undefined) return
    // What parents were sending was left to them.
    await assigned()?.settled()
    if (end === 'exhausted' && content.stored?.verifiedBytes === before) {
      await pause(clock, FRUITLESS_PAUSE, signal)
      await assigned()?.settled()
    }
    if (!this.isRunning && !signal.aborted && !content.isComplete) this.#ended(end)
  }

  get #whyAlone(): BackToSourceReason | undefined {
    return whyAlone(this.#options.standing())
  }

  /** Everything has ended, and something is still missing. */
  #ended(end: OwnWayEnd | DamselflyError): void {
    const reason = this.#whyAlone
    if (end instanceof DamselflyError) {
      if (reason !== undefined) return this.#options.fail(this.#toldInstead(end))
      this.#failure = end
      this.#hasFailedInSilence = true
    } else if (reason === undefined) {
      // The supernode's patience decides what comes next.
    } else if (end !== 'forbidden') {
      this.start(reason)
    } else if (reason === 'supernode-lost') {
      this.#options.spawn(this.#awaitReturn())
    } else {
      this.#options.fail(this.noSource(reason))
    }
  }

  /** Who cannot ask that kind of origin has nothing better to tell than why the supernode could not. */
  #toldInstead(end: DamselflyError): DamselflyError {
    const standing = this.#options.standing()
    const refusal = standing.type === 'away' ? standing.refusal : undefined
    return end.code === 'NO_SOURCE_CLIENT' && refusal !== undefined ? refusal : end
  }

  async #awaitReturn(): Promise<void> {
    const { clock, standing, signal, fail } = this.#options
    const lost = standing()
    await pause(clock, SUPERNODE_WAIT, signal)
    if (standing() === lost && !signal.aborted) fail(this.noSource('supernode-lost'))
  }
}

async function endOf(ownWay: OwnWay): Promise<OwnWayEnd | DamselflyError> {
  try {
    return await ownWay.run()
  } catch (error) {
    return toDamselflyError(error)
  }
}
