/** A plain configuration tree as YAML, the environment or flags give it. */
export interface Tree {
  [key: string]: unknown
}

export type Path = readonly (string | number)[]

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `a.b[0].c`, the way paths are shown to people. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? key : `${text}.${key}`
  }, '')
}

export function setAt(tree: Tree, path: readonly string[], value: unknown): void {
  const last = path.at(-1)
  if (last === undefined) return
  let section = tree
  for (const key of path.slice(0, -1)) {
    const next = section[key]
    section = isTree(next) ? next : (section[key] = {})
  }
  section[last] = value
}

/** Lays `over` on `under`: sections are merged, everything else is replaced. Undefined values count as absent. */
export function merge(under: Tree, over: Tree): Tree {
  // By way of a map, since assigning the key `__proto__` to an object would set its prototype.
  const merged = new Map(Object.entries(under))
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const below = merged.get(key)
    merged.set(key, isTree(value) ? merge(isTree(below) ? below : {}, value) : value)
  }
  return Object.fromEntries(merged)
}
