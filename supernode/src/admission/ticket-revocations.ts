import { diskError, messageOf, readIfThere, replaceFile, systemCode, type Clock, type PeerId, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { REVOCATION_MEMORY_MS, RevokedTickets, type RevokedSubject, type TicketRevocation } from '@damselfly/exchange'
import * as z from 'zod'

const kept = z.array(z.object({ peer: z.string().optional(), taskId: z.string().optional(), issuedUntil: z.number() }))

export interface TicketRevocationsInit {
  /** Where they are kept over restarts, readable by the owner alone. */
  readonly file: string
  readonly clock: Clock
  readonly logger: Logger
}

/** The tickets that this supernode took back: told to every peer at once, and to those that come later. */
export class TicketRevocations {
  /** For the CDN, which serves by tickets like every parent. */
  readonly revoked: RevokedTickets
  readonly #init: TicketRevocationsInit
  readonly #listeners = new Set<(revocation: TicketRevocation) => void>()
  readonly #bySubject = new Map<PeerId | TaskId, TicketRevocation>()
  #latest = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(init: TicketRevocationsInit) {
    this.#init = init
    this.revoked = new RevokedTickets(() => init.clock.now())
  }

  /** @throws DamselflyError DISK_DENIED, DISK_FAILED */
  async load(): Promise<void> {
    for (const revocation of await this.#read()) this.#keep(revocation)
    this.revoked.add(this.live())
  }

  /** Those that somebody may still hold a ticket of. */
  live(): readonly TicketRevocation[] {
    const oldest = this.#init.clock.wallTime() - REVOCATION_MEMORY_MS
    return [...this.#bySubject.values()].filter(({ issuedUntil }) => issuedUntil >= oldest)
  }

  /** Tickets about the subject count no more, from now on; those issued later do. @returns resolves when it is on the disk, or that failed, which the log tells */
  async revoke(subject: RevokedSubject): Promise<void> {
    const revocation = { subject, issuedUntil: this.issueTime() }
    this.#keep(revocation)
    this.revoked.add([revocation])
    for (const listener of this.#listeners) listener(revocation)
    await this.#save()
  }

  /** When a ticket that is made now is issued: after everything that was revoked, even if the clock was put back. Milliseconds since 1970. */
  issueTime(): number {
    return Math.max(this.#init.clock.wallTime(), this.#latest + 1)
  }

  /** Called with each revocation. */
  onRevoked(listener: (revocation: TicketRevocation) => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves when everything is written. */
  async stop(): Promise<void> {
    await this.#writing
  }

  #keep(revocation: TicketRevocation): void {
    const { subject, issuedUntil } = revocation
    this.#latest = Math.max(this.#latest, issuedUntil)
    this.#bySubject.set('peer' in subject ? subject.peer : subject.taskId, revocation)
  }

  /** One write at a time; the next one holds what came meanwhile. */
  #save(): Promise<void> {
    this.#writing = this.#writing.then(async () => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const live = this.live()
    this.#bySubject.clear()
    for (const revocation of live) this.#keep(revocation)
    const lines = live.map(({ subject, issuedUntil }) => ({ ...subject, issuedUntil }))
    try {
      await replaceFile(this.#init.file, `${JSON.stringify(lines)}\n`)
    } catch (error) {
      this.#init.logger.error({ reason: messageOf(error) }, 'tickets that were taken back could not be noted; a restart within the hour forgets that')
    }
  }

  async #read(): Promise<readonly TicketRevocation[]> {
    const { file, logger } = this.#init
    try {
      const text = await readIfThere(file)
      if (text === undefined) return []
      return kept.parse(JSON.parse(text)).flatMap(({ peer, taskId, issuedUntil }) => {
        const subject = peer === undefined ? { taskId: (taskId ?? '') as TaskId } : { peer: peer as PeerId }
        return [{ subject, issuedUntil }]
      })
    } catch (error) {
      if (systemCode(error) !== undefined) throw diskError(error, `read ${file}`)
      logger.error({ reason: messageOf(error) }, `${file} is damaged: tickets that were taken back within the last hour may count again`)
      return []
    }
  }
}
