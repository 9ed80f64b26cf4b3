import type { Clock, PeerId, TaskId, TimeShares } from '@damselfly/shared'
import type { Register } from '@damselfly/shared/wire'
import { progressNews } from '../swarm/swarm-news.ts'
import type { ConnectedPeer } from './connected-peer.ts'
import { FairTurns } from './fair-turns.ts'
import type { ControlLimits } from './limits.ts'
import { readSpec } from './peer-words.ts'
import type { Registrar } from './registration.ts'

/** What a registration takes later, when nobody measures it; milliseconds. */
const REGISTRATION_COST_MS = 0.3

/** Of an answer that refuses it; milliseconds. */
const REFUSAL_COST_MS = 0.1

/** What a content takes that is fetched for a peer, in all threads and at the disk; milliseconds. */
const FETCH_COST_MS = 6

/** How often who waits for an answer hears that it is not forgotten, which a child wants to hear within 1.5 s; milliseconds. */
const SIGN_MS = 1000
const SIGN_COST_MS = 0.01

/** What registrations of one peer that have no answer may hold; bytes, roughly. */
const MOST_BYTES = 8 * 1024 * 1024

/** What one holds beside its texts; bytes, roughly. */
const ENTRY_BYTES = 1024

export interface RegistrationQueueInit {
  readonly registrar: Pick<Registrar, 'register' | 'refuse'>
  readonly shares: TimeShares<PeerId>
  readonly limits: Pick<ControlLimits, 'pendingRegistrations' | 'tasks'>
  readonly clock: Clock
}

/** A registration that has no answer yet. */
interface Unanswered {
  readonly peer: ConnectedPeer
  readonly register: Register
  /** Undefined: not asked yet, or there is none. */
  taskId: TaskId | undefined
}

interface Held {
  count: number
  bytes: number
}

/** Registrations that wait for their answers. Peers take turns, and one that asks for more than its share of time waits longer. */
export class RegistrationQueue {
  readonly #init: RegistrationQueueInit
  /** Many may ask for the same content at once, and the origin's answer is what they all wait for. */
  readonly #turns: FairTurns<ConnectedPeer>
  readonly #unanswered = new Set<Unanswered>()
  readonly #held = new WeakMap<ConnectedPeer, Held>()
  readonly #underWay = new Set<Promise<void>>()
  #cancelSigns: (() => void) | undefined

  constructor(init: RegistrationQueueInit) {
    this.#init = init
    this.#turns = new FairTurns({ clock: init.clock, waitOf: ({ peer }) => init.shares.waitOf(peer) })
  }

  /** How many have no answer. */
  get size(): number {
    return this.#unanswered.size
  }

  add(peer: ConnectedPeer, given: Register): void {
    const { registrar, shares } = this.#init
    const bytes = bytesOf(given)
    const held = this.#heldBy(peer)
    const why = this.#refusalOf(held, bytes)
    shares.spend(peer.peer, why === undefined ? REGISTRATION_COST_MS : REFUSAL_COST_MS)
    if (why !== undefined) return registrar.refuse(peer, given, why)
    held.count++
    held.bytes += bytes
    const entry = { peer, register: detached(given), taskId: undefined }
    this.#unanswered.add(entry)
    this.#cancelSigns ??= this.#signLater()
    this.#turns.run(peer, () => {
      const answered = this.#begin(entry).finally(() => {
        held.count--
        held.bytes -= bytes
        this.#unanswered.delete(entry)
        this.#underWay.delete(answered)
      })
      this.#underWay.add(answered)
    })
  }

  /** The peer is gone. */
  forget(peer: ConnectedPeer): void {
    this.#turns.forget(peer)
    for (const entry of this.#unanswered) if (entry.peer === peer) this.#unanswered.delete(entry)
  }

  /** Begins nothing more. Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#turns.clear()
    this.#unanswered.clear()
    this.#cancelSigns?.()
    this.#cancelSigns = undefined
    await Promise.all(this.#underWay)
  }

  async #begin({ peer, register }: Unanswered): Promise<void> {
    const { registrar, shares } = this.#init
    await registrar.register(peer, register, () => shares.spend(peer.peer, FETCH_COST_MS))
  }

  #refusalOf({ count, bytes }: Held, more: number): string | undefined {
    const { pendingRegistrations, tasks } = this.#init.limits
    if (count >= pendingRegistrations || bytes + more > MOST_BYTES) return `${count} registrations of this peer have no answer yet`
    return this.#unanswered.size >= tasks ? 'too many registrations have no answer yet' : undefined
  }

  #heldBy(peer: ConnectedPeer): Held {
    let held = this.#held.get(peer)
    if (held === undefined) this.#held.set(peer, (held = { count: 0, bytes: 0 }))
    return held
  }

  #signLater(): () => void {
    return this.#init.clock.after(SIGN_MS, () => {
      for (const entry of this.#unanswered) this.#sign(entry)
      this.#cancelSigns = this.#unanswered.size === 0 ? undefined : this.#signLater()
    })
  }

  #sign(entry: Unanswered): void {
    const { peer, register } = entry
    this.#init.shares.spend(peer.peer, SIGN_COST_MS)
    entry.taskId ??= taskIdOf(register)
    if (entry.taskId !== undefined) peer.session.send(progressNews(entry.taskId, 0))
  }
}

/** Undefined: the answer will say what is wrong with it. */
function taskIdOf({ spec }: Register): TaskId | undefined {
  try {
    return readSpec(spec).taskId
  } catch {
    return undefined
  }
}

/** Its bytes are views that would keep the whole batch in memory. */
function detached(register: Register): Register {
  register.held = register.held.slice()
  if (register.spec !== undefined) register.spec.digest = register.spec.digest.slice()
  return register
}

function bytesOf({ spec, held, credentials }: Register): number {
  const headers = [...(spec?.headers ?? []), ...credentials]
  const texts = [spec?.url ?? '', spec?.tag ?? '', spec?.application ?? '', ...(spec?.filteredQueryParams ?? [])]
  return ENTRY_BYTES + held.length + texts.reduce((sum, text) => sum + text.length, 0) + headers.reduce((sum, { name, value }) => sum + name.length + value.length, 0)
}
