import { canonicalUrl, isDamselflyError, type Clock, type DamselflyError } from '@damselfly/shared'
import type { CdnLimits } from './limits.ts'
import { createMemory, keyOf } from './memory.ts'
import { mayNeedCredentials } from './origin-reader.ts'
import type { SeparatedSpec } from './task-record.ts'

const NO_CREDENTIALS = new Map<string, string>()

/** Recent failures, so that a crowd that asks again at once does not trouble the origin. */
export class FailureMemory {
  readonly #failures

  constructor(limits: CdnLimits, clock: Clock) {
    this.#failures = createMemory<DamselflyError>(limits.memoryEntries, limits.failureMemoryMs, clock)
  }

  remember(error: DamselflyError, asked: SeparatedSpec): void {
    if (error.code === 'CANCELLED') return
    this.#failures.set(mayNeedCredentials(error) ? personalKey(asked) : generalKey(asked), error)
  }

  /** @throws the error of a recent failure that holds for this caller too */
  rethrow(asked: SeparatedSpec): void {
    const error = this.#failures.get(personalKey(asked)) ?? this.#failures.get(generalKey(asked))
    if (error !== undefined) throw error
  }

  /** Whether a fetch that failed for `other` may succeed for `mine`. */
  mayDiffer(error: unknown, other: SeparatedSpec, mine: SeparatedSpec): boolean {
    if (isDamselflyError(error, 'CANCELLED')) return false
    if (generalKey(other) !== generalKey(mine)) return true
    return mayNeedCredentials(error) && personalKey(other) !== personalKey(mine)
  }
}

/** The same URL, whoever asks. */
function generalKey({ spec }: SeparatedSpec): string {
  return `anybody ${keyOf(spec.taskId, canonicalUrl(spec.url, spec.filteredQueryParams), NO_CREDENTIALS)}`
}

function personalKey({ spec, credentials }: SeparatedSpec): string {
  return `one ${keyOf(spec.taskId, spec.url, credentials)}`
}
