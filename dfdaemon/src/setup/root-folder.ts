import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { DamselflyError, diskError, systemCode } from '@damselfly/shared'
import type { FileChange, Files } from './files.ts'
import { toolConfigError } from './tool-config-error.ts'

/** More than any configuration has; bytes. */
const MAX_BYTES = 4 * 1024 * 1024

/** The file system of this machine, or of another root that is mounted somewhere in it. */
export class RootFolder implements Files {
  readonly #root: string

  /** @throws DamselflyError USAGE */
  constructor(root: string) {
    this.#root = resolve(root)
    if (!existsSync(this.#root)) throw new DamselflyError('USAGE', `--root ${root}: there is no such folder`)
  }

  get isThisMachine(): boolean {
    return this.#root === '/'
  }

  /** Where a path below the root really is. */
  place(path: string): string {
    return join(this.#root, path)
  }

  has(path: string): boolean {
    return existsSync(this.place(path))
  }

  readonly read = (path: string): string | undefined => {
    const place = this.#real(path)
    if (place === undefined) return undefined
    try {
      if (statSync(place).size > MAX_BYTES) throw toolConfigError(path, 'is too large for a configuration')
      // What is read must be the very bytes that a change keeps.
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(place))
    } catch (error) {
      if (error instanceof TypeError) throw toolConfigError(path, 'is not text in UTF-8')
      throw error instanceof DamselflyError ? error : diskError(error, `read ${place}`)
    }
  }

  readonly list = (folder: string): readonly string[] => {
    try {
      return readdirSync(this.place(folder)).toSorted()
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
      throw diskError(error, `read ${this.place(folder)}`)
    }
  }

  /** Folders above a file that are not there yet, the innermost first. */
  missingFolders(path: string): readonly string[] {
    const missing: string[] = []
    for (let folder = dirname(path); folder !== '/' && !this.has(folder); folder = dirname(folder)) missing.push(folder)
    return missing
  }

  /** Whole or not at all, with the owner and mode of the file that was there. */
  write({ path, after }: Pick<FileChange, 'path' | 'after'>, mode = 0o644): void {
    try {
      if (after === undefined) rmSync(this.#real(path) ?? this.place(path), { force: true })
      else this.#replace(path, after, mode)
    } catch (error) {
      throw error instanceof DamselflyError ? error : diskError(error, `write ${this.place(path)}`)
    }
  }

  /** Removes a folder if nothing is in it. */
  removeIfEmpty(folder: string): void {
    try {
      rmdirSync(this.place(folder))
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw diskError(error, `remove ${this.place(folder)}`)
    }
  }

  #replace(path: string, text: string, mode: number): void {
    mkdirSync(dirname(this.place(path)), { recursive: true, mode: 0o755 })
    const target = this.#real(path)
    const place = target ?? this.place(path)
    const next = `${place}.damselfly-new`
    const given = target === undefined ? undefined : statSync(target)
    try {
      writeFileSync(next, text, { mode: given?.mode ?? mode, flush: true })
      if (given !== undefined) {
        chownSync(next, given.uid, given.gid)
        chmodSync(next, given.mode)
      }
      renameSync(next, place)
    } finally {
      rmSync(next, { force: true })
    }
  }

  /** Behind links, which stay links. @returns undefined when there is no such file */
  #real(path: string): string | undefined {
    const place = this.place(path)
    try {
      const real = realpathSync(place)
      const root = realpathSync(this.#root)
      if (root !== '/' && !real.startsWith(root + sep)) throw new DamselflyError('USAGE', `${place} leads out of the root, to ${real}`)
      return real
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
      throw error instanceof DamselflyError ? error : diskError(error, `read ${place}`)
    }
  }
}
