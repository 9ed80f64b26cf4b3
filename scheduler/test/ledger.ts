import assert from 'node:assert/strict'
import type { PeerId, Priority, TaskId } from '@damselfly/shared'
import type { BlocklistEntry, PeerCapacity, Scheduler, SchedulerCommand, SchedulerEvent } from '../src/contract.ts'
import { MOST_CROSSING } from '../src/matching/crossing.ts'

export interface Flight {
  readonly task: TaskId
  readonly child: PeerId
  readonly piece: number
  readonly parent: PeerId
  /** Its parent went, or may not send: it burdens nobody and is no copy, until the child says what came of it. */
  isForsaken?: boolean
}

interface Child {
  credits: number
  priority: Priority
}

interface Task {
  pieces: number
  isCountKnown: boolean
  originFailed: boolean
  readonly held: Map<PeerId, Set<number>>
  readonly children: Map<PeerId, Child>
  /** Who may not upload it. */
  readonly shut: Set<PeerId>
}

/**
 * Follows a scheduler with books of its own, kept as plainly as can be, and after each event checks against them that
 * nothing forbidden was decided and that nobody waits for what could be had.
 */
export class Ledger {
  readonly peers: Map<PeerId, PeerCapacity> = new Map()
  readonly tasks: Map<TaskId, Task> = new Map()
  readonly commands: SchedulerCommand[] = []
  flights: Flight[] = []
  readonly #scheduler: Scheduler
  readonly #usesAllSlots: boolean
  /** As of the last event. */
  #blocklist: readonly BlocklistEntry[] = []

  /** @param usesAllSlots whether parents are to use every slot; otherwise only idle ones are sure to serve */
  constructor(scheduler: Scheduler, usesAllSlots: boolean) {
    this.#scheduler = scheduler
    this.#usesAllSlots = usesAllSlots
  }

  handle(event: SchedulerEvent, now: number): readonly SchedulerCommand[] {
    const commands = this.#scheduler.handle(event, now)
    this.#blocklist = this.#scheduler.snapshotBlocklist()
    this.#note(event)
    for (const command of commands) this.#check(command, now)
    this.#checkNobodyForgotten()
    this.#checkStats()
    this.commands.push(...commands)
    return commands
  }

  #note(event: SchedulerEvent): void {
    switch (event.type) {
      case 'peer-joined':
        return void this.peers.set(event.peer, event.capacity)
      case 'capacity-changed':
        if (this.peers.has(event.peer)) this.peers.set(event.peer, event.capacity)
        return
      case 'peer-left':
        for (const [task, { shut }] of this.tasks) {
          this.#leave(task, event.peer)
          this.#drop(task, event.peer)
          shut.delete(event.peer)
        }
        return void this.peers.delete(event.peer)
      case 'task-registered':
        return this.#register(event.task, event.pieceCount)
      case 'task-removed':
        return void this.tasks.delete(event.task)
      case 'child-joined': {
        const children = this.tasks.get(event.task)?.children
        if (this.peers.has(event.peer) && children?.has(event.peer) === false) children.set(event.peer, { credits: 0, priority: 'foreground' })
        return
      }
      case 'child-left':
        return this.#leave(event.task, event.peer)
      case 'pieces-wanted': {
        const child = this.tasks.get(event.task)?.children.get(event.peer)
        if (child === undefined) return
        child.credits += event.count
        child.priority = event.priority ?? 'foreground'
        return
      }
      case 'pieces-available':
        for (const piece of event.pieces as readonly number[]) this.#gain(event.task, event.peer, piece, true)
        return
      case 'pieces-dropped':
        return this.#drop(event.task, event.peer)
      case 'uploads-shut':
        return this.#shut(event.task, event.peer, event.isShut)
      case 'piece-done':
        return this.#gain(event.task, event.peer, event.piece, false)
      case 'piece-failed':
        this.flights = this.flights.filter((flight) => !isSame(flight, { ...event, child: event.peer }))
        return
      case 'origin-failed': {
        const task = this.tasks.get(event.task)
        if (task !== undefined) task.originFailed = true
        return
      }
      case 'parent-caught':
      case 'tick':
        return
    }
  }

  #register(id: TaskId, pieceCount: number | undefined): void {
    let task = this.tasks.get(id)
    if (task === undefined) {
      task = { pieces: 0, isCountKnown: false, originFailed: false, held: new Map(), children: new Map(), shut: new Set() }
      this.tasks.set(id, task)
    }
    task.originFailed = false
    if (pieceCount === undefined) return
    task.pieces = pieceCount
    task.isCountKnown = true
    for (const held of task.held.values()) for (const piece of held) if (piece >= pieceCount) held.delete(piece)
  }

  #gain(id: TaskId, peer: PeerId, piece: number, mayReveal: boolean): void {
    const task = this.tasks.get(id)
    const capacity = this.peers.get(peer)
    if (task === undefined || capacity === undefined) return
    if (mayReveal && capacity.isCdn && !task.isCountKnown) task.pieces = Math.max(task.pieces, piece + 1)
    if (piece >= task.pieces) return
    if (mayReveal && capacity.isCdn && !this.holds(id, peer, piece)) task.originFailed = false
    const held = task.held.get(peer) ?? new Set()
    task.held.set(peer, held.add(piece))
    this.flights = this.flights.filter((flight) => !isFor(flight, id, peer, piece))
  }

  #leave(task: TaskId, peer: PeerId): void {
    this.tasks.get(task)?.children.delete(peer)
    this.flights = this.flights.filter((flight) => flight.task !== task || flight.child !== peer)
  }

  #drop(task: TaskId, peer: PeerId): void {
    const known = this.tasks.get(task)
    known?.held.delete(peer)
    this.#forsake(task, peer)
  }

  #shut(task: TaskId, peer: PeerId, isShut: boolean): void {
    const known = this.tasks.get(task)
    if (known === undefined || !this.peers.has(peer)) return
    if (isShut) known.shut.add(peer)
    else known.shut.delete(peer)
  }

  /** The credit stays spent: only the child gives it back. */
  #forsake(task: TaskId, parent: PeerId): void {
    for (const flight of this.flights) if (flight.task === task && flight.parent === parent) flight.isForsaken = true
  }

  #check(command: SchedulerCommand, now: number): void {
    if (command.type === 'cancel') {
      const known = this.tasks.get(command.task)
      const flight = this.flights.find((one) => isSame(one, command))
      assert.ok(flight !== undefined, 'only what is under way is cancelled')
      if (known?.shut.has(command.parent) === true && command.piece < known.pieces) return void (flight.isForsaken = true)
      if (known !== undefined) assert.ok(command.piece >= known.pieces, 'only what lies past the end is cancelled')
      this.flights = this.flights.filter((one) => one !== flight)
    } else if (command.type === 'assign') {
      this.#checkAssign(command)
      this.flights.push({ ...command })
    } else {
      assert.equal(command.type, 'back-to-source')
      if (command.type === 'back-to-source') this.#checkBackToSource(command, now)
    }
  }

  #checkAssign(flight: Flight): void {
    const { task, child, piece, parent } = flight
    const taker = this.tasks.get(task)?.children.get(child)
    assert.ok(taker !== undefined && taker.credits > 0, `${child} has a credit`)
    assert.ok(!this.holds(task, child, piece), `${child} does not hold ${piece}`)
    assert.ok(!this.flights.some((other) => isFor(other, task, child, piece)), `${child} is not fetching ${piece}`)
    assert.ok(this.canGive(flight), `${parent} can give ${piece} to ${child}`)
    if (this.peers.get(parent)?.isCdn === true) {
      const others = [...this.peers].filter(([peer, { isCdn }]) => !isCdn && this.mustGive({ ...flight, parent: peer }))
      assert.deepEqual(others, [], 'the CDN is the last resort')
    }
    taker.credits--
  }

  #checkBackToSource({ task, child }: { task: TaskId; child: PeerId }, now: number): void {
    const known = this.tasks.get(task)
    assert.ok(known !== undefined && known.children.has(child))
    const underWay = this.flights.filter((flight) => flight.task === task && flight.child === child)
    assert.deepEqual(underWay, [], 'nothing is under way to it')
    const soon = this.#scheduler.snapshotBlocklist().filter(({ until }) => until > now + 10_000)
    for (const [parent, { isCdn, uploadSlots, lanes }] of this.peers) {
      if (parent === child || uploadSlots === 0 || lanes.length === 0) continue
      if (this.isShut(task, parent)) continue
      if (soon.some((entry) => entry.parent === parent && (entry.child ?? child) === child)) continue
      assert.ok(!isCdn || known.originFailed, 'the CDN could still bring it')
      for (const piece of this.needs(task, child)) assert.ok(!this.holds(task, parent, piece), `${parent} has ${piece}`)
    }
  }

  /** Every child with credits for which some parent has a needed piece and a free slot must have been served. */
  #checkNobodyForgotten(): void {
    for (const [task, { children }] of this.tasks) {
      for (const [child, { credits }] of children) {
        if (credits === 0) continue
        for (const piece of this.needs(task, child)) {
          for (const [parent, { isCdn }] of this.peers) {
            const flight = { task, child, piece, parent }
            if (!this.mustGive(flight) || (isCdn && this.#swarmHas(flight))) continue
            assert.fail(`${child} was forgotten: ${parent} could give it ${piece}`)
          }
        }
      }
    }
  }

  /** Foreground that still waits, and to which the parent could have given something in place of what it gave to background. */
  passedOverFor({ task, child, parent }: Flight): readonly Flight[] {
    if (this.tasks.get(task)?.children.get(child)?.priority !== 'background') return []
    return [...this.tasks].flatMap(([other, { children }]) => {
      const waiting = [...children].filter(([, { credits, priority }]) => credits > 0 && priority === 'foreground')
      const flights = waiting.flatMap(([waiter]) => this.needs(other, waiter).map((piece) => ({ task: other, child: waiter, piece, parent })))
      return flights.filter((flight) => this.#mayGive(flight) && !this.#mayHaveToWait(flight))
    })
  }

  /** Whether some peer that the child may use has the piece or is about to. */
  #swarmHas({ task, child, piece }: Flight): boolean {
    for (const [peer, { isCdn, uploadSlots, lanes }] of this.peers) {
      if (isCdn || uploadSlots === 0 || lanes.length === 0 || this.isBlocked(child, peer)) continue
      if (this.isShut(task, peer)) continue
      if (this.holds(task, peer, piece) || this.isOnItsWay(task, peer, piece)) return true
    }
    return false
  }

  isShut(task: TaskId, peer: PeerId): boolean {
    return this.tasks.get(task)?.shut.has(peer) === true
  }

  /** As far as one may count on it. */
  isOnItsWay(task: TaskId, peer: PeerId, piece: number): boolean {
    return this.flights.some((flight) => isFor(flight, task, peer, piece) && flight.isForsaken !== true)
  }

  #checkStats(): void {
    const { peers, tasks, inFlight } = this.#scheduler.stats()
    assert.deepEqual({ peers, tasks, inFlight }, {
      peers: this.peers.size,
      tasks: this.tasks.size,
      inFlight: this.flights.length,
    })
  }

  needs(task: TaskId, child: PeerId): readonly number[] {
    const pieces = Array.from({ length: this.tasks.get(task)?.pieces ?? 0 }, (_, piece) => piece)
    const isOpen = (piece: number): boolean => !this.flights.some((flight) => isFor(flight, task, child, piece))
    return pieces.filter((piece) => !this.holds(task, child, piece) && isOpen(piece))
  }

  holds(task: TaskId, peer: PeerId, piece: number): boolean {
    return this.tasks.get(task)?.held.get(peer)?.has(piece) === true
  }

  isBlocked(child: PeerId, parent: PeerId): boolean {
    return this.#blocklist.some((entry) => entry.parent === parent && (entry.child ?? child) === child)
  }

  /** Whether nothing can be a reason not to give it. */
  mustGive(flight: Flight): boolean {
    const isIdle = this.busyOf(flight.parent) === 0
    return (this.#usesAllSlots || isIdle) && !this.#mayHaveToWait(flight) && this.canGive(flight)
  }

  /**
   * Whether the parent is in another location than the child, and somebody in the child's has the piece or is about to, or
   * enough is on its way there.
   */
  #mayHaveToWait({ task, child, piece, parent }: Flight): boolean {
    const here = this.peers.get(child)?.location.location ?? ''
    if (here === '' || this.peers.get(parent)?.location.location === here) return false
    const isHere = (peer: PeerId): boolean => this.peers.get(peer)?.location.location === here
    if (this.flights.filter((flight) => isHere(flight.child) && !isHere(flight.parent) && flight.isForsaken !== true).length >= MOST_CROSSING) return true
    return [...this.peers].some(([peer, { location }]) => {
      if (location.location !== here) return false
      return this.holds(task, peer, piece) || this.isOnItsWay(task, peer, piece)
    })
  }

  canGive({ task, child, piece, parent }: Flight): boolean {
    const slots = this.peers.get(parent)?.uploadSlots ?? 0
    return this.busyOf(parent) < slots && this.#mayGive({ task, child, piece, parent })
  }

  /** If it has a slot. */
  #mayGive({ task, child, piece, parent }: Flight): boolean {
    const capacity = this.peers.get(parent)
    if (capacity === undefined || parent === child || capacity.lanes.length === 0) return false
    return !this.isShut(task, parent) && this.holds(task, parent, piece) && !this.isBlocked(child, parent)
  }

  busyOf(parent: PeerId): number {
    return this.flights.filter((flight) => flight.parent === parent && flight.isForsaken !== true).length
  }
}

function isFor(flight: Flight, task: TaskId, child: PeerId, piece: number): boolean {
  return flight.task === task && flight.child === child && flight.piece === piece
}

function isSame(flight: Flight, other: Flight): boolean {
  return isFor(flight, other.task, other.child, other.piece) && flight.parent === other.parent
}
