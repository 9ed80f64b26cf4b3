import { randomBytes } from 'node:crypto'
import { access, chmod, constants, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { DamselflyError, diskError, systemCode } from '@damselfly/shared'
import { unlessAborted } from '../unless-aborted.ts'

/** What most file systems allow for one name; bytes. */
const MAX_NAME_BYTES = 255

/** Permission bits; neither set-user-id nor sticky. */
const PERMISSIONS = 0o777

/** A file that appears at its path all at once, or not at all. */
export interface OutputFile {
  readonly path: string
  /**
   * Lets `fill` make the file `part`, which does not exist yet and lies beside the output, then moves it into place.
   * What `fill` left behind is removed when it fails or the signal is aborted.
   *
   * @throws what `fill` throws, the signal's reason, DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED
   */
  replace(fill: (part: string, mode: number) => Promise<void>, signal: AbortSignal): Promise<void>
}

/**
 * Checks that a file can be written at `path` before anything is downloaded for it. An existing
 * file is replaced and keeps its mode; a symbolic link is followed.
 *
 * @returns undefined when something is there that is no regular file, such as a pipe or a device: write to it as it is
 * @throws DamselflyError DISK_DENIED, DISK_FAILED
 */
export async function prepareOutput(path: string): Promise<OutputFile | undefined> {
  const target = await realpath(path).catch(() => resolve(path))
  const found = await stat(target).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw diskError(error, `write ${path}`)
  })
  if (found?.isDirectory() === true) throw new DamselflyError('DISK_FAILED', `cannot write ${path}: it is a directory`)
  if (found !== undefined && !found.isFile()) return undefined
  if (found !== undefined) await requireWritable(target)
  const usualMode = await tryDirectory(target)
  return new PartFile(path, target, found === undefined ? usualMode : found.mode & PERMISSIONS)
}

class PartFile implements OutputFile {
  readonly path: string
  readonly #target: string
  readonly #mode: number

  constructor(path: string, target: string, mode: number) {
    this.path = path
    this.#target = target
    this.#mode = mode
  }

  async replace(fill: (part: string, mode: number) => Promise<void>, signal: AbortSignal): Promise<void> {
    const part = partPath(this.#target)
    try {
      // A copy cannot be interrupted, but nobody has to wait for it.
      await unlessAborted(fill(part, this.#mode), signal)
      await chmod(part, this.#mode)
      await rename(part, this.#target)
    } catch (error) {
      await rm(part, { force: true })
      signal.throwIfAborted()
      throw diskError(error, `write ${this.path}`)
    }
  }
}

async function requireWritable(path: string): Promise<void> {
  await access(path, constants.W_OK).catch((error: unknown) => {
    throw diskError(error, `write ${path}`)
  })
}

/** @returns the mode that a new file gets there. */
async function tryDirectory(target: string): Promise<number> {
  const probe = partPath(target)
  try {
    const file = await open(probe, 'wx', 0o666)
    const { mode } = await file.stat()
    await file.close()
    await rm(probe)
    return mode & PERMISSIONS
  } catch (error) {
    throw diskError(error, `write into ${dirname(target)}`)
  }
}

/** Beside the output, so that it can be renamed into place. */
function partPath(target: string): string {
  const suffix = `.${randomBytes(6).toString('hex')}.part`
  const name = `.${basename(target)}${suffix}`
  return join(dirname(target), Buffer.byteLength(name) > MAX_NAME_BYTES ? `.dfget${suffix}` : name)
}
