import { randomBytes } from 'node:crypto'
import { rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { indexError } from './index-error.ts'

/** Twice what LevelDB writes at most when it is opened; bytes. */
const BYTES = 8 * 1024 * 1024

/** Where less is free nothing is set aside; bytes. */
const LEAST_FREE = 16 * BYTES

/**
 * Room that is set aside on the disk of a store. Only an index that is open can delete contents, and LevelDB writes when it is
 * opened; so without it a disk that became full while the index was closed would stay full.
 */
export class DiskReserve {
  readonly #path: string
  #isThere = false

  /** @param path of a file that is made for it */
  constructor(path: string) {
    this.#path = path
  }

  /** Idempotent; nothing is done, and nothing thrown, where the disk has no room to spare. */
  async setAside(): Promise<void> {
    if (this.#isThere) return
    try {
      this.#isThere = (await this.#size()) === BYTES
      if (this.#isThere) return
      const { bavail, bsize } = await statfs(dirname(this.#path))
      if (bavail * bsize < LEAST_FREE) return
      // Zeros take no room where the file system compresses.
      await writeFile(this.#path, randomBytes(BYTES), { mode: 0o600 })
      this.#isThere = true
    } catch {
      await this.#giveUp()
    }
  }

  /** Opens the index; where the disk has no room for that, with what was set aside. @throws what `open` throws */
  async toOpen(open: () => Promise<void>): Promise<void> {
    try {
      await open()
    } catch (error) {
      if (indexError(error, 'open the index').code !== 'DISK_FULL' || !(await this.#giveUp())) throw error
      await open()
    }
  }

  async #size(): Promise<number> {
    return stat(this.#path).then(({ size }) => size, () => 0)
  }

  /** @returns whether there was anything */
  async #giveUp(): Promise<boolean> {
    this.#isThere = false
    return rm(this.#path).then(() => true, () => false)
  }
}
