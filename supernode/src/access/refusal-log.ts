import type { Clock } from '@damselfly/shared'
import { AuditLog, type AuditLogInit } from './audit-log.ts'

/** What is recorded within a minute at most: strangers decide how much there is. */
const MOST_PER_MINUTE = 60
const MINUTE_MS = 60_000

/** What a stranger tried. */
export interface Refusal {
  /** The id of the token that was named; undefined: none was. */
  readonly named: string | undefined
  readonly address: string
  readonly action: string
  readonly status: number
  readonly code: string | null
}

/**
 * What was refused to callers whom nobody knows. In files of its own, so that a flood of it pushes no change out of the audit
 * log, and at a bounded rate: how many were left out is told by the next one.
 */
export class RefusalLog {
  readonly log: AuditLog
  readonly #clock: Clock
  #minuteAt = Number.NEGATIVE_INFINITY
  #inMinute = 0
  #leftOut = 0

  constructor(init: Omit<AuditLogInit, 'name'>) {
    this.log = new AuditLog({ ...init, name: 'refusals' })
    this.#clock = init.clock
  }

  record({ named, address, action, status, code }: Refusal): void {
    if (!this.#hasRoom()) return void this.#leftOut++
    const given = this.#leftOut === 0 ? {} : { leftOut: this.#leftOut }
    this.#leftOut = 0
    // Nobody waits for it; what goes wrong is told by the log of the program.
    void this.log.record({ who: named === undefined ? 'unknown' : `unknown, with the id of token ${named}`, role: 'none', address, action, target: '', given, status, code })
  }

  #hasRoom(): boolean {
    const now = this.#clock.now()
    if (now - this.#minuteAt >= MINUTE_MS) {
      this.#minuteAt = now
      this.#inMinute = 0
    }
    return ++this.#inMinute <= MOST_PER_MINUTE
  }
}
