import { closeSync, constants, fstat, fstatSync, ftruncate, ftruncateSync, mkdirSync, openSync, read, readSync, write, writeSync, type Stats } from 'node:fs'
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { diskError, systemCode, type TaskId } from '@damselfly/shared'
import type { DiskPace } from './disk-pace.ts'
import type { FileHandles } from './file-handles.ts'
import type { FileLease } from './file-lease.ts'
import { removeFile } from './remove-file.ts'
import type { FileStamp } from './task-state.ts'

/** What `stat` counts in, whatever the file system's own blocks are. */
const BLOCK_BYTES = 512

const examine = promisify<number, Stats>(fstat)
const resize = promisify(ftruncate)
const readAt = promisify(read)
const writeAt = promisify(write)

/** Spreads the files over 256 directories, since some file systems slow down in large ones. */
export function taskPath(tasksDirectory: string, taskId: TaskId): string {
  return join(tasksDirectory, taskId.slice(0, 2), taskId)
}

/** A task's sparse file, with positioned reads and writes that are always whole. */
export class TaskFile {
  readonly path: string
  readonly #handles: FileHandles
  readonly #pace: DiskPace

  constructor(path: string, handles: FileHandles, pace: DiskPace) {
    this.path = path
    this.#handles = handles
    this.#pace = pace
  }

  /** Starts an empty sparse file. @param size bytes. @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  async create(size: number): Promise<void> {
    await this.#attempt('create', async () => {
      // What somebody removed may still be open: bytes that are written to it would not be in the new file.
      await this.#handles.close(this.path)
      if (this.#createNow(size)) return
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
      // Never opened for truncation: an old file of this name may be somebody's output too.
      await rm(this.path, { force: true })
      const handle = await open(this.path, 'wx', 0o600)
      try {
        await handle.truncate(size)
      } finally {
        await handle.close()
      }
    })
  }

  /** @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  write(buffer: Uint8Array, length: number, position: number): Promise<void> {
    return this.#with('write', async (descriptor) => {
      for (let done = 0; done < length; ) {
        done += (await writeAt(descriptor, buffer, done, length - done, position + done)).bytesWritten
      }
    })
  }

  /** @returns how many bytes there were, fewer than asked for only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number> {
    return this.#with('read', async (descriptor) => {
      let done = 0
      while (done < target.length) {
        const { bytesRead } = await readAt(descriptor, target, done, target.length - done, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    })
  }

  /**
   * Writes at once if the disk is fast and the file open.
   *
   * @returns false when nothing was written and `write` is to be used
   * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED
   */
  writeNow(bytes: Uint8Array, position: number): boolean {
    const written = this.#now('write', (descriptor) => {
      let done = 0
      while (done < bytes.length) done += writeSync(descriptor, bytes, done, bytes.length - done, position + done)
      return done
    })
    return written !== undefined
  }

  /**
   * Reads at once if the disk is fast and the file open.
   *
   * @returns whether all of `target` was filled; if not, `read` is to be used
   * @throws DamselflyError DISK_DENIED, DISK_FAILED
   */
  readNow(target: Uint8Array, position: number): boolean {
    return this.#now('read', (descriptor) => readSync(descriptor, target, 0, target.length, position)) === target.length
  }

  /** Keeps the file open for others to write to. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  lease(): Promise<FileLease> {
    return this.#handles.lease(this.path)
  }

  truncate(size: number): Promise<void> {
    return this.#with('resize', (descriptor) => resize(descriptor, size))
  }

  async stamp(): Promise<FileStamp> {
    const { mtimeMs, size } = this.#now('examine', (descriptor) => fstatSync(descriptor)) ?? (await this.#with('examine', examine))
    return { mtimeMs, size }
  }

  /** What the file takes of the disk; nothing while it has another name too. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  async ownBytes(): Promise<number> {
    const found = await this.#look()
    return found === undefined || found.nlink > 1 ? 0 : found.blocks * BLOCK_BYTES
  }

  /** @throws DamselflyError DISK_DENIED, DISK_FAILED */
  async exists(): Promise<boolean> {
    return (await this.#look()) !== undefined
  }

  /** Ends the sharing with hard links, so that what is written here changes nobody's output. */
  async detach(): Promise<void> {
    const links = await this.#with('examine', async (descriptor) => (await examine(descriptor)).nlink)
    if (links < 2) return
    const copy = `${this.path}.copy`
    await this.#attempt('copy', async () => {
      await copyFile(this.path, copy, constants.COPYFILE_FICLONE)
      await rename(copy, this.path)
    })
    await this.#handles.close(this.path)
  }

  async remove(): Promise<void> {
    await this.#handles.close(this.path)
    await this.#attempt('remove', () => removeFile(this.path))
  }

  /**
   * At once, which a client that waits for its first byte notices, if the disk is fast and nothing is in the way.
   *
   * @returns false when nothing was made
   */
  #createNow(size: number): boolean {
    if (!this.#pace.isFast) return false
    const descriptor = this.#pace.measure(() => createOpen(this.path, size))
    if (descriptor === undefined) return false
    this.#handles.adopt(this.path, descriptor)
    return true
  }

  #look(): Promise<Stats | undefined> {
    return this.#attempt('examine', async () => {
      try {
        return await stat(this.path)
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined
        throw error
      }
    })
  }

  #with<T>(doing: string, work: (descriptor: number) => Promise<T>): Promise<T> {
    return this.#attempt(doing, () => this.#handles.use(this.path, work))
  }

  /** @returns undefined when nothing was done: the disk is slow, or the file not open */
  #now<T>(doing: string, work: (descriptor: number) => T): T | undefined {
    const descriptor = this.#pace.isFast ? this.#handles.openDescriptor(this.path) : undefined
    if (descriptor === undefined) return undefined
    try {
      return this.#pace.measure(() => work(descriptor))
    } catch (error) {
      throw diskError(error, `${doing} ${this.path}`)
    }
  }

  async #attempt<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw diskError(error, `${doing} ${this.path}`)
    }
  }
}

/** @returns the descriptor; undefined where there is such a file */
function createOpen(path: string, size: number): number | undefined {
  const descriptor = openNew(path)
  if (descriptor === undefined) return undefined
  try {
    ftruncateSync(descriptor, size)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

function openNew(path: string): number | undefined {
  try {
    return openIn(path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined
    throw error
  }
}

/** There are few directories, so nearly always that of the file is there. */
function openIn(path: string): number {
  try {
    return openSync(path, 'wx+', 0o600)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    return openSync(path, 'wx+', 0o600)
  }
}
