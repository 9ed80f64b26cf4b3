import type { PeerId, TaskId } from '@damselfly/shared'
import type { PeerCapacity, PeerLocation } from '../contract.ts'
import type { ParentCandidate } from '../policies/parent-choice.ts'
import type { SlotControl } from '../policies/upload-slots.ts'
import type { Member } from './member.ts'
import { placesOf } from './place.ts'
import { Uplink } from './uplink.ts'

/** For whom a peer has slots: nobody, children that are alone in their swarm, or all. */
type Room = typeof NONE | typeof FOR_ONE | typeof FOR_ALL
const NONE = 0
const FOR_ONE = 1
const FOR_ALL = 2

/** A peer that is connected, with all that holds across its tasks. */
export class Peer implements ParentCandidate {
  readonly id: PeerId
  readonly memberships: Map<TaskId, Member> = new Map()
  /** Its memberships in swarms that have children. The one that was served last comes last. */
  readonly active: Set<Member> = new Set()
  readonly uplink: Uplink
  /** Whether somebody looks whether its uploads are late. */
  isWatched = false
  /** It was too slow for everybody. */
  hasCrawled = false
  /** How many slots in a row foreground got while background waited for one. */
  passedOver = 0
  /** How many parents it in particular may not use. */
  ownBlocks = 0
  #capacity: PeerCapacity
  #places: readonly string[]
  #isShunned = false
  #couldServe: boolean
  /** As its swarms have it listed. */
  #room: Room

  constructor(id: PeerId, capacity: PeerCapacity, control: SlotControl) {
    this.id = id
    this.uplink = new Uplink(control)
    this.#capacity = capacity
    this.#places = placesOf(capacity.location)
    this.#couldServe = canSend(capacity)
    this.#room = this.#currentRoom
  }

  get isCdn(): boolean {
    return this.#capacity.isCdn
  }

  get location(): PeerLocation {
    return this.#capacity.location
  }

  /** Who may stand behind it. */
  get party(): string {
    return this.#capacity.party ?? this.id
  }

  get isRelayed(): boolean {
    return this.#capacity.isRelayed === true
  }

  get places(): readonly string[] {
    return this.#places
  }

  get slots(): number {
    return this.#capacity.uploadSlots
  }

  /** Whether nobody may use it as parent. */
  get isShunned(): boolean {
    return this.#isShunned
  }

  get canServe(): boolean {
    return this.#couldServe && !this.#isShunned
  }

  /** Whether it can serve while it is not blocked. */
  get couldServe(): boolean {
    return this.#couldServe
  }

  /** Assignments under way from this parent, over all tasks. */
  get inFlight(): number {
    return this.uplink.inFlight
  }

  /** Whether it has any unused slot. */
  get hasFreeSlot(): boolean {
    return this.canServe && this.uplink.inFlight < this.#capacity.uploadSlots
  }

  /** Whether it has a slot for a child among others, which would get its piece later if all slots were used. */
  get hasSharedSlot(): boolean {
    return this.canServe && this.uplink.hasRoom(this.#capacity.uploadSlots)
  }

  /** Whether some of its slots stay unused on purpose. */
  get usesFewerSlots(): boolean {
    return this.uplink.isLimitedBelow(this.#capacity.uploadSlots)
  }

  get rate(): number | undefined {
    return this.uplink.rate
  }

  /** Takes it out of the count of all its swarms for the time of a change of what it can and may do. */
  change(to: { readonly capacity?: PeerCapacity; readonly isShunned?: boolean }): void {
    for (const member of this.memberships.values()) member.swarm.uncount(member)
    if (to.capacity !== undefined) {
      this.#capacity = to.capacity
      this.#places = placesOf(to.capacity.location)
      this.#couldServe = canSend(to.capacity)
    }
    if (to.isShunned !== undefined) this.#isShunned = to.isShunned
    this.#room = this.#currentRoom
    for (const member of this.memberships.values()) member.swarm.count(member)
  }

  /**
   * Tells its swarms whether it has a free slot, after its uplink changed.
   * @returns whether it has one now that it had not before
   */
  update(): boolean {
    const before = this.#room
    this.#room = this.#currentRoom
    if (this.#room === before) return false
    for (const member of this.active) member.swarm.relistParent(member)
    return this.#room > before
  }

  get #currentRoom(): Room {
    if (!this.hasFreeSlot) return NONE
    return this.hasSharedSlot ? FOR_ALL : FOR_ONE
  }
}

function canSend({ uploadSlots, lanes }: PeerCapacity): boolean {
  return uploadSlots > 0 && lanes.length > 0
}
