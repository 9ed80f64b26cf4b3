import { setImmediate } from 'node:timers/promises'
import { indexError } from './index-error.ts'

export type IndexChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }

/** The part of level that writing needs. */
export interface IndexDatabase {
  readonly location: string
  open(): Promise<void>
  close(): Promise<void>
  batch(changes: IndexChange[]): Promise<void>
}

interface Group {
  readonly changes: IndexChange[]
  readonly written: PromiseWithResolvers<void>
}

/**
 * Writes changes in the order in which they are handed in, those of one turn of the
 * event loop (or of the time that the batch before takes) as one batch, so that many
 * small commits wait for one write instead of for each other.
 */
export class IndexWriter {
  readonly #db: IndexDatabase
  #next: Group | undefined
  #running: Promise<void> | undefined
  /** After a failed write the end of LevelDB's log may be half a record; what follows it would be lost. */
  #damaged = false
  /** It was closed to be opened again, and could not be. */
  #closed = false
  #reopening: Promise<void> | undefined

  constructor(db: IndexDatabase) {
    this.#db = db
  }

  /**
   * All of `changes` are written or none is.
   *
   * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED
   */
  write(changes: readonly IndexChange[]): Promise<void> {
    this.#next ??= { changes: [], written: Promise.withResolvers() }
    this.#next.changes.push(...changes)
    const { promise } = this.#next.written
    this.#running ??= this.#run()
    return promise
  }

  /**
   * Resolves once the database can be read. Where it could not be opened again after a failed write, as on a full disk, it is
   * tried anew: who only reads must not wait for somebody who writes.
   *
   * @throws what `open` does
   */
  async readable(): Promise<void> {
    await this.#reopening?.catch(() => undefined)
    if (this.#closed) await this.#reopen()
  }

  /** Resolves when everything handed in so far is written or has failed. Nothing is opened again after it. */
  async end(): Promise<void> {
    await this.#running
    await this.#reopening?.catch(() => undefined)
    this.#closed = false
  }

  async #run(): Promise<void> {
    await setImmediate()
    for (let group = this.#take(); group !== undefined; group = this.#take()) {
      try {
        await this.#write(group.changes)
        group.written.resolve()
      } catch (error) {
        group.written.reject(indexError(error, `write to the index in ${this.#db.location}`))
      }
    }
    this.#running = undefined
  }

  #take(): Group | undefined {
    const group = this.#next
    this.#next = undefined
    return group
  }

  async #write(changes: IndexChange[]): Promise<void> {
    if (this.#damaged) await this.#reopen()
    try {
      await this.#db.batch(changes)
    } catch (error) {
      this.#damaged = true
      throw error
    }
  }

  #reopen(): Promise<void> {
    this.#reopening ??= this.#openAgain().finally(() => (this.#reopening = undefined))
    return this.#reopening
  }

  async #openAgain(): Promise<void> {
    this.#closed = true
    await this.#db.close()
    await this.#db.open()
    this.#closed = false
    this.#damaged = false
  }
}
