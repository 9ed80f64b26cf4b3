import { createHash } from 'node:crypto'
import type { Clock } from '@damselfly/shared'
import { addressGroup } from './address-group.ts'
import { TryAgainLater } from './try-again-later.ts'

/** Failures that cost nothing, so that a slip of the hand does not. */
const FREE_FAILURES = 5

/** What the first one after that costs; each further one costs twice as much. Milliseconds. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 5 * 60_000

/** Without a further failure for so long they are forgotten; milliseconds. */
const MEMORY_MS = 15 * 60_000

/** Addresses, credentials and tokens that failures are remembered of; those of longest ago are forgotten first. */
const MOST_REMEMBERED = 10_000

/** Credentials that are known to be good where they come from. */
const MOST_PROVEN = 4096

/** Who has to wait before anything else is tried. */
export class TooManyFailures extends TryAgainLater {
  constructor(retryAfterMs: number) {
    super('TOO_MANY_FAILURES', 'too many wrong credentials came from this address', retryAfterMs)
  }
}

/** What was tried, and from where. */
export interface Attempt {
  readonly address: string
  /** All that was shown. */
  readonly credentials: string
  /** What of it names a token without proving it; undefined: nothing does. */
  readonly named: string | undefined
}

interface Failures {
  readonly count: number
  readonly lastAt: number
  readonly waitUntil: number
}

/**
 * Makes guessing slow, without making anybody else wait.
 *
 * Failures count for an address (64 bits of an IPv6 one) and for the token that they name. Only the address has to wait: a good
 * token is taken at once from anywhere else. Once many guess one token, no address has free failures for it any more. The same
 * wrong credentials again are no guess: they make wait only who sends them, so that a forgotten program does not shut its host
 * out; and what was right from an address a moment ago goes on to be heard from there.
 */
export class FailureThrottle {
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()
  readonly #proven = new Map<string, true>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws TooManyFailures */
  check(attempt: Attempt): void {
    const { address, again } = keysOf(attempt)
    if (this.#proven.has(again)) return
    const waitUntil = Math.max(this.#of(address)?.waitUntil ?? 0, this.#of(again)?.waitUntil ?? 0)
    const wait = waitUntil - this.#clock.now()
    if (wait > 0) throw new TooManyFailures(wait)
  }

  failed(attempt: Attempt): void {
    const { address, again, named } = keysOf(attempt)
    this.#proven.delete(again)
    const isRepeated = this.#of(again) !== undefined
    this.#count(again)
    if (isRepeated) return
    const isTargeted = named !== undefined && this.#count(named) > FREE_FAILURES
    this.#count(address, isTargeted ? FREE_FAILURES : 0)
  }

  succeeded(attempt: Attempt): void {
    remember(this.#proven, keysOf(attempt).again, true, MOST_PROVEN)
  }

  /** How many addresses, credentials and tokens are remembered. */
  get size(): number {
    return this.#failures.size + this.#proven.size
  }

  #of(key: string): Failures | undefined {
    const failures = this.#failures.get(key)
    return failures === undefined || this.#clock.now() - failures.lastAt >= MEMORY_MS ? undefined : failures
  }

  /** @param least failures that count before this one, at least @returns how often it failed */
  #count(key: string, least = 0): number {
    const count = Math.max(this.#of(key)?.count ?? 0, least) + 1
    const now = this.#clock.now()
    remember(this.#failures, key, { count, lastAt: now, waitUntil: now + waitAfter(count) }, MOST_REMEMBERED)
    return count
  }
}

/** Milliseconds. */
function waitAfter(count: number): number {
  const costly = count - FREE_FAILURES
  return costly <= 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(30, costly - 1))
}

/** What was changed last comes last. */
function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) for (const oldest of map.keys()) return void map.delete(oldest)
}

function keysOf({ address, credentials, named }: Attempt): { readonly address: string; readonly again: string; readonly named: string | undefined } {
  const group = addressGroup(address)
  return { address: `address ${group}`, again: `again ${group} ${hashOf(credentials)}`, named: named === undefined ? undefined : `token ${named}` }
}

/** So that nothing wrong that is nearly right lies in memory. */
function hashOf(credentials: string): string {
  return createHash('sha256').update(credentials).digest('base64')
}
