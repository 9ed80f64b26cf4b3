import type { PeerId } from '@damselfly/shared'
import type { BlocklistEntry } from '../contract.ts'
import { DeadlineQueue } from '../state/deadline-queue.ts'
import type { Block, BlockingReason, Blocklist, FailureReport } from './blocklist.ts'

export interface Backoff {
  /** How many failures it takes. */
  readonly after: number
  readonly firstMs: number
  readonly longestMs: number
}

export interface BackoffBlocklistOptions {
  /** How long the pair is blocked, by reason; the time doubles with each further failure. */
  readonly backoff?: Readonly<Record<BlockingReason, Backoff>>
  /** How many children in a row must find a parent far slower than all others until nobody uses it. @default 2 */
  readonly slowedChildren?: number
  /** How long a failure counts; half as much after half of it. @default 300_000 */
  readonly memoryMs?: number
}

/** Wrong bytes are a defect or malice; a refusal or a time-out is mostly a moment's load. */
export const DEFAULT_BACKOFF: Readonly<Record<BlockingReason, Backoff>> = {
  corrupt: { after: 1, firstMs: 60_000, longestMs: 3_600_000 },
  timeout: { after: 2, firstMs: 1_000, longestMs: 60_000 },
  refused: { after: 1, firstMs: 1_000, longestMs: 60_000 },
  unreachable: { after: 1, firstMs: 2_000, longestMs: 120_000 },
  // Never so long that a child would rather have the origin than a slow parent.
  slow: { after: 3, firstMs: 2_000, longestMs: 10_000 },
}

/** A parent that is slow for everybody, which sends nothing that is worth waiting for; where it alone has something it is pardoned. */
const SLOW_FOR_ALL: Backoff = { after: 1, firstMs: 60_000, longestMs: 600_000 }

/** Further failures lengthen no block: the time doubles no more often than this. */
const MOST_FAILURES = 10

/** Failures of one parent, seen by one child or by all. */
interface Entry {
  readonly block: Block
  reason: BlockingReason
  /** As of `countedAt`; they fade from then on, or from the end of the block. */
  failures: number
  countedAt: number
  /** Undefined while nothing is blocked. */
  until: number | undefined
  /** Parties of children for which it was too slow, since the last one for which it was not; only in entries that count for all. */
  readonly slowed: Set<string>
}

type Seen = Map<PeerId, Entry>

const NONE: readonly Block[] = []

/** Blocks a pair of child and parent by its failures, and a parent for all if it is proved to send wrong bytes or crawls for several children. */
export class BackoffBlocklist implements Blocklist {
  readonly #backoff: Readonly<Record<BlockingReason, Backoff>>
  readonly #slowedChildren: number
  readonly #memoryMs: number
  readonly #byChild = new Map<PeerId, Seen>()
  readonly #byAll: Seen = new Map()
  readonly #deadlines = new DeadlineQueue<Entry>((entry, at) => {
    return this.#find(entry.block) !== entry || this.#dueAt(entry) !== at
  })

  constructor({ backoff = DEFAULT_BACKOFF, slowedChildren = 2, memoryMs = 300_000 }: BackoffBlocklistOptions = {}) {
    this.#backoff = backoff
    this.#slowedChildren = slowedChildren
    this.#memoryMs = memoryMs
  }

  failed({ child, party = child, parent, parentIsCdn, reason }: FailureReport, now: number): readonly Block[] {
    const begun: Block[] = []
    const pair = this.#entry({ child, parent }, reason, now)
    if (this.#count(pair, reason, now)) begun.push(pair.block)
    if (reason !== 'slow' || parentIsCdn) return begun
    const forAll = this.#entry({ child: undefined, parent }, reason, now)
    forAll.slowed.add(party)
    if (forAll.slowed.size < this.#enoughSlowed(forAll)) return begun
    forAll.slowed.clear()
    if (this.#count(forAll, reason, now, SLOW_FOR_ALL)) begun.push(forAll.block)
    return begun
  }

  caught(parent: PeerId, now: number): readonly Block[] {
    const forAll = this.#entry({ child: undefined, parent }, 'corrupt', now)
    return this.#count(forAll, 'corrupt', now) ? [forAll.block] : []
  }

  /** Of one that was slow before a single child is believed. */
  #enoughSlowed({ failures }: Entry): number {
    return failures > 0.5 ? 1 : this.#slowedChildren
  }

  pardon(parent: PeerId, now: number): readonly Block[] {
    const entry = this.#byAll.get(parent)
    if (entry?.until === undefined || entry.reason !== 'slow') return []
    entry.until = undefined
    entry.countedAt = now
    this.#deadlines.push(entry, this.#dueAt(entry))
    return [entry.block]
  }

  succeeded(child: PeerId, parent: PeerId, now: number): void {
    this.#byAll.get(parent)?.slowed.clear()
    const entry = this.#byChild.get(child)?.get(parent)
    if (entry === undefined || entry.until !== undefined) return
    this.#fade(entry, now)
    entry.failures = Math.max(0, entry.failures - 1)
    if (entry.failures === 0) this.#forget(entry)
    else this.#deadlines.push(entry, this.#dueAt(entry))
  }

  pairBlockedUntil(child: PeerId, parent: PeerId): number | undefined {
    return this.#byChild.get(child)?.get(parent)?.until
  }

  blockedUntil(parent: PeerId): number | undefined {
    return this.#byAll.get(parent)?.until
  }

  *blockedFor(child: PeerId): Generator<PeerId> {
    for (const [parent, { until }] of this.#byChild.get(child) ?? []) if (until !== undefined) yield parent
  }

  *blockedForAll(): Generator<PeerId> {
    for (const [parent, { until }] of this.#byAll) if (until !== undefined) yield parent
  }

  *childrenWithBlocks(): Generator<PeerId> {
    for (const [child, seen] of this.#byChild) {
      for (const { until } of seen.values()) {
        if (until === undefined) continue
        yield child
        break
      }
    }
  }

  expire(now: number): readonly Block[] {
    if (!this.#deadlines.isDue(now)) return NONE
    const ended: Block[] = []
    for (let entry = this.#deadlines.popDue(now); entry !== undefined; entry = this.#deadlines.popDue(now)) {
      if (entry.until === undefined) {
        this.#forget(entry)
        continue
      }
      entry.countedAt = entry.until
      entry.until = undefined
      ended.push(entry.block)
      this.#deadlines.push(entry, this.#dueAt(entry))
    }
    return ended
  }

  nextExpiry(): number | undefined {
    return this.#deadlines.next()
  }

  entries(): readonly BlocklistEntry[] {
    const entries: BlocklistEntry[] = []
    for (const seen of [this.#byAll, ...this.#byChild.values()]) {
      for (const { block, reason, until, failures } of seen.values()) {
        if (until !== undefined) entries.push({ ...block, reason, until, failures })
      }
    }
    return entries
  }

  /** @returns whether a block begins. */
  #count(entry: Entry, reason: BlockingReason, now: number, backoff: Backoff = this.#backoff[reason]): boolean {
    const { after, firstMs, longestMs } = backoff
    const wasBlocked = entry.until !== undefined
    // What was under way when the block began fails for the same cause; only wrong bytes make it graver.
    if (wasBlocked && (reason !== 'corrupt' || entry.reason === 'corrupt')) return false
    if (!wasBlocked) this.#fade(entry, now)
    entry.reason = reason
    entry.failures = Math.min(MOST_FAILURES, entry.failures + 1)
    const further = Math.round(entry.failures) - after
    if (further >= 0) entry.until = Math.max(entry.until ?? 0, now + Math.min(longestMs, firstMs * 2 ** further))
    this.#deadlines.push(entry, this.#dueAt(entry))
    return !wasBlocked && entry.until !== undefined
  }

  #fade(entry: Entry, now: number): void {
    entry.failures *= 0.5 ** ((now - entry.countedAt) / (this.#memoryMs / 2))
    entry.countedAt = now
  }

  /** The end of the block, or if there is none, when the failures are forgotten. */
  #dueAt(entry: Entry): number {
    if (entry.until !== undefined) return entry.until
    const halvings = Math.log2(Math.max(1, entry.failures)) + 2
    return entry.countedAt + (halvings * this.#memoryMs) / 2
  }

  #entry(block: Block, reason: BlockingReason, now: number): Entry {
    let entry = this.#find(block)
    if (entry !== undefined) return entry
    entry = { block, reason, failures: 0, countedAt: now, until: undefined, slowed: new Set() }
    this.#seen(block.child).set(block.parent, entry)
    this.#deadlines.push(entry, this.#dueAt(entry))
    return entry
  }

  #seen(child: PeerId | undefined): Seen {
    if (child === undefined) return this.#byAll
    let seen = this.#byChild.get(child)
    if (seen === undefined) this.#byChild.set(child, (seen = new Map()))
    return seen
  }

  #find({ child, parent }: Block): Entry | undefined {
    return (child === undefined ? this.#byAll : this.#byChild.get(child))?.get(parent)
  }

  #forget({ block: { child, parent } }: Entry): void {
    if (child === undefined) {
      this.#byAll.delete(parent)
      return
    }
    const seen = this.#byChild.get(child)
    seen?.delete(parent)
    if (seen?.size === 0) this.#byChild.delete(child)
  }
}
