import type { PeerId, TaskId } from '@damselfly/shared'
import type { PeerCapacity, PeerLocation } from '../contract.ts'
import type { ParentCandidate } from '../policies/parent-choice.ts'
import { blend } from './average.ts'
import type { Member } from './member.ts'
import { placesOf } from './place.ts'

/** A peer that is connected, with all that holds across its tasks. */
export class Peer implements ParentCandidate {
  readonly id: PeerId
  readonly memberships: Map<TaskId, Member> = new Map()
  /** Its memberships in swarms that have children. The one that was served last comes last. */
  readonly active: Set<Member> = new Set()
  /** Whether nobody may use it as parent. Change it only as the capacity. */
  isShunned = false
  /** How many parents it in particular may not use. */
  ownBlocks = 0
  #capacity: PeerCapacity
  #places: readonly string[]
  #inFlight = 0
  #rate: number | undefined
  #throughput: number | undefined

  constructor(id: PeerId, capacity: PeerCapacity) {
    this.id = id
    this.#capacity = capacity
    this.#places = placesOf(capacity.location)
  }

  get isCdn(): boolean {
    return this.#capacity.isCdn
  }

  get location(): PeerLocation {
    return this.#capacity.location
  }

  get places(): readonly string[] {
    return this.#places
  }

  get slots(): number {
    return this.#capacity.uploadSlots
  }

  get canServe(): boolean {
    return this.couldServe && !this.isShunned
  }

  /** Whether it can serve while it is not blocked. */
  get couldServe(): boolean {
    return this.#capacity.uploadSlots > 0 && this.#capacity.lanes.length > 0
  }

  /** Assignments under way from this parent, over all tasks. */
  get inFlight(): number {
    return this.#inFlight
  }

  get hasFreeSlot(): boolean {
    return this.canServe && this.#inFlight < this.#capacity.uploadSlots
  }

  get rate(): number | undefined {
    return this.#rate
  }

  /** Bytes per millisecond of all its transfers together, on average; undefined before the first one. */
  get throughput(): number | undefined {
    return this.#throughput
  }

  /** Call only between taking the peer's memberships out of the count and putting them back. */
  setCapacity(capacity: PeerCapacity): void {
    this.#capacity = capacity
    this.#places = placesOf(capacity.location)
  }

  occupySlot(): void {
    this.#inFlight++
    if (!this.hasFreeSlot) for (const member of this.active) member.swarm.free.delete(member.seat)
  }

  /** @returns whether a slot is free now that was not before. */
  vacateSlot(): boolean {
    const wasFree = this.hasFreeSlot
    this.#inFlight--
    if (wasFree || !this.hasFreeSlot) return false
    for (const member of this.active) member.swarm.listParent(member)
    return true
  }

  /** Learns from a transfer that went well and is still counted as in flight, in bytes per millisecond. */
  measure(rate: number): void {
    this.#rate = blend(this.#rate, rate)
    this.#throughput = blend(this.#throughput, rate * this.#inFlight)
  }
}
