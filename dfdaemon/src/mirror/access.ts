import { createHash } from 'node:crypto'
import { canonicalName, createMemory } from '@damselfly/cdn'
import type { Clock } from '@damselfly/shared'

/** Who asks for what of a registry; the registry's answer holds for all of the repository. */
export interface Visit {
  readonly registry: string
  readonly repository: string
  /** The client's; undefined: none. */
  readonly authorization: string | undefined
}

/** Callers, repositories and registries together. */
const MOST_ENTRIES = 10_000

/** All that is remembered of a visit: neither who it was nor by which credentials. */
const ADMITTED = {}

/** Remembers for a while who was let in, by a registry's own word. */
export class Access {
  readonly #admitted
  readonly #admittedBefore

  /**
   * @param memoryMs how long the registry's word counts; milliseconds
   * @param staleMs how long it counts while the registry fails; milliseconds, 0: no longer
   */
  constructor(memoryMs: number, staleMs: number, clock: Clock) {
    this.#admitted = createMemory<typeof ADMITTED>(MOST_ENTRIES, memoryMs, clock)
    this.#admittedBefore = createMemory<typeof ADMITTED>(MOST_ENTRIES, Math.max(staleMs, 1), clock)
  }

  isAdmitted(visit: Visit): boolean {
    return this.#admitted.has(keyOfVisit(visit))
  }

  /** For as long as the registry fails. */
  wasAdmitted(visit: Visit): boolean {
    return this.#admittedBefore.has(keyOfVisit(visit))
  }

  /** The registry has just shown this caller something of the repository, or refused to. */
  learn(visit: Visit, status: number): void {
    const memories = [this.#admitted, this.#admittedBefore]
    if (status >= 200 && status < 400) for (const memory of memories) memory.set(keyOfVisit(visit), ADMITTED)
    else if (status === 401 || status === 403) for (const memory of memories) memory.delete(keyOfVisit(visit))
  }
}

/** No two different visits share it, and it gives no credentials away. */
export function keyOfVisit({ registry, repository, authorization }: Visit): string {
  return createHash('sha256').update(JSON.stringify([canonicalName(registry), repository, authorization ?? null])).digest('base64')
}
