import { close, closeSync, open } from 'node:fs'
import { promisify } from 'node:util'
import { LRUCache } from 'lru-cache'
import { diskError, messageOf } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { DiskPace } from './disk-pace.ts'
import type { FileLease } from './file-lease.ts'

/** Well below the usual limit of 1024 descriptors per process. */
const MAX_OPEN = 256

const openFile = promisify(open)
const closeFile = promisify(close)

interface OpenFile {
  readonly path: string
  readonly opening: Promise<number>
  /** Set once it is open; may be used without waiting for as long as the cache holds the file. */
  descriptor: number | undefined
  users: number
  /** Set once the cache has let go of it. */
  evicted: boolean
  readonly closed: PromiseWithResolvers<void>
}

/** One shared descriptor per file, the least recently used closed first and none while it is in use. */
export class FileHandles {
  readonly #files: LRUCache<string, OpenFile>
  readonly #pace: DiskPace
  readonly #logger: Logger

  constructor(pace: DiskPace, logger: Logger, maxOpen: number = MAX_OPEN) {
    this.#pace = pace
    this.#logger = logger
    this.#files = new LRUCache<string, OpenFile>({ max: maxOpen, dispose: (file) => this.#evict(file) })
  }

  /**
   * Runs `work` with the descriptor of an existing file, open for reading and writing.
   *
   * @throws DamselflyError DISK_DENIED, DISK_FAILED, and what `work` throws
   */
  async use<T>(path: string, work: (descriptor: number) => Promise<T>): Promise<T> {
    const file = this.#acquire(path)
    try {
      return await work(await file.opening)
    } finally {
      this.#release(file)
    }
  }

  /** Takes over a file that was made just now and is open for reading and writing. */
  adopt(path: string, descriptor: number): void {
    this.#add(path, Promise.resolve(descriptor)).descriptor = descriptor
  }

  /** Keeps an existing file open, for reading and writing, until it is released. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  async lease(path: string): Promise<FileLease> {
    const file = this.#acquire(path)
    try {
      const descriptor = await file.opening
      return { descriptor, release: () => this.#release(file) }
    } catch (error) {
      this.#release(file)
      throw error
    }
  }

  /** Of a file that is open already, for use at once and not later. */
  openDescriptor(path: string): number | undefined {
    return this.#files.get(path)?.descriptor
  }

  /** Resolves when nobody uses the file any more and it is closed. */
  async close(path: string): Promise<void> {
    const file = this.#files.peek(path)
    if (file === undefined) return
    this.#files.delete(path)
    await file.closed.promise
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#files.keys()].map((path) => this.close(path)))
  }

  #acquire(path: string): OpenFile {
    const file = this.#files.get(path) ?? this.#open(path)
    file.users++
    return file
  }

  #release(file: OpenFile): void {
    file.users--
    if (file.evicted && file.users === 0) this.#close(file)
  }

  #open(path: string): OpenFile {
    const opening = openFile(path, 'r+').catch((error: unknown) => {
      if (this.#files.peek(path) === file) this.#files.delete(path)
      throw diskError(error, `open ${path}`)
    })
    const file = this.#add(path, opening)
    // Whoever uses the file is told of a failure.
    opening.then((descriptor) => (file.descriptor = descriptor)).catch(() => undefined)
    return file
  }

  #add(path: string, opening: Promise<number>): OpenFile {
    const file: OpenFile = { path, opening, descriptor: undefined, users: 0, evicted: false, closed: Promise.withResolvers() }
    this.#files.set(path, file)
    return file
  }

  #evict(file: OpenFile): void {
    file.evicted = true
    if (file.users === 0) this.#close(file)
  }

  #close({ path, opening, closed }: OpenFile): void {
    void opening
      .then((descriptor) => this.#closeOpen(descriptor).catch((error: unknown) => this.#reportClose(path, error)))
      // A file that could not be opened was reported to whoever wanted to use it.
      .catch(() => undefined)
      .finally(() => closed.resolve())
  }

  async #closeOpen(descriptor: number): Promise<void> {
    if (this.#pace.isFast) this.#pace.measure(() => closeSync(descriptor))
    else await closeFile(descriptor)
  }

  #reportClose(path: string, error: unknown): void {
    this.#logger.warn({ path, reason: messageOf(error) }, 'closing a task file failed')
  }
}
