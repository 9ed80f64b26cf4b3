import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError, messageOf, replaceFile } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { preheatRecord, type PreheatRecord } from './preheat-record.ts'

const ENDING = '.json'

/** One file for each preheat, always whole, readable by its owner alone. */
export class PreheatFiles {
  readonly #directory: string
  readonly #logger: Logger
  /** One write of each at a time. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(directory: string, logger: Logger) {
    this.#directory = directory
    this.#logger = logger
  }

  /** Those that can be read. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  async load(): Promise<PreheatRecord[]> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      const names = (await readdir(this.#directory)).filter((name) => name.endsWith(ENDING))
      const records = await Promise.all(names.map((name) => this.#read(join(this.#directory, name))))
      return records.filter((record) => record !== undefined)
    } catch (error) {
      throw diskError(error, `read the preheats in ${this.#directory}`)
    }
  }

  /** As it is when its turn comes. @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  save(record: PreheatRecord): Promise<void> {
    return this.#inTurn(record.id, () => replaceFile(this.#pathOf(record.id), JSON.stringify(record)))
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(id, () => rm(this.#pathOf(id), { force: true }))
  }

  /** Resolves when nothing is being written. */
  async stop(): Promise<void> {
    await Promise.all(this.#writing.values())
  }

  async #read(path: string): Promise<PreheatRecord | undefined> {
    try {
      return preheatRecord.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      this.#logger.warn({ path, reason: messageOf(error) }, 'passed over a preheat that cannot be read')
      return undefined
    }
  }

  #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#writing.get(id) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => undefined).finally(() => {
      if (this.#writing.get(id) === settled) this.#writing.delete(id)
    })
    this.#writing.set(id, settled)
    return done
  }

  #pathOf(id: string): string {
    return join(this.#directory, `${id}${ENDING}`)
  }
}
