import { accessSync, closeSync, constants, fchmodSync, fstatSync, openSync, realpathSync, renameSync, rmSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DamselflyError, diskError } from '@damselfly/shared'
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
  const target = targetOf(path)
  const found = lookAt(target, path)
  if (found?.isDirectory() === true) throw new DamselflyError('DISK_FAILED', `cannot write ${path}: it is a directory`)
  if (found !== undefined && !found.isFile()) return undefined
  if (found !== undefined) requireWritable(target)
  const usualMode = tryDirectory(target)
  return new PartFile(path, target, found === undefined ? usualMode : found.mode & PERMISSIONS)
}

function targetOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

function lookAt(target: string, path: string): Stats | undefined {
  try {
    return statSync(target, { throwIfNoEntry: false })
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
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
      setMode(part, this.#mode)
      renameSync(part, this.#target)
    } catch (error) {
      rmSync(part, { force: true })
      signal.throwIfAborted()
      throw diskError(error, `write ${this.path}`)
    }
  }
}

/** Whoever owns the directory could have put a link to another file in its place by now. @throws NodeJS.ErrnoException ELOOP */
function setMode(part: string, mode: number): void {
  const file = openSync(part, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!fstatSync(file).isFile()) throw new DamselflyError('DISK_FAILED', `${part} was replaced by something else`)
    fchmodSync(file, mode)
  } finally {
    closeSync(file)
  }
}

function requireWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK)
  } catch (error) {
    throw diskError(error, `write ${path}`)
  }
}

/** @returns the mode that a new file gets there. */
function tryDirectory(target: string): number {
  const probe = partPath(target)
  try {
    const file = openSync(probe, 'wx', 0o666)
    const { mode } = fstatSync(file)
    closeSync(file)
    rmSync(probe)
    return mode & PERMISSIONS
  } catch (error) {
    throw diskError(error, `write into ${dirname(target)}`)
  }
}

/** Beside the output, so that it can be renamed into place. */
function partPath(target: string): string {
  // Whatever is there already is never written to, so nobody gains by guessing the name.
  const random = Math.floor(Math.random() * 2 ** 48)
  const suffix = `.${random.toString(16).padStart(12, '0')}.part`
  const name = `.${basename(target)}${suffix}`
  return join(dirname(target), Buffer.byteLength(name) > MAX_NAME_BYTES ? `.dfget${suffix}` : name)
}
