import type { PeerId, TaskId } from '@damselfly/shared'

/** Contents that are remembered of all peers together; those demanded longest ago are nobody's beyond it. */
const MOST_REMEMBERED = 200_000

/** What the CDN keeps for one peer alone; bytes, in the order of the last demand. */
interface Own {
  bytes: number
  readonly contents: Map<TaskId, number>
}

/**
 * For whom the CDN keeps its contents. One that several peers have asked for is nobody's, as is what was here before; of the
 * others a peer may have as many as it likes while there is room, and loses some first once there is not.
 */
export class DiskShares {
  readonly #share: number
  readonly #most: number
  readonly #ownerOf = new Map<TaskId, PeerId | undefined>()
  readonly #owns = new Map<PeerId, Own>()

  /** @param share the part of what the CDN may keep that one peer's own contents may take when room is short; 0 to 1 */
  constructor(share: number, mostRemembered: number = MOST_REMEMBERED) {
    this.#share = share
    this.#most = mostRemembered
  }

  /** Contents that are remembered. */
  get size(): number {
    return this.#ownerOf.size
  }

  /** A peer asks for a content. @param heldBytes that the CDN holds of it */
  demanded(taskId: TaskId, peer: PeerId, heldBytes: number): void {
    const isKnown = this.#ownerOf.has(taskId)
    const isOwn = isKnown ? this.#ownerOf.get(taskId) === peer : heldBytes === 0
    const bytes = this.#owns.get(peer)?.contents.get(taskId) ?? 0
    this.forget(taskId)
    this.#ownerOf.set(taskId, isOwn ? peer : undefined)
    if (isOwn) this.#put(peer, taskId, bytes)
    if (this.#ownerOf.size > this.#most) for (const oldest of this.#ownerOf.keys()) return this.forget(oldest)
  }

  /** How large a content is or will be; bytes. */
  sized(taskId: TaskId, bytes: number): void {
    const own = this.#ownWith(taskId)
    if (own === undefined) return
    own.bytes += bytes - (own.contents.get(taskId) ?? 0)
    own.contents.set(taskId, bytes)
  }

  /** The content is gone. */
  forget(taskId: TaskId): void {
    const peer = this.#ownerOf.get(taskId)
    this.#ownerOf.delete(taskId)
    const own = peer === undefined ? undefined : this.#owns.get(peer)
    if (peer === undefined || own === undefined) return
    own.bytes -= own.contents.get(taskId) ?? 0
    own.contents.delete(taskId)
    if (own.contents.size === 0) this.#owns.delete(peer)
  }

  /** How many bytes the owner of a content has too many, if that one has so many. @param capacity what the CDN may keep; bytes */
  excessWith(taskId: TaskId, bytes: number, capacity: number): number {
    const own = this.#ownWith(taskId)
    if (own === undefined) return 0
    return Math.max(0, own.bytes - (own.contents.get(taskId) ?? 0) + bytes - this.#share * capacity)
  }

  /** The other contents of its owner, those demanded longest ago first. */
  othersOf(taskId: TaskId): readonly TaskId[] {
    return Array.from(this.#ownWith(taskId)?.contents.keys() ?? []).filter((other) => other !== taskId)
  }

  /** What is to go before all else: of each peer with more than its share what is too much, that demanded longest ago. @param capacity what the CDN may keep; bytes */
  victims(capacity: number): readonly TaskId[] {
    return Array.from(this.#owns.values()).flatMap((own) => {
      let excess = own.bytes - this.#share * capacity
      const going: TaskId[] = []
      for (const [taskId, bytes] of own.contents) {
        if (excess <= 0) break
        excess -= bytes
        going.push(taskId)
      }
      return going
    })
  }

  /** All that is kept for the owner of a content; undefined: it is nobody's. */
  #ownWith(taskId: TaskId): Own | undefined {
    const peer = this.#ownerOf.get(taskId)
    return peer === undefined ? undefined : this.#owns.get(peer)
  }

  #put(peer: PeerId, taskId: TaskId, bytes: number): void {
    let own = this.#owns.get(peer)
    if (own === undefined) this.#owns.set(peer, (own = { bytes: 0, contents: new Map() }))
    own.bytes += bytes
    own.contents.set(taskId, bytes)
  }
}
