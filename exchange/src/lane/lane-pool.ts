import { DamselflyError, type Clock, type PeerId, type RateLimiter, type TaskId } from '@damselfly/shared'
import type { Channel } from '../channel/channel.ts'
import type { Endpoint, Transport } from '../channel/transport.ts'
import { dialFirst } from './dial-first.ts'
import type { Lane } from './lane.ts'
import { openLane } from './open-lane.ts'
import { usableEndpoints, type SecurityPolicy } from './security.ts'
import type { SecurityInForce } from './security-in-force.ts'
import { SharedLane } from './shared-lane.ts'

/** A parent as the supernode describes it. */
export interface LaneParent {
  readonly peer: PeerId
  readonly endpoints: readonly Endpoint[]
  /** The least that the parent accepts. */
  readonly security: SecurityPolicy
}

export interface LanePoolInit {
  /** At most one of each kind. */
  readonly transports: readonly Transport[]
  /** The least that this side accepts; a lane that has less by now is replaced. */
  readonly security: SecurityInForce
  readonly clock: Clock
  /** Shared by all downloads of this peer. */
  readonly downloadLimiter: RateLimiter
  /** How long a lane without requests is kept; milliseconds. @default 30 000 */
  readonly idleMs?: number
  /** How long one way to a parent has for itself before the next is tried beside it; milliseconds. @default 250 */
  readonly fallbackMs?: number
  /** After which a lane is replaced, without interruption, so that its keys do not get old. @default an hour, 128 GiB */
  readonly lifetime?: LaneLifetime
}

export interface LaneLifetime {
  /** Milliseconds. */
  readonly ms: number
  readonly bytes: number
}

/** Lanes to parents, one for each, opened on demand and closed when they are idle. */
export interface LanePool {
  /**
   * The lane to a parent; everybody who asks for the same parent shares it. Ask again for each
   * batch of requests, since a lane that was idle or broke is replaced.
   *
   * @param apart a task that shares its lane with no other, since what is limited holds up what comes behind it
   * @throws DamselflyError PEER_UNREACHABLE with every cause, CHANNEL_CLOSED after `close`, or the signal's reason
   */
  lane(parent: LaneParent, signal: AbortSignal, apart?: TaskId): Promise<Lane>
  /** Ends the lanes to these parents, with what is under way on them. */
  cut(parents: readonly PeerId[]): void
  /** Ends every lane and every attempt. Idempotent. */
  close(): Promise<void>
}

const DEFAULT_IDLE_MS = 30_000
const DEFAULT_FALLBACK_MS = 250

/** AES-GCM with one key is meant for some 360 GiB in records of 16 KiB (RFC 8446, 5.5). */
const DEFAULT_LIFETIME: LaneLifetime = { ms: 3_600_000, bytes: 128 * 1024 ** 3 }

export function createLanePool(init: LanePoolInit): LanePool {
  return new DialingLanePool(init)
}

class DialingLanePool implements LanePool {
  readonly #init: LanePoolInit
  /** By parent, and the task that has a lane apart. */
  readonly #lanes = new Map<string, SharedLane>()
  #isClosed = false

  constructor(init: LanePoolInit) {
    this.#init = init
  }

  async lane(parent: LaneParent, signal: AbortSignal, apart?: TaskId): Promise<Lane> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new DamselflyError('CHANNEL_CLOSED', 'the lanes of this peer are closed')
    const key = keyOf(parent.peer, apart)
    const known = this.#lanes.get(key)
    if (known?.isSpent === true) known.retire()
    const shared = this.#lanes.get(key) ?? this.#create(key, parent)
    return shared.acquire(signal)
  }

  cut(parents: readonly PeerId[]): void {
    if (parents.length === 0) return
    const doomed = new Set<string>(parents)
    for (const [key, shared] of this.#lanes) if (doomed.has(parentOf(key))) void shared.close()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#lanes.values()].map((shared) => shared.close()))
  }

  #create(key: string, parent: LaneParent): SharedLane {
    const shared: SharedLane = new SharedLane({
      idleMs: this.#init.idleMs ?? DEFAULT_IDLE_MS,
      lifetime: this.#init.lifetime ?? DEFAULT_LIFETIME,
      isAllowed: (lane) => this.#init.security.allows(lane.kind, lane.host),
      clock: this.#init.clock,
      open: async (signal, onOpenChange) => {
        const channel = await this.#dial(parent, signal)
        return openLane(channel, { downloadLimiter: this.#init.downloadLimiter, onOpenChange })
      },
      onOver: () => {
        if (this.#lanes.get(key) === shared) this.#lanes.delete(key)
      },
    })
    this.#lanes.set(key, shared)
    return shared
  }

  async #dial({ peer, endpoints, security }: LaneParent, signal: AbortSignal): Promise<Channel> {
    const { transports, security: own, clock, fallbackMs = DEFAULT_FALLBACK_MS } = this.#init
    const usable = usableEndpoints(endpoints, own.policy, security).filter(({ kind, host }) =>
      own.allows(kind, host) && transports.some((transport) => transport.kind === kind),
    )
    if (usable.length === 0) {
      const offered = [...new Set(endpoints.map(({ kind }) => kind))].join(', ')
      throw new DamselflyError(
        'PEER_UNREACHABLE',
        `no lane to ${peer}: it offers ${offered || 'nothing'}; security here is ${own.policy}, there ${security}`,
      )
    }
    const dial = (endpoint: Endpoint, within: AbortSignal): Promise<Channel> => {
      const transport = transports.find(({ kind }) => kind === endpoint.kind)
      if (transport === undefined) throw new Error(`there is no transport for ${endpoint.kind}`)
      return transport.dial({ endpoint, peer }, '/damselfly/piece/1', within)
    }
    return dialFirst({ peer, endpoints: usable, dial, fallbackMs, clock }, signal)
  }
}

function keyOf(parent: PeerId, apart: TaskId | undefined): string {
  return apart === undefined ? parent : `${parent} ${apart}`
}

function parentOf(key: string): string {
  return key.split(' ', 1)[0] ?? ''
}
