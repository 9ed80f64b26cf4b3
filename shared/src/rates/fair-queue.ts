/** One who waits for its turn, at the end of a path through the tree of shares. */
export interface Turn {
  readonly path: readonly Share[]
  readonly bytes: number
}

/** Which part of what its parent gets belongs to this one. */
export interface Share {
  readonly key: string
  /** Relative to the others with the same parent. */
  readonly weight: number
}

/** Nodes that need not be remembered are looked for when there are twice as many as remained, and this many more. */
const SWEEP_SPARE = 64

/** Who has not come back for so long has no lead over others any more; milliseconds. */
const MEMORY_MS = 1000

class Node<T extends Turn> {
  readonly weight: number
  readonly children = new Map<string, Node<T>>()
  /** Only at the end of a path; in the order of arrival. */
  readonly turns = new Set<T>()
  /** How many wait here and below. */
  waiting = 0
  /** When the next turn of this one begins, in the parent's virtual time: bytes per weight that it has got. */
  start = 0
  /** The virtual time of the children: that of whoever was served last. */
  virtual = 0
  /** Milliseconds. */
  servedAt = Number.NEGATIVE_INFINITY
  #sweepAt = SWEEP_SPARE

  constructor(weight: number) {
    this.weight = weight
  }

  child({ key, weight }: Share, now: number): Node<T> {
    const known = this.children.get(key)
    if (known !== undefined) return known
    if (this.children.size >= this.#sweepAt) this.#sweep(now)
    const made = new Node<T>(weight)
    this.children.set(key, made)
    return made
  }

  #sweep(now: number): void {
    for (const [key, { waiting, servedAt }] of this.children) {
      if (waiting === 0 && servedAt < now - MEMORY_MS) this.children.delete(key)
    }
    this.#sweepAt = 2 * this.children.size + SWEEP_SPARE
  }
}

/**
 * Decides who of those who wait is next, so that at every level of the tree those who wait share by their weights, and
 * what one does not use is the others' (start-time fair queueing: Goyal, Vin & Cheng 1996). Whoever did not wait, or
 * could not be served, has saved up nothing.
 */
export class FairQueue<T extends Turn> {
  readonly #root = new Node<T>(1)

  get size(): number {
    return this.#root.waiting
  }

  /** How many nodes the tree has. */
  get nodes(): number {
    return countBelow(this.#root)
  }

  /** @param now milliseconds on a scale that never steps back. */
  add(turn: T, now: number): void {
    let node = this.#root
    node.waiting++
    for (const share of turn.path) {
      const child = node.child(share, now)
      if (child.waiting++ === 0) child.start = Math.max(child.start, node.virtual)
      node = child
    }
    node.turns.add(turn)
  }

  /** Takes one out without having been served. @returns false when it does not wait. */
  remove(turn: T): boolean {
    const nodes = this.#nodesOf(turn)
    if (nodes.at(-1)?.turns.delete(turn) !== true) return false
    for (const node of nodes) node.waiting--
    return true
  }

  /** Whether anybody waits at or below the end of the path. */
  isWaiting(keys: readonly string[]): boolean {
    let node: Node<T> | undefined = this.#root
    for (const key of keys) node = node?.children.get(key)
    return node !== undefined && node.waiting > 0
  }

  /** Takes the next one out of those that may be served, and counts its bytes. */
  next(mayServe: (turn: T) => boolean, now: number): T | undefined {
    const turn = pick(this.#root, mayServe)
    if (turn === undefined) return undefined
    const nodes = this.#nodesOf(turn)
    this.remove(turn)
    let parent = this.#root
    for (const node of nodes.slice(1)) {
      parent.virtual = Math.max(parent.virtual, node.start)
      node.start += turn.bytes / node.weight
      node.servedAt = now
      parent = node
    }
    return turn
  }

  /** How much of its weight's worth lies between two children of the root; positive when `key` has got more. */
  leadOf(key: string, other: string): number {
    const [a, b] = [this.#root.children.get(key), this.#root.children.get(other)]
    return a === undefined || b === undefined ? 0 : a.start - b.start
  }

  #nodesOf({ path }: T): Node<T>[] {
    const nodes = [this.#root]
    for (const { key } of path) {
      const node = nodes.at(-1)?.children.get(key)
      if (node !== undefined) nodes.push(node)
    }
    return nodes
  }
}

function pick<T extends Turn>(node: Node<T>, mayServe: (turn: T) => boolean): T | undefined {
  const [first] = node.turns
  if (first !== undefined) return mayServe(first) ? first : undefined
  let best: T | undefined
  let earliest = Number.POSITIVE_INFINITY
  for (const child of node.children.values()) {
    if (child.waiting === 0 || child.start >= earliest) continue
    const turn = pick(child, mayServe)
    if (turn === undefined) {
      child.start = Math.max(child.start, node.virtual)
      continue
    }
    best = turn
    earliest = child.start
  }
  return best
}

function countBelow<T extends Turn>(node: Node<T>): number {
  let count = 0
  for (const child of node.children.values()) count += 1 + countBelow(child)
  return count
}
