import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What package-lock.json says of one package; only what is used here. */
export interface LockedPackage {
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface LockFile {
  readonly lockfileVersion: number
  /** By where they lie, such as `node_modules/zod`; our own by their folders, the project itself under ''. */
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const INSTALLED = 'node_modules/'
/** SHA-512 in base64. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/

export function readLockFile(root: string): LockFile {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile
}

/** Those that come from a registry, by where they lie. */
export function foreignPackages({ packages }: LockFile): readonly (readonly [path: string, locked: LockedPackage])[] {
  return Object.entries(packages).filter(([path, { link }]) => path.includes(INSTALLED) && link !== true)
}

/** @returns what keeps an install from being the same everywhere, a line each */
export function lockProblems(lock: LockFile): readonly string[] {
  const version = lock.lockfileVersion === 3 ? [] : [`the lock file has version ${lock.lockfileVersion} instead of 3`]
  const foreign = foreignPackages(lock).flatMap(([path, { version: locked, integrity = '', resolved }]) => [
    ...(locked === undefined ? [`${path} has no version`] : []),
    ...(INTEGRITY.test(integrity) ? [] : [`${path} has no SHA-512`]),
    // The registry is the business of whoever installs; a host in here would be asked by everybody.
    ...(resolved === undefined ? [] : [`${path} names where it comes from: ${resolved}`]),
  ])
  return [...version, ...foreign]
}

export function nameAt(path: string): string {
  return path.slice(path.lastIndexOf(INSTALLED) + INSTALLED.length)
}
