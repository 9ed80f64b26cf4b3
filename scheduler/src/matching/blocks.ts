import type { PeerId } from '@damselfly/shared'
import type { Block, BlockingReason, Blocklist, FailureReport } from '../policies/blocklist.ts'
import type { Member } from '../state/member.ts'
import type { Peer } from '../state/peer.ts'
import type { Register } from '../state/register.ts'
import type { Wakes } from './wakes.ts'

/** Keeps peers and swarms in step with the blocklist, so that most questions need no look into it. */
export class Blocks {
  readonly #blocklist: Blocklist
  readonly #register: Register
  readonly #wakes: Wakes
  #wereForAll = false

  constructor(blocklist: Blocklist, register: Register, wakes: Wakes) {
    this.#blocklist = blocklist
    this.#register = register
    this.#wakes = wakes
  }

  /** Tells a peer that comes, perhaps again, what it is blocked from. */
  welcome(peer: Peer): void {
    peer.change({ isShunned: this.#blocklist.blockedUntil(peer.id) !== undefined })
    if (peer.isShunned) this.#wereForAll = true
    for (const _ of this.#blocklist.blockedFor(peer.id)) peer.ownBlocks++
  }

  failed(report: FailureReport, now: number): void {
    for (const block of this.#blocklist.failed(report, now)) this.#begin(block, report.reason)
  }

  /** A parent was proved to send wrong bytes. */
  caught(parent: PeerId, now: number): void {
    for (const block of this.#blocklist.caught?.(parent, now) ?? []) this.#begin(block, 'corrupt')
  }

  succeeded({ peer: child }: Member, { peer: parent }: Member, now: number): void {
    this.#blocklist.succeeded(child.id, parent.id, now)
  }

  expire(now: number): void {
    for (const block of this.#blocklist.expire(now)) this.#end(block)
  }

  /** Whether this child in particular may not use the parent. */
  isBlocked({ peer: child }: Member, { peer: parent }: Member): boolean {
    return child.ownBlocks > 0 && this.#blocklist.pairBlockedUntil(child.id, parent.id) !== undefined
  }

  /** When the child may use the parent again; undefined: now. */
  blockedUntil(child: Peer, parent: Peer): number | undefined {
    const pair = child.ownBlocks > 0 ? this.#blocklist.pairBlockedUntil(child.id, parent.id) : undefined
    const all = parent.isShunned ? this.#blocklist.blockedUntil(parent.id) : undefined
    return pair === undefined || all === undefined ? (pair ?? all) : Math.max(pair, all)
  }

  /** Members of the child's swarm that it in particular may not use. */
  blockedFor({ peer, swarm }: Member): Member[] {
    if (peer.ownBlocks === 0) return []
    return [...this.#blocklist.blockedFor(peer.id)].flatMap((parent) => swarm.members.get(parent) ?? [])
  }

  /**
   * Lets a child that has nobody else use those again that were only too slow.
   * @returns those that may be used from now on
   */
  pardonFor({ swarm, child }: Member, now: number): readonly Peer[] {
    if (!this.#wereForAll || child === undefined) return []
    const pardoned: Peer[] = []
    for (const { peer, held } of this.shunnedIn(swarm)) {
      if (peer.isCdn || !peer.couldServe || !child.need.intersects(held)) continue
      for (const block of this.#blocklist.pardon?.(peer.id, now) ?? []) this.#end(block)
      if (!peer.isShunned) pardoned.push(peer)
    }
    return pardoned
  }

  /** Whether somebody was ever blocked for everybody. */
  get wereForAll(): boolean {
    return this.#wereForAll
  }

  /** Members of the swarm that nobody may use. */
  shunnedIn({ members }: Member['swarm']): Member[] {
    return [...this.#blocklist.blockedForAll()].flatMap((parent) => members.get(parent) ?? [])
  }

  /** Children of the swarm that in particular may not use somebody. */
  childrenWithBlocks({ members }: Member['swarm']): Member[] {
    return [...this.#blocklist.childrenWithBlocks()].flatMap((child) => {
      const member = members.get(child)
      return member?.child === undefined ? [] : [member]
    })
  }

  #begin({ child, parent }: Block, reason: BlockingReason): void {
    if (child === undefined) this.#wereForAll = true
    const peer = this.#register.peers.get(child ?? parent)
    if (peer === undefined) return
    if (child === undefined) {
      // What nobody may take counts as no copy.
      peer.change({ isShunned: true })
      if (reason === 'slow') peer.hasCrawled = true
      for (const { swarm } of peer.memberships.values()) this.#wakes.losses.add(swarm)
    } else {
      peer.ownBlocks++
      // What only the blocked one had the CDN may give.
      for (const member of peer.memberships.values()) this.#wakes.children.add(member)
    }
  }

  #end({ child, parent }: Block): void {
    const peer = this.#register.peers.get(child ?? parent)
    if (peer === undefined) return
    if (child === undefined) {
      peer.change({ isShunned: false })
      this.#wakes.slots.add(peer)
    } else {
      peer.ownBlocks--
      for (const member of peer.memberships.values()) this.#wakes.children.add(member)
    }
  }
}
