import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nameAt, type LockedPackage, type LockFile } from './lock-file.ts'

/** A package that a program needs to run. */
export interface ProductionPackage {
  readonly name: string
  readonly version: string
  /** Below the root of the project. */
  readonly path: string
  /** As in the lock file; undefined for our own. */
  readonly integrity: string | undefined
  /** Where the packages that it needs lie. */
  readonly needs: readonly string[]
}

/** What `programs` need to run, our own packages included, in the order of their paths. @throws when a package is not installed */
export function productionPackages(root: string, lock: LockFile, programs: readonly string[]): readonly ProductionPackage[] {
  const found = new Map<string, ProductionPackage>()
  const open = [...programs]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue
    const locked = lock.packages[path]
    if (locked?.version === undefined) throw new Error(`package-lock.json does not tell the version of ${path}`)
    const needs = needsOf(root, lock, path, locked)
    found.set(path, { name: locked.name ?? nameAt(path), version: locked.version, path, integrity: locked.integrity, needs })
    open.push(...needs)
  }
  return Array.from(found.values()).toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function needsOf(root: string, lock: LockFile, path: string, locked: LockedPackage): readonly string[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = locked
  const optional = Object.keys({ ...optionalDependencies, ...peerDependencies }).filter((name) => dependencies[name] === undefined)
  const needed = Object.keys(dependencies).filter((name) => optionalDependencies[name] === undefined)
  return [
    ...needed.map((name) => {
      const found = whereIs(lock, path, name)
      if (found === undefined) throw new Error(`package-lock.json does not tell where ${path} finds ${name}`)
      return found
    }),
    // Only what this machine has of them runs on it.
    ...optional.flatMap((name) => whereIs(lock, path, name) ?? []).filter((found) => existsSync(join(root, found))),
  ]
}

/** As Node.js looks for it: beside the package, then in the folders above. */
function whereIs({ packages }: LockFile, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const path = [folder, 'node_modules', name].filter((part) => part !== '').join('/')
    const locked = packages[path]
    if (locked !== undefined) return locked.link === true ? locked.resolved : path
    if (folder === '') return undefined
  }
}
